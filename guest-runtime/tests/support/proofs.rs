//! What proves that a host function is mediated, for each of them: a component
//! that calls it is denied it without the grant, gets it with it, and is held to
//! its limit. Shared by the suites in the simulated world and on a real kernel;
//! the component is `tests/programs/functions`.

use std::fmt;

use proscenium_guest_runtime::audit::Function;
use proscenium_guest_runtime::capability::Capability;
use proscenium_wire::{
    Budget, DetailKind, Event, FunctionTotal, Job, Names, Outcome, PayloadSpec, Permissions,
    SchedulerSpec, Verdict,
};

/// What came of one run.
pub(crate) struct Seen {
    pub(crate) verdict: Verdict,
    pub(crate) events: Vec<Event>,
}

/// What a call needs beside its capability, and what bounds it beside the number
/// of all calls.
struct Proof {
    /// Takes away what it needs.
    without: Option<fn(&mut Permissions)>,
    /// The limit that the component meets where it is this low.
    limit: Option<(Budget, u64)>,
}

/// No function goes without: the compiler asks for one that is not here.
fn proof(function: Function) -> Proof {
    let controllers: fn(&mut Permissions) = |all| all.controllers = Names::default();
    let work: fn(&mut Permissions) = |all| all.work_types = Names::default();
    let payloads: fn(&mut Permissions) = |all| all.payloads = Names::default();
    let schedulers: fn(&mut Permissions) = |all| all.schedulers = Names::default();
    let (without, limit) = match function {
        Function::CgroupCreate => (None, Some((Budget::Cgroups, 0))),
        Function::CgroupOpen => (None, Some((Budget::Handles, 1))),
        Function::CgroupSetCpuset
        | Function::CgroupClearCpuset
        | Function::CgroupSetCpu
        | Function::CgroupSetMemory
        | Function::CgroupSetIoWeight
        | Function::CgroupSetPidsMax
        | Function::CgroupMemoryCurrent => (Some(controllers), None),
        Function::StageSetBackdrop | Function::StepSetup => {
            (Some(work), Some((Budget::Workers, 0)))
        }
        Function::StageExecute => (Some(work), Some((Budget::Steps, 0))),
        Function::StepBegin => (None, Some((Budget::Steps, 0))),
        Function::StepApply => (Some(controllers), Some((Budget::Ops, 0))),
        Function::PayloadRun => (Some(payloads), Some((Budget::Payloads, 0))),
        Function::PayloadOpen => (None, Some((Budget::Handles, 2))),
        Function::ChecksNote | Function::Log => (None, Some((Budget::LogBytes, 0))),
        Function::StimulusMark => (None, Some((Budget::Marks, 0))),
        Function::SchedulerAttach
        | Function::SchedulerDetach
        | Function::SchedulerRestart
        | Function::SchedulerReplace
        | Function::SchedulerPinMap => (Some(schedulers), None),
        Function::TopologyDiscover
        | Function::TopologyResolve
        | Function::CgroupName
        | Function::CgroupFreeze
        | Function::CgroupThaw
        | Function::CgroupMoveAllTasks
        | Function::CgroupTasks
        | Function::CgroupCpuStat
        | Function::CgroupPressure
        | Function::CgroupRemove
        | Function::CgroupDrop
        | Function::StepHold
        | Function::StepIterations
        | Function::StepFinish
        | Function::StepDrop
        | Function::PayloadsDeclared
        | Function::PayloadWait
        | Function::PayloadKill
        | Function::PayloadDrop
        | Function::ChecksSet
        | Function::ChecksCollected
        | Function::ChecksFail
        | Function::ClockElapsed
        | Function::ClockRemaining
        | Function::SchedulerKernelState
        | Function::SchedulerCurrent
        | Function::SchedulerDeclared => (None, None),
    };
    Proof { without, limit }
}

/// Payloads and schedulers that the component finds.
pub(crate) struct Declared {
    pub(crate) payloads: Vec<PayloadSpec>,
    pub(crate) schedulers: Vec<SchedulerSpec>,
}

/// A scenario that calls this function, and may do all that there is.
fn job(function: Function, declared: &Declared) -> Job {
    Job {
        parameters: vec![("function".to_owned(), function.name().to_owned())],
        duration_ns: 60_000_000_000,
        payloads: declared.payloads.clone(),
        schedulers: declared.schedulers.clone(),
        ..Job::new("functions", Permissions::all())
    }
}

/// Runs the component as often as it takes to see all three.
pub(crate) fn prove(function: Function, declared: &Declared, mut run: impl FnMut(&Job) -> Seen) {
    let whole = job(function, declared);
    let granted = run(&whole);
    granted.is_granted(function);
    let calls_before = granted.calls_before(function);

    let mut without = whole.clone();
    let others = Capability::ALL.into_iter();
    let others = others.filter(|one| Some(*one) != function.capability());
    without.permissions.capabilities = others.map(Capability::interface).collect();
    let denied = run(&without);
    denied.failed_for(DetailKind::Denied, function);
    assert!(denied.total(function).is_none(), "{function:?} was called");

    let Proof { without, limit } = proof(function);
    if let Some(without) = without {
        let mut job = whole.clone();
        without(&mut job.permissions);
        let denied = run(&job);
        denied.failed_for(DetailKind::Denied, function);
        let total = denied.total(function).unwrap_or_default();
        assert!(total.denied == 1 && total.done == 0, "{total:?}");
    }

    let mut job = whole.clone();
    job.limits.host_calls = calls_before;
    let limited = run(&job);
    limited.failed_for(DetailKind::HostCallLimit, function);
    let total = limited.total(function).unwrap_or_default();
    assert_eq!(total.done, 0, "{function:?}: the call too many was made");

    if let Some((budget, most)) = limit {
        let mut job = whole;
        job.limits.set(budget, most);
        let limited = run(&job);
        let told = limited.verdict.details.iter();
        let kinds: Vec<_> = told.map(|detail| detail.kind).collect();
        assert!(kinds.contains(&budget.kind()), "{function:?}: {kinds:?}");
    }
}

impl Seen {
    fn totals(&self) -> Vec<FunctionTotal> {
        let totals = self.events.iter().find_map(|event| match event {
            Event::AuditTotals(totals) => Some(totals.functions.clone()),
            _ => None,
        });
        totals.unwrap_or_default()
    }

    fn total(&self, function: Function) -> Option<FunctionTotal> {
        let mut totals = self.totals().into_iter();
        totals.find(|total| total.function == function.number())
    }

    /// It was called and answered, and nothing that it took was refused.
    fn is_granted(&self, function: Function) {
        let outcome = if function == Function::ChecksFail {
            Outcome::Fail
        } else {
            Outcome::Pass
        };
        assert_eq!(self.verdict.outcome, outcome, "{function:?}: {self:#?}");
        for total in self.totals() {
            let no = total.denied + total.refused + total.ended;
            assert_eq!(no, 0, "{function:?}: {total:?}");
        }
        let total = self.total(function).unwrap_or_default();
        assert!(total.done > 0, "{function:?} was not called");
    }

    fn failed_for(&self, kind: DetailKind, function: Function) {
        assert_eq!(
            self.verdict.outcome,
            Outcome::Fail,
            "{function:?}: {self:#?}"
        );
        let mut kinds = self.verdict.details.iter().map(|detail| detail.kind);
        let told = kinds.any(|told| told == kind);
        assert!(told, "{function:?}, {kind:?}: {self:#?}");
    }

    /// Calls before the first one of this function.
    fn calls_before(&self, function: Function) -> u64 {
        let calls = self.events.iter().filter_map(|event| match event {
            Event::AuditCalls(calls) => Some(calls),
            _ => None,
        });
        let mut calls = calls.flatten();
        let place = calls.position(|call| call.function == function.number());
        place.map_or(0, |place| place as u64)
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#?}", self.verdict)
    }
}
