//! `topology` — look at the machine. Never changes anything.

use crate::bindings::topology::{Core, Host, Llc, Machine};
use crate::bindings::types::CpusetSpec;
use crate::executor::{Error, resolve_cpuset};
use crate::plugin::State;

impl Host for State {
    fn discover(&mut self) -> wasmtime::Result<Machine> {
        let machine = self.stage.machine();
        Ok(Machine {
            cpus: machine.cpus.iter().collect(),
            usable: machine.usable(),
            llcs: machine
                .llcs
                .iter()
                .map(|llc| Llc {
                    id: llc.id,
                    cpus: llc.cpus.iter().collect(),
                    node: llc.node,
                })
                .collect(),
            cores: machine
                .cores
                .iter()
                .map(|core| Core {
                    cpus: core.cpus.iter().collect(),
                    llc: u32::try_from(core.llc).unwrap_or(u32::MAX),
                })
                .collect(),
            nodes: machine.nodes.iter().copied().collect(),
        })
    }

    fn resolve(&mut self, spec: CpusetSpec) -> Result<Vec<u32>, Error> {
        Ok(resolve_cpuset(&spec, self.stage.machine())?
            .iter()
            .collect())
    }
}
