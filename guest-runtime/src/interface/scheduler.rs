//! `scheduler` — load, swap and drop schedulers that the operator declared, by
//! name. Never names a path; what is attached outlives every handle and no
//! scenario.

use crate::bindings::scheduler::{Host, State as KernelState};
use crate::executor::Result;
use crate::plugin::State;
use crate::world::ExtState;

impl Host for State {
    fn kernel_state(&mut self) -> wasmtime::Result<KernelState> {
        Ok(match self.stage.sched_ext().state {
            ExtState::Absent => KernelState::Absent,
            ExtState::Disabled => KernelState::Disabled,
            ExtState::Enabling => KernelState::Enabling,
            ExtState::Enabled => KernelState::Enabled,
            ExtState::Disabling => KernelState::Disabling,
        })
    }

    fn current(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.stage.scheduler().map(str::to_owned))
    }

    fn declared(&mut self) -> wasmtime::Result<Vec<String>> {
        let declared = self.stage.declared_schedulers().iter();
        Ok(declared.map(|spec| spec.name.clone()).collect())
    }

    fn attach(&mut self, name: String) -> Result<()> {
        self.blocking(|stage| stage.attach_scheduler(&name))
    }

    fn detach(&mut self) -> Result<()> {
        self.blocking(|stage| stage.detach_scheduler())
    }

    fn restart(&mut self) -> Result<()> {
        self.blocking(|stage| stage.restart_scheduler())
    }

    fn replace(&mut self, name: String) -> Result<()> {
        self.blocking(|stage| stage.replace_scheduler(&name))
    }

    fn pin_map(&mut self, name: String) -> Result<()> {
        self.blocking(|stage| stage.pin_map(&name))
    }
}
