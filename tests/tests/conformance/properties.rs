//! Whatever a plugin does and whatever fails: one verdict, nothing left, and
//! another scenario can follow in the same world.

use std::cell::Cell;
use std::rc::Rc;

use nix::errno::Errno;
use proptest::prelude::*;
use proscenium_guest_runtime::contract::ops::{
    CaptureProcs, Irq, MoveAllTasks, Op, SetAffinity, SetCpuset, SteerIrq, SwapCpusets,
};
use proscenium_guest_runtime::contract::types::{
    Affinity, CgroupDef, CpusetSpec, HoldSpec, WorkSpec,
};
use proscenium_guest_runtime::executor::StepId;
use proscenium_guest_runtime::world::ExtState;
use proscenium_guest_runtime::world::simulated::{Death, Effect, Fate, Loading, SchedulerScript};
use proscenium_wire::{Event, Outcome};

use crate::schedulers::support::{behaves, dies_after, loading, rig};
use crate::support::{Ended, MS, Rig, backdrop, def, def_on, ms, nothing, spawn, spins, step};

const NAMES: [&str; 4] = ["base", "a", "b", "b/c"];

/// Declared schedulers; `none` is not one.
const SCHEDULERS: [&str; 5] = ["good", "short-lived", "hanging", "refused", "none"];

fn schedulers() -> Vec<(&'static str, SchedulerScript)> {
    let mapped = SchedulerScript {
        maps: vec!["stats".into()],
        ignores_sigterm: true,
        ..behaves()
    };
    vec![
        ("good", mapped),
        ("short-lived", dies_after(150, Death::Stalls)),
        ("hanging", loading(Loading::Hangs)),
        ("refused", loading(Loading::Refuses(1))),
    ]
}

/// What a plugin may do next, sensible or not.
#[derive(Clone, Debug)]
enum Call {
    Begin,
    Finish,
    Abandon,
    Setup(&'static str),
    Apply(Vec<Op>),
    Hold(u64),
    Create(&'static str),
    Remove(&'static str),
    Plan(Vec<Op>, bool),
    Attach(&'static str),
    Detach,
    Replace(&'static str),
    /// Not the plugin's doing.
    Strike(Death),
}

/// A process of two threads, and a process beside it.
fn server(name: &str) -> CgroupDef {
    let thread = WorkSpec {
        pcomm: Some("server".into()),
        ..spins(1)
    };
    CgroupDef {
        work: vec![thread.clone(), spins(1), thread],
        ..def(name)
    }
}

fn death() -> impl Strategy<Value = Death> {
    proptest::sample::select(vec![
        Death::Exits(0),
        Death::Killed(9),
        Death::BpfError("x".into()),
        Death::Unregisters,
        Death::Vanishes,
    ])
}

fn op() -> impl Strategy<Value = Op> {
    let name = || proptest::sample::select(&NAMES[..]);
    let one = |make: fn(String) -> Op| name().prop_map(move |name| make(name.into()));
    let two = || (name(), name());
    prop_oneof![
        one(Op::AddCgroup),
        name().prop_map(|name| Op::AddCgroupDef(def_on(name, &[1, 2]))),
        name().prop_map(|name| Op::AddCgroupDef(server(name))),
        one(Op::RemoveCgroup),
        (name(), 0..5_u32).prop_map(|(name, cpu)| Op::SetCpuset(SetCpuset {
            cgroup: name.into(),
            cpus: CpusetSpec::Exact(vec![cpu]),
        })),
        one(Op::ClearCpuset),
        two().prop_map(|(a, b)| Op::SwapCpusets(SwapCpusets {
            a: a.into(),
            b: b.into(),
        })),
        (name(), 0..4_u32).prop_map(|(name, workers)| spawn(name, spins(workers))),
        one(Op::StopCgroup),
        name().prop_map(|name| Op::SetAffinity(SetAffinity {
            cgroup: name.into(),
            affinity: Affinity::SingleCpu,
        })),
        two().prop_map(|(from, to)| Op::MoveAllTasks(MoveAllTasks {
            from: from.into(),
            to: to.into(),
        })),
        one(Op::FreezeCgroup),
        one(Op::UnfreezeCgroup),
        two().prop_map(|(tag, name)| Op::CaptureCgroupProcs(CaptureProcs {
            tag: tag.into(),
            cgroup: name.into(),
        })),
        (0..30_u32, 0..5_u32).prop_map(|(irq, cpu)| Op::SteerIrq(SteerIrq {
            irq: Irq::Number(irq),
            cpu,
        })),
        scheduler().prop_map(|name| Op::AttachScheduler(name.into())),
        Just(Op::DetachScheduler),
        Just(Op::RestartScheduler),
        scheduler().prop_map(|name| Op::ReplaceScheduler(name.into())),
        Just(Op::PinBpfMap("stats".into())),
    ]
}

fn scheduler() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&SCHEDULERS[..])
}

fn call() -> impl Strategy<Value = Call> {
    let name = || proptest::sample::select(&NAMES[..]);
    let ops = || proptest::collection::vec(op(), 1..4);
    prop_oneof![
        3 => Just(Call::Begin),
        2 => Just(Call::Finish),
        1 => Just(Call::Abandon),
        4 => name().prop_map(Call::Setup),
        12 => ops().prop_map(Call::Apply),
        3 => (0..400_u64).prop_map(Call::Hold),
        1 => name().prop_map(Call::Create),
        1 => name().prop_map(Call::Remove),
        1 => (ops(), any::<bool>()).prop_map(|(ops, repeat)| Call::Plan(ops, repeat)),
        2 => scheduler().prop_map(Call::Attach),
        1 => Just(Call::Detach),
        1 => scheduler().prop_map(Call::Replace),
        1 => death().prop_map(Call::Strike),
    ]
}

fn drive(rig: &mut Rig, fate: &Fate, open: &mut Option<StepId>, call: Call) {
    let stage = &mut rig.stage;
    match (call, *open) {
        (Call::Begin, _) => *open = stage.begin(None).ok().or(*open),
        (Call::Create(name), _) => drop(stage.create_cgroup(name)),
        (Call::Remove(name), _) => {
            let id = stage.open_cgroup(name);
            let _ = id.and_then(|id| stage.remove_cgroup(id));
        }
        (Call::Plan(ops, repeat), _) => {
            let hold = if repeat {
                HoldSpec::Repeat(100 * MS)
            } else {
                ms(50)
            };
            let plan = step(vec![def("b")], ops, hold);
            let _ = stage.execute(&backdrop(vec![def("a")], vec![]), &[plan]);
        }
        (Call::Attach(name), _) => drop(stage.attach_scheduler(name)),
        (Call::Detach, _) => drop(stage.detach_scheduler()),
        (Call::Replace(name), _) => drop(stage.replace_scheduler(name)),
        (Call::Strike(death), _) => fate.strike(death),
        (Call::Finish, Some(id)) => drop(stage.finish(id)),
        (Call::Abandon, Some(id)) => stage.abandon(id),
        (Call::Setup(name), Some(id)) => drop(stage.setup(id, &[def_on(name, &[0, 1])])),
        (Call::Hold(time), Some(id)) => drop(stage.hold(id, &ms(time))),
        (Call::Apply(ops), Some(id)) => drop(stage.apply(id, &ops)),
        (_, None) => {}
    }
}

/// Whether an effect is one that a test lets fail: whatever builds or changes.
/// What takes down is left alone, for then something stays.
fn may_fail(effect: &Effect) -> bool {
    match effect {
        Effect::Write { knob, value, .. } => (knob.file_name(), &**value) != ("cgroup.freeze", "0"),
        Effect::Spawn { .. }
        | Effect::SpawnThreads { .. }
        | Effect::OpenGate { .. }
        | Effect::Create { .. }
        | Effect::Enable { .. }
        | Effect::SetAffinity { .. }
        | Effect::Migrate { .. }
        | Effect::SteerIrq { .. }
        | Effect::StartScheduler { .. }
        | Effect::PinMap { .. }
        | Effect::Wait { .. } => true,
        _ => false,
    }
}

/// Exactly one verdict, which is the last but for the figures; everything
/// started is collected or stopped, everything made is removed. A scheduler
/// that died is in the verdict.
fn assert_clean(ended: &Ended) -> Result<(), TestCaseError> {
    let verdicts = ended
        .events
        .iter()
        .filter(|event| matches!(event, Event::Verdict(_)))
        .count();
    prop_assert_eq!(verdicts, 1);
    let (mut alive, mut started, mut collected) = (Vec::new(), 0, 0);
    let mut loaders = 0;
    for effect in ended.log.effects() {
        match effect {
            Effect::Create { group } => alive.push(group),
            Effect::Remove { group } => alive.retain(|name| *name != group),
            Effect::Spawn { .. } | Effect::SpawnThreads { .. } => started += 1,
            Effect::Collect { crews } => collected += crews.len(),
            Effect::StartScheduler { .. } => loaders += 1,
            Effect::StopScheduler { .. } => loaders -= 1,
            _ => {}
        }
    }
    prop_assert!(alive.is_empty(), "left cgroups {:?}", alive);
    prop_assert_eq!(started, collected, "every crew is collected once");
    prop_assert_eq!(loaders, 0, "every loader is stopped once");
    let died = ended
        .changes()
        .iter()
        .filter(|c| c.ends_with("died"))
        .count();
    prop_assert!(died <= 1, "a death is the end");
    if died == 1 {
        prop_assert_eq!(ended.verdict.outcome, Outcome::Fail);
    }
    let pauses = ended.markers().iter().filter(|m| **m == "pause").count();
    let steps = ended
        .events
        .iter()
        .filter(|event| matches!(event, Event::StepInfo(_)))
        .count();
    prop_assert_eq!(pauses, steps, "every step ends once");
    Ok(())
}

/// The same world serves a scenario that uses all the names again.
fn assert_usable(ended: Ended) -> Result<(), TestCaseError> {
    let steps = vec![step(vec![def("a"), def("b/c")], vec![], ms(10))];
    let again = ended
        .again()
        .execute(backdrop(vec![def("base")], vec![]), steps);
    prop_assert_eq!(
        again.verdict.outcome,
        Outcome::Pass,
        "{:?}",
        again.messages()
    );
    let none = again.again().execute(nothing(), vec![]);
    prop_assert_eq!(none.verdict.outcome, Outcome::Pass);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_leaves_one_verdict_and_a_usable_world(
        calls in proptest::collection::vec(call(), 0..40),
        with_backdrop in any::<bool>(),
        with_scheduler in any::<bool>(),
        fault in proptest::option::of(0..60_usize),
    ) {
        let (mut rig, fate) = rig(&schedulers());
        let armed = Rc::new(Cell::new(true));
        if let Some(nth) = fault {
            let (count, armed) = (Cell::new(0), Rc::clone(&armed));
            rig.fail(Errno::EIO, move |effect| {
                let counts = armed.get() && may_fail(effect);
                count.set(count.get() + usize::from(counts));
                counts && count.get() == nth
            });
        }
        if with_scheduler {
            let _ = rig.stage.boot_scheduler("good");
        }
        if with_backdrop {
            let _ = rig.stage.set_backdrop(&backdrop(vec![def("base")], vec![]));
        }
        let mut open = None;
        for call in calls {
            drive(&mut rig, &fate, &mut open, call);
        }
        let mut ended = rig.close();
        assert_clean(&ended)?;
        prop_assert_eq!(ended.world.sched_ext().state, ExtState::Disabled);
        armed.set(false);
        assert_usable(ended)?;
    }
}
