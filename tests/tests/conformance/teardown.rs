//! H. Collection and teardown, and the property that nothing ever leaks.

use nix::errno::Errno;
use proptest::prelude::*;
use proscenium_guest_runtime::contract::ops::{MoveAllTasks, Op};
use proscenium_guest_runtime::executor::StepId;
use proscenium_guest_runtime::world::Knob;
use proscenium_guest_runtime::world::simulated::Effect;
use proscenium_wire::{Event, Outcome};

use crate::support::{Ended, Rig, backdrop, def, def_on, ms, spawn, spins};

fn frozen_step() -> Rig {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("a")]).unwrap();
    rig.stage.hold(id, &ms(100)).unwrap();
    rig.stage
        .apply(id, &[Op::FreezeCgroup("a".into())])
        .unwrap();
    rig
}

#[test]
fn s_120_what_is_frozen_is_thawed_before_it_is_stopped() {
    let ended = frozen_step().close();
    let stats = &ended.verdict.cgroups[0];
    assert_eq!(
        (stats.completed, stats.workers),
        (1, 1),
        "a real report, not what a kill leaves"
    );
    let lines = ended.log.lines();
    let thaw = lines
        .iter()
        .position(|line| line.contains("\"0\" to cgroup.freeze"))
        .unwrap();
    assert!(thaw < ended.position("collect"));
}

#[test]
fn s_121_a_thaw_that_fails_is_a_warning() {
    let rig = frozen_step();
    rig.fail(
        Errno::EIO,
        |effect| matches!(effect, Effect::Write { knob: Knob::Freeze, value, .. } if value == "0"),
    );
    let ended = rig.close();
    ended.position("remove \"a\"");
    assert_eq!(
        ended.verdict.outcome,
        Outcome::Inconclusive,
        "its worker could not end well, and that is said"
    );
}

#[test]
fn s_124_figures_go_to_the_step_that_collected_them() {
    let mut rig = Rig::new();
    for name in ["a", "b"] {
        let id = rig.stage.begin(Some(name)).unwrap();
        rig.stage.setup(id, &[def(name)]).unwrap();
        rig.stage.hold(id, &ms(10)).unwrap();
        rig.stage.finish(id).unwrap();
    }
    let ended = rig.close();
    let phases: Vec<_> = ended
        .verdict
        .cgroups
        .iter()
        .map(|s| (s.phase, s.cgroup.as_str()))
        .collect();
    assert_eq!(phases, [(1, "a"), (2, "b")]);
    let labels: Vec<_> = ended
        .verdict
        .phases
        .iter()
        .map(|p| p.label.as_deref())
        .collect();
    assert_eq!(labels, [Some("a"), Some("b")]);
}

#[test]
fn s_146_cgroups_of_definitions_and_ops_are_removed_alike() {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("by-def")]).unwrap();
    rig.stage
        .apply(id, &[Op::AddCgroup("by-op".into())])
        .unwrap();
    rig.stage.create_cgroup("by-handle").unwrap();
    rig.stage.abandon(id);
    for name in ["by-def", "by-op", "by-handle"] {
        rig.position(&format!("remove {name:?}"));
    }
}

#[test]
fn s_144_every_effect_goes_through_the_one_gateway() {
    let ended = frozen_step().close();
    assert!(ended.log.lines().len() > 8, "{:#?}", ended.log.lines());
}

/// What a plugin may do next, sensible or not.
#[derive(Clone, Debug)]
enum Call {
    Begin,
    Finish,
    Abandon,
    Setup(u8),
    Add(u8),
    Remove(u8),
    Freeze(u8),
    Thaw(u8),
    Stop(u8),
    Spawn(u8, u32),
    Move(u8, u8),
    Hold(u64),
    Create(u8),
}

fn call() -> impl Strategy<Value = Call> {
    let name = 0..4_u8;
    prop_oneof![
        Just(Call::Begin),
        Just(Call::Finish),
        Just(Call::Abandon),
        name.clone().prop_map(Call::Setup),
        name.clone().prop_map(Call::Add),
        name.clone().prop_map(Call::Remove),
        name.clone().prop_map(Call::Freeze),
        name.clone().prop_map(Call::Thaw),
        name.clone().prop_map(Call::Stop),
        (name.clone(), 0..4_u32).prop_map(|(name, workers)| Call::Spawn(name, workers)),
        (name.clone(), name.clone()).prop_map(|(from, to)| Call::Move(from, to)),
        (0..400_u64).prop_map(Call::Hold),
        name.prop_map(Call::Create),
    ]
}

fn drive(rig: &mut Rig, step: &mut Option<StepId>, call: &Call) {
    const NAMES: [&str; 4] = ["base", "a", "b", "b/c"];
    let name = |index: &u8| NAMES[usize::from(*index)].to_owned();
    let stage = &mut rig.stage;
    if let Call::Begin = call {
        *step = stage.begin(None).ok().or(*step);
        return;
    }
    if let Call::Create(index) = call {
        let _ = stage.create_cgroup(&name(index));
        return;
    }
    let Some(id) = *step else { return };
    let op = match call {
        Call::Begin | Call::Create(_) => return,
        Call::Finish => return drop(stage.finish(id)),
        Call::Abandon => return stage.abandon(id),
        Call::Setup(index) => return drop(stage.setup(id, &[def_on(&name(index), &[0, 1])])),
        Call::Hold(time) => return drop(stage.hold(id, &ms(*time))),
        Call::Add(index) => Op::AddCgroup(name(index)),
        Call::Remove(index) => Op::RemoveCgroup(name(index)),
        Call::Freeze(index) => Op::FreezeCgroup(name(index)),
        Call::Thaw(index) => Op::UnfreezeCgroup(name(index)),
        Call::Stop(index) => Op::StopCgroup(name(index)),
        Call::Spawn(index, workers) => spawn(&name(index), spins(*workers)),
        Call::Move(from, to) => Op::MoveAllTasks(MoveAllTasks {
            from: name(from),
            to: name(to),
        }),
    };
    let _ = stage.apply(id, &[op]);
}

/// Exactly one verdict, everything started collected, everything made removed.
fn assert_clean(ended: &Ended) -> Result<(), TestCaseError> {
    let verdicts = ended
        .events
        .iter()
        .filter(|event| matches!(event, Event::Verdict(_)))
        .count();
    prop_assert_eq!(verdicts, 1);
    let (mut alive, mut crews, mut spawned) = (Vec::new(), Vec::new(), 0_u32);
    for effect in ended.log.effects() {
        match effect {
            Effect::Create { group } => alive.push(group),
            Effect::Remove { group } => alive.retain(|name| *name != group),
            Effect::OpenGate { crew } => {
                crews.push(crew);
                spawned += 1;
            }
            Effect::Collect { crews: collected } => crews.retain(|crew| !collected.contains(crew)),
            _ => {}
        }
    }
    prop_assert!(
        alive.is_empty(),
        "left cgroups {:?} after {} crews",
        alive,
        spawned
    );
    prop_assert!(crews.is_empty(), "left crews {:?}", crews);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_leaves_one_verdict_and_nothing_else(
        calls in proptest::collection::vec(call(), 0..40),
        with_backdrop in any::<bool>(),
        fault in proptest::option::of(0..60_usize),
    ) {
        let mut rig = Rig::new();
        if let Some(nth) = fault {
            // The nth write or start fails, whatever it is.
            let count = std::cell::Cell::new(0);
            rig.fail(Errno::EIO, move |effect| {
                let counts = matches!(effect, Effect::Write { .. } | Effect::Spawn { .. } | Effect::Create { .. } | Effect::Enable { .. });
                count.set(count.get() + usize::from(counts));
                counts && count.get() == nth
            });
        }
        if with_backdrop {
            let _ = rig.stage.set_backdrop(&backdrop(vec![def("base")], vec![]));
        }
        let mut step = None;
        for call in &calls {
            drive(&mut rig, &mut step, call);
        }
        assert_clean(&rig.close())?;
    }
}
