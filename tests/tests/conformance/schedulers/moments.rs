//! Every moment of a run in which a scheduler can die, in every way: one
//! verdict, with the words of that moment and that way, and nothing left.

use proscenium_guest_runtime::contract::ops::{
    CaptureProcs, MoveAllTasks, Op, SetCpuset, SwapCpusets,
};
use proscenium_guest_runtime::contract::stage::{Backdrop, StepPlan};
use proscenium_guest_runtime::contract::types::{CpusetSpec, HoldSpec};
use proscenium_guest_runtime::world::simulated::{Death, Effect};
use proscenium_wire::{DetailKind, Outcome};

use super::support::{attached, behaves, removes};
use crate::support::{Ended, MS, backdrop, def, def_on, ms, spawn, spins, step};

/// The ways, and the kinds that the verdict has for them.
fn ways() -> [(Death, DetailKind); 6] {
    [
        (Death::Exits(0), DetailKind::SchedulerExitedCleanly),
        (Death::Killed(9), DetailKind::SchedulerCrashed),
        (Death::BpfError("x".into()), DetailKind::SchedulerCrashed),
        (Death::Stalls, DetailKind::SchedulerCrashed),
        (Death::Thrown, DetailKind::SchedulerCrashed),
        (Death::Vanishes, DetailKind::SchedulerDiedUnknownReason),
    ]
}

type Cause = Box<dyn Fn(&Effect) -> bool>;

/// A moment: the effect at which it strikes, and the words for it.
struct Moment {
    name: &'static str,
    /// None: before the plan.
    cause: Option<Cause>,
    words: &'static str,
    /// The end frame was sent.
    end: bool,
}

fn moment(
    name: &'static str,
    words: &'static str,
    cause: impl Fn(&Effect) -> bool + 'static,
) -> Moment {
    Moment {
        name,
        cause: Some(Box::new(cause)),
        words,
        end: false,
    }
}

fn creates(name: &'static str) -> impl Fn(&Effect) -> bool + 'static {
    move |effect| matches!(effect, Effect::Create { group } if group == name)
}

fn writes(file: &'static str, text: &'static str) -> impl Fn(&Effect) -> bool + 'static {
    move |effect| {
        matches!(effect, Effect::Write { knob, value, .. }
            if knob.file_name() == file && value == text)
    }
}

fn moments() -> Vec<Moment> {
    const STEP: &str = "during the workload of step 0";
    let ended = |moment: Moment| Moment {
        end: true,
        ..moment
    };
    vec![
        Moment {
            cause: None,
            ..moment("boot", "after 0 steps", |_| false)
        },
        moment(
            "definition of the backdrop",
            "after 0 of 3 steps",
            creates("base"),
        ),
        moment("op of the backdrop", "after 0 of 3 steps", creates("other")),
        moment("add-cgroup", STEP, creates("made")),
        moment(
            "spawn",
            STEP,
            |effect| matches!(effect, Effect::Spawn { group, .. } if group == "made"),
        ),
        moment("set-cpuset", STEP, writes("cpuset.cpus", "0-1")),
        moment("swap-cpusets", STEP, writes("cpuset.cpus", "2")),
        moment("clear-cpuset", STEP, writes("cpuset.cpus", "")),
        moment("freeze", STEP, writes("cgroup.freeze", "1")),
        moment("unfreeze", STEP, writes("cgroup.freeze", "0")),
        moment("move", STEP, |effect| {
            matches!(effect, Effect::Migrate { .. })
        }),
        moment("stop", STEP, |effect| {
            matches!(effect, Effect::Collect { .. })
        }),
        moment("remove", STEP, removes("made")),
        moment("setup", STEP, creates("load")),
        moment("hold", STEP, |effect| matches!(effect, Effect::Wait { .. })),
        moment("between steps", "after 1 of 3 steps", removes("load")),
        moment("repeat", "during the workload of step 1", creates("again")),
        moment(
            "hold of a repeat",
            "during the workload of step 1",
            removes("again"),
        ),
        moment(
            "teardown of a step",
            "after 2 of 3 steps",
            removes("churned"),
        ),
        ended(moment("end", "after the last of 3 steps", removes("last"))),
        ended(moment(
            "teardown",
            "after the last of 3 steps",
            removes("base"),
        )),
    ]
}

fn plan() -> (Backdrop, Vec<StepPlan>) {
    let cpus = |name: &str, cpus: &[u32]| {
        Op::SetCpuset(SetCpuset {
            cgroup: name.into(),
            cpus: CpusetSpec::Exact(cpus.to_vec()),
        })
    };
    let move_all = |from: &str, to: &str| {
        Op::MoveAllTasks(MoveAllTasks {
            from: from.into(),
            to: to.into(),
        })
    };
    let first = vec![
        Op::AddCgroup("made".into()),
        Op::AddCgroup("twin".into()),
        spawn("made", spins(2)),
        cpus("made", &[0, 1]),
        cpus("twin", &[3]),
        Op::SwapCpusets(SwapCpusets {
            a: "made".into(),
            b: "twin".into(),
        }),
        cpus("twin", &[2]),
        Op::ClearCpuset("twin".into()),
        Op::FreezeCgroup("made".into()),
        Op::UnfreezeCgroup("made".into()),
        move_all("made", "twin"),
        Op::CaptureCgroupProcs(CaptureProcs {
            tag: "then".into(),
            cgroup: "twin".into(),
        }),
        Op::StopCgroup("twin".into()),
        Op::RemoveCgroup("made".into()),
    ];
    let again = vec![
        Op::AddCgroup("again".into()),
        Op::RemoveCgroup("again".into()),
    ];
    let mut backdrop = backdrop(vec![def("base")], vec![Op::AddCgroup("other".into())]);
    backdrop.cgroups.push(def_on("fixed", &[3]));
    let steps = vec![
        step(vec![def("load")], first, ms(100)),
        step(vec![def("churned")], again, HoldSpec::Repeat(450 * MS)),
        step(vec![def("last")], vec![], ms(100)),
    ];
    (backdrop, steps)
}

fn assert_nothing_left(ended: &Ended, case: &str) {
    let (mut groups, mut started, mut collected, mut loaders) = (Vec::new(), 0, 0, 0);
    for effect in ended.log.effects() {
        match effect {
            Effect::Create { group } => groups.push(group),
            Effect::Remove { group } => groups.retain(|name| *name != group),
            Effect::Spawn { .. } => started += 1,
            Effect::Collect { crews } => collected += crews.len(),
            Effect::StartScheduler { .. } => loaders += 1,
            Effect::StopScheduler { .. } => loaders -= 1,
            _ => {}
        }
    }
    assert!(groups.is_empty(), "{case}: {groups:?}");
    assert_eq!(started, collected, "{case}");
    assert_eq!(loaders, 0, "{case}");
}

#[test]
fn s_112_to_s_115_each_moment_and_each_way_has_its_verdict() {
    for (death, kind) in ways() {
        for Moment {
            name,
            cause,
            words,
            end,
        } in moments()
        {
            let case = format!("{death:?} at {name}");
            let (mut rig, fate) = attached(behaves());
            match cause {
                Some(cause) => fate.strike_upon(death.clone(), cause),
                None => fate.strike(death.clone()),
            }
            let (backdrop, steps) = plan();
            let done = rig.stage.execute(&backdrop, &steps);
            assert_eq!(done.is_ok(), name != "boot", "{case}: {done:?}");
            let ended = rig.close();
            assert_eq!(ended.verdict.outcome, Outcome::Fail, "{case}");
            let deaths = ended.deaths();
            assert_eq!(deaths.len(), 1, "{case}: {:?}", ended.verdict.details);
            assert_eq!(deaths[0].kind, kind, "{case}");
            assert!(
                deaths[0].message.contains(words),
                "{case}: {}",
                deaths[0].message
            );
            assert_eq!(ended.markers().contains(&"end"), end, "{case}");
            let pauses = ended.markers().iter().filter(|m| **m == "pause").count();
            let begun = ended
                .markers()
                .iter()
                .filter(|m| **m == "step-start")
                .count();
            assert!(pauses >= begun, "{case}");
            assert_nothing_left(&ended, &case);
        }
    }
}
