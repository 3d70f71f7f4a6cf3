//! The one way in: every host function of every interface, counted and put on
//! record, and carried over where the component runs in another process.
//! Decides nothing; what a function does is in its interface's file.

use proscenium_wire::{Budget, Decision};
use serde::{Deserialize, Serialize};
use wasmtime::component::Resource;

use super::cross::{Cross, Reply};
use super::{Interfaces, Linked, cgroups, payloads, stage};
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
use crate::bindings::types::ErrorCode;
use crate::bindings::types::{
    CgroupDef, CountLimit, CpuLimits, CpusetSpec, HoldSpec, MemoryLimits, PayloadRef, PayloadRun,
};
use crate::executor::{Error, Result};
use crate::plugin::State;
use crate::sandbox::Proxy;

/// The state, as the linked functions get it.
pub(crate) struct Audited<'a>(&'a mut State);

impl Interfaces for Audited<'_> {}

impl Linked for State {
    type Data<'a> = Audited<'a>;

    fn enter(&mut self) -> Audited<'_> {
        Audited(self)
    }
}

impl Audited<'_> {
    fn call<T, E: Decided + Beyond>(
        &mut self,
        function: Function,
        call: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        let state = &mut *self.0;
        let entered = state.audit.enter(function, &mut state.stage);
        let result = match state.count_call(entered) {
            Ok(()) => call(state),
            Err(budget) => Err(E::beyond(budget)),
        };
        let decision = match &result {
            Ok(_) => Decision::Done,
            Err(error) => error.decision(),
        };
        state.audit.leave(function, entered, decision);
        result
    }
}

/// The answer to a call that is one too many. The component hardly sees it: it
/// is being ended, and the verdict says for what.
trait Beyond {
    fn beyond(budget: Budget) -> Self;
}

impl Beyond for Error {
    fn beyond(budget: Budget) -> Self {
        Self::new(ErrorCode::LimitExceeded, no_more(budget))
    }
}

impl Beyond for wasmtime::Error {
    fn beyond(budget: Budget) -> Self {
        Self::msg(no_more(budget))
    }
}

fn no_more(budget: Budget) -> String {
    format!("no more calls: limits.{} is used up", budget.key())
}

/// Why a call from another process has no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The runtime's environment is broken.
    Fault(wasmtime::Error),
    /// No function, or arguments, that there are.
    Senseless,
}

macro_rules! functions {
    ($($trait:path {$(
        fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = $function:ident;
    )*})*) => {
        $(
            impl $trait for Audited<'_> {$(
                fn $name(&mut self $(, $argument: $type)*) -> $result {
                    self.call(Function::$function, |state| {
                        <State as $trait>::$name(state $(, $argument)*)
                    })
                }
            )*}

            impl $trait for Proxy {$(
                fn $name(&mut self $(, $argument: $type)*) -> $result {
                    self.call(Function::$function.number(), &($($argument.form(),)*))
                }
            )*}
        )*

        /// Carries out a call that came from another process, as one from here.
        ///
        /// # Errors
        /// [`Unanswered`].
        pub(crate) fn carry_out(
            state: &mut State,
            function: u16,
            arguments: &[u8],
        ) -> std::result::Result<Vec<u8>, Unanswered> {
            let Some(function) = Function::of_number(function) else {
                return Err(Unanswered::Senseless);
            };
            let mut audited = Audited(state);
            match function {$($(
                Function::$function => {
                    let ($($argument,)*): ($(<$type as Cross>::Form,)*) = decode(arguments)?;
                    let result = <Audited<'_> as $trait>::$name(
                        &mut audited $(, <$type as Cross>::of($argument))*
                    );
                    encode(result, &mut audited)
                }
            )*)*}
        }
    };
}

fn decode<'a, T: Deserialize<'a>>(arguments: &'a [u8]) -> std::result::Result<T, Unanswered> {
    postcard::from_bytes(arguments).map_err(|_| Unanswered::Senseless)
}

fn encode<R: Reply>(
    result: R,
    audited: &mut Audited<'_>,
) -> std::result::Result<Vec<u8>, Unanswered> {
    let told = |error| bindings::types::Host::convert_error(audited, error);
    let answer = result.answer(told).map_err(Unanswered::Fault)?;
    to_bytes(&answer)
}

/// What is sent was made here, and fits in memory.
fn to_bytes(answer: &impl Serialize) -> std::result::Result<Vec<u8>, Unanswered> {
    postcard::to_stdvec(answer).map_err(|error| Unanswered::Fault(wasmtime::Error::new(error)))
}

type Cgroup = Resource<cgroups::Handle>;
type Step = Resource<stage::Handle>;
type Payload = Resource<payloads::Handle>;

functions! {
    bindings::topology::Host {
        fn discover() -> wasmtime::Result<Machine> = TopologyDiscover;
        fn resolve(spec: CpusetSpec) -> Result<Vec<u32>> = TopologyResolve;
    }
    bindings::cgroups::HostCgroup {
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
    }
    bindings::stage::Host {
        fn set_backdrop(backdrop: Backdrop) -> Result<()> = StageSetBackdrop;
        fn execute(backdrop: Backdrop, steps: Vec<StepPlan>) -> Result<()> = StageExecute;
    }
    bindings::stage::HostStep {
        fn begin(label: Option<String>) -> Result<Step> = StepBegin;
        fn apply(this: Step, ops: Vec<Op>) -> Result<()> = StepApply;
        fn setup(this: Step, defs: Vec<CgroupDef>) -> Result<()> = StepSetup;
        fn hold(this: Step, spec: HoldSpec) -> Result<HoldOutcome> = StepHold;
        fn iterations(this: Step) -> wasmtime::Result<u64> = StepIterations;
        fn finish(this: Step) -> Result<()> = StepFinish;
        fn drop(this: Step) -> wasmtime::Result<()> = StepDrop;
    }
    bindings::payloads::Host {
        fn declared() -> wasmtime::Result<Vec<String>> = PayloadsDeclared;
    }
    bindings::payloads::HostPayload {
        fn run(what: PayloadRun) -> Result<Payload> = PayloadRun;
        fn open(which: PayloadRef) -> Result<Payload> = PayloadOpen;
        fn wait(this: Payload, timeout: Option<u64>) -> Result<Report> = PayloadWait;
        fn kill(this: Payload) -> Result<Report> = PayloadKill;
        fn drop(this: Payload) -> wasmtime::Result<()> = PayloadDrop;
    }
    bindings::scheduler::Host {
        fn kernel_state() -> wasmtime::Result<KernelState> = SchedulerKernelState;
        fn current() -> wasmtime::Result<Option<String>> = SchedulerCurrent;
        fn declared() -> wasmtime::Result<Vec<String>> = SchedulerDeclared;
        fn attach(name: String) -> Result<()> = SchedulerAttach;
        fn detach() -> Result<()> = SchedulerDetach;
        fn restart() -> Result<()> = SchedulerRestart;
        fn replace(name: String) -> Result<()> = SchedulerReplace;
        fn pin_map(name: String) -> Result<()> = SchedulerPinMap;
    }
    bindings::checks::Host {
        fn set(thresholds: Thresholds) -> wasmtime::Result<()> = ChecksSet;
        fn collected() -> wasmtime::Result<Vec<WorkerStats>> = ChecksCollected;
        fn fail(message: String) -> wasmtime::Result<()> = ChecksFail;
        fn note(message: String) -> wasmtime::Result<()> = ChecksNote;
    }
    bindings::stimulus::Host {
        fn mark(name: String, fields: Vec<(String, f64)>) -> Result<()> = StimulusMark;
    }
    bindings::log::Host {
        fn log(level: Level, message: String) -> wasmtime::Result<()> = Log;
    }
    bindings::clock::Host {
        fn elapsed() -> wasmtime::Result<u64> = ClockElapsed;
        fn remaining() -> wasmtime::Result<u64> = ClockRemaining;
    }
}

impl bindings::cgroups::Host for Audited<'_> {}
impl bindings::cgroups::Host for Proxy {}

impl bindings::types::Host for Audited<'_> {
    fn convert_error(&mut self, error: Error) -> wasmtime::Result<bindings::types::Error> {
        self.0.convert_error(error)
    }
}

impl bindings::ops::Host for Audited<'_> {}
