//! The one way in: every host function of every interface, counted and put on
//! record. Decides nothing; what a function does is in its interface's file.

use proscenium_wire::Decision;
use wasmtime::component::Resource;

use super::{cgroups, payloads, stage};
use crate::audit::{Decided, Function};
use crate::bindings;
use crate::bindings::cgroups::{CpuStat, Pressure, PressureResource};
use crate::bindings::checks::{Thresholds, WorkerStats};
use crate::bindings::log::Level;
use crate::bindings::ops::Op;
use crate::bindings::payloads::Report;
use crate::bindings::scheduler::State as KernelState;
use crate::bindings::stage::{Backdrop, HoldOutcome, StepPlan};
use crate::bindings::topology::Machine;
use crate::bindings::types::{
    CgroupDef, CountLimit, CpuLimits, CpusetSpec, HoldSpec, MemoryLimits, PayloadRef, PayloadRun,
};
use crate::executor::{Error, Result};
use crate::plugin::State;

/// The state, as the linked functions get it.
pub(crate) struct Audited<'a>(pub(super) &'a mut State);

impl Audited<'_> {
    fn call<T, E: Decided>(
        &mut self,
        function: Function,
        call: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        let state = &mut *self.0;
        state.stage.count_call();
        state.stop_floods();
        let entered = state.audit.enter(function, &mut state.stage);
        let result = call(state);
        let decision = match &result {
            Ok(_) => Decision::Done,
            Err(error) => error.decision(),
        };
        state.audit.leave(function, entered, decision);
        result
    }
}

macro_rules! audited {
    ($trait:path {$(
        fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = $function:ident;
    )*}) => {
        impl $trait for Audited<'_> {$(
            fn $name(&mut self $(, $argument: $type)*) -> $result {
                self.call(Function::$function, |state| {
                    <State as $trait>::$name(state $(, $argument)*)
                })
            }
        )*}
    };
}

audited! { bindings::topology::Host {
    fn discover() -> wasmtime::Result<Machine> = TopologyDiscover;
    fn resolve(spec: CpusetSpec) -> Result<Vec<u32>> = TopologyResolve;
}}

impl bindings::cgroups::Host for Audited<'_> {}

type Cgroup = Resource<cgroups::Handle>;

audited! { bindings::cgroups::HostCgroup {
    fn create(name: String) -> Result<Cgroup> = CgroupCreate;
    fn open(name: String) -> Result<Cgroup> = CgroupOpen;
    fn name(this: Cgroup) -> wasmtime::Result<String> = CgroupName;
    fn set_cpuset(this: Cgroup, spec: CpusetSpec) -> Result<()> = CgroupSetCpuset;
    fn clear_cpuset(this: Cgroup) -> Result<()> = CgroupClearCpuset;
    fn set_cpu(this: Cgroup, limits: CpuLimits) -> Result<()> = CgroupSetCpu;
    fn set_memory(this: Cgroup, limits: MemoryLimits) -> Result<()> = CgroupSetMemory;
    fn set_io_weight(this: Cgroup, weight: u32) -> Result<()> = CgroupSetIoWeight;
    fn set_pids_max(this: Cgroup, max: CountLimit) -> Result<()> = CgroupSetPidsMax;
    fn freeze(this: Cgroup) -> Result<()> = CgroupFreeze;
    fn thaw(this: Cgroup) -> Result<()> = CgroupThaw;
    fn move_all_tasks(this: Cgroup, to: Cgroup) -> Result<u32> = CgroupMoveAllTasks;
    fn tasks(this: Cgroup) -> Result<Vec<u32>> = CgroupTasks;
    fn cpu_stat(this: Cgroup) -> Result<CpuStat> = CgroupCpuStat;
    fn memory_current(this: Cgroup) -> Result<u64> = CgroupMemoryCurrent;
    fn pressure(this: Cgroup, of: PressureResource) -> Result<Pressure> = CgroupPressure;
    fn remove(this: Cgroup) -> Result<()> = CgroupRemove;
    fn drop(this: Cgroup) -> wasmtime::Result<()> = CgroupDrop;
}}

audited! { bindings::stage::Host {
    fn set_backdrop(backdrop: Backdrop) -> Result<()> = StageSetBackdrop;
    fn execute(backdrop: Backdrop, steps: Vec<StepPlan>) -> Result<()> = StageExecute;
}}

type Step = Resource<stage::Handle>;

audited! { bindings::stage::HostStep {
    fn begin(label: Option<String>) -> Result<Step> = StepBegin;
    fn apply(this: Step, ops: Vec<Op>) -> Result<()> = StepApply;
    fn setup(this: Step, defs: Vec<CgroupDef>) -> Result<()> = StepSetup;
    fn hold(this: Step, spec: HoldSpec) -> Result<HoldOutcome> = StepHold;
    fn iterations(this: Step) -> wasmtime::Result<u64> = StepIterations;
    fn finish(this: Step) -> Result<()> = StepFinish;
    fn drop(this: Step) -> wasmtime::Result<()> = StepDrop;
}}

audited! { bindings::payloads::Host {
    fn declared() -> wasmtime::Result<Vec<String>> = PayloadsDeclared;
}}

type Payload = Resource<payloads::Handle>;

audited! { bindings::payloads::HostPayload {
    fn run(what: PayloadRun) -> Result<Payload> = PayloadRun;
    fn open(which: PayloadRef) -> Result<Payload> = PayloadOpen;
    fn wait(this: Payload, timeout: Option<u64>) -> Result<Report> = PayloadWait;
    fn kill(this: Payload) -> Result<Report> = PayloadKill;
    fn drop(this: Payload) -> wasmtime::Result<()> = PayloadDrop;
}}

audited! { bindings::scheduler::Host {
    fn kernel_state() -> wasmtime::Result<KernelState> = SchedulerKernelState;
    fn current() -> wasmtime::Result<Option<String>> = SchedulerCurrent;
    fn declared() -> wasmtime::Result<Vec<String>> = SchedulerDeclared;
    fn attach(name: String) -> Result<()> = SchedulerAttach;
    fn detach() -> Result<()> = SchedulerDetach;
    fn restart() -> Result<()> = SchedulerRestart;
    fn replace(name: String) -> Result<()> = SchedulerReplace;
    fn pin_map(name: String) -> Result<()> = SchedulerPinMap;
}}

audited! { bindings::checks::Host {
    fn set(thresholds: Thresholds) -> wasmtime::Result<()> = ChecksSet;
    fn collected() -> wasmtime::Result<Vec<WorkerStats>> = ChecksCollected;
    fn fail(message: String) -> wasmtime::Result<()> = ChecksFail;
    fn note(message: String) -> wasmtime::Result<()> = ChecksNote;
}}

audited! { bindings::stimulus::Host {
    fn mark(name: String, fields: Vec<(String, f64)>) -> Result<()> = StimulusMark;
}}

audited! { bindings::log::Host {
    fn log(level: Level, message: String) -> wasmtime::Result<()> = Log;
}}

audited! { bindings::clock::Host {
    fn elapsed() -> wasmtime::Result<u64> = ClockElapsed;
    fn remaining() -> wasmtime::Result<u64> = ClockRemaining;
}}

impl bindings::types::Host for Audited<'_> {
    fn convert_error(&mut self, error: Error) -> wasmtime::Result<bindings::types::Error> {
        self.0.convert_error(error)
    }
}

impl bindings::ops::Host for Audited<'_> {}
