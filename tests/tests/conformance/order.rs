//! F. Executor order, and I. step frames.

use nix::errno::Errno;
use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::types::{CgroupDef, HoldSpec};
use proscenium_guest_runtime::world::simulated::Effect;
use proscenium_wire::{Event, Outcome, StepMark};

use crate::support::{
    Ended, Rig, backdrop, def, def_on, ms, nothing, run_defs, spawn, spins, step,
};

fn starts(ended: &Ended) -> Vec<StepMark> {
    let mark = |event: &Event| match event {
        Event::StepStart(mark) => Some(*mark),
        _ => None,
    };
    ended.events.iter().filter_map(mark).collect()
}

fn ends(ended: &Ended) -> Vec<StepMark> {
    let mark = |event: &Event| match event {
        Event::StepEnd(mark) => Some(*mark),
        _ => None,
    };
    ended.events.iter().filter_map(mark).collect()
}

/// Three steps of which the second cannot start its worker.
fn second_step_fails() -> Ended {
    let rig = Rig::new();
    rig.fail(
        Errno::ENOMEM,
        |effect| matches!(effect, Effect::Spawn { group, .. } if group == "bad"),
    );
    let steps = ["good", "bad", "never"].map(|name| step(vec![def(name)], vec![], ms(100)));
    rig.execute(backdrop(vec![def("base")], vec![]), steps.into())
}

#[test]
fn s_082_the_start_is_the_first_frame() {
    let ended = run_defs(vec![def("a")]);
    assert_eq!(ended.events[0], Event::ScenarioStart);
}

#[test]
fn s_084_a_backdrop_is_definitions_then_ops() {
    let ended = Rig::new().execute(
        backdrop(vec![def("a")], vec![Op::AddCgroup("b".into())]),
        vec![],
    );
    assert!(ended.position("create \"a\"") < ended.position("create \"b\""));
}

#[test]
fn s_085_a_backdrop_that_fails_still_gives_a_verdict_with_what_ran() {
    let rig = Rig::new();
    rig.fail(
        Errno::ENOMEM,
        |effect| matches!(effect, Effect::Spawn { group, .. } if group == "b"),
    );
    let ended = rig.execute(
        backdrop(vec![def("a"), def("b")], vec![]),
        vec![step(vec![], vec![], ms(1))],
    );
    assert_eq!(ended.verdict.outcome, Outcome::Fail);
    assert!(
        ended.messages()[0].contains("backdrop setup failed"),
        "{:?}",
        ended.messages()
    );
    assert_eq!(ended.markers(), ["start"], "no step, no pause, no end");
    ended.position("remove \"a\"");
}

#[test]
fn s_086_an_empty_backdrop_does_nothing() {
    let ended = Rig::new().execute(nothing(), vec![]);
    assert_eq!(ended.log.lines(), Vec::<String>::new());
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
}

#[test]
fn s_087_ops_precede_the_setup_and_frames_follow_it() {
    let plan = vec![step(
        vec![def("by-setup")],
        vec![Op::AddCgroup("by-op".into())],
        ms(10),
    )];
    let ended = Rig::new().execute(nothing(), plan);
    assert!(ended.position("create \"by-op\"") < ended.position("create \"by-setup\""));
    assert!(ended.position("start 1") < ended.position("wait until"));
    assert_eq!(
        ended.markers(),
        ["start", "step-start", "resume", "step-end", "pause", "end"]
    );
    let start = starts(&ended)[0];
    assert_eq!(
        (start.cgroup_count, start.worker_count),
        (2, 1),
        "sent after ops and setup"
    );
}

#[test]
fn s_090_a_move_of_nothing_is_said_aloud() {
    use proscenium_guest_runtime::contract::ops::MoveAllTasks;
    let ops = vec![
        Op::AddCgroup("a".into()),
        Op::AddCgroup("b".into()),
        Op::MoveAllTasks(MoveAllTasks {
            from: "a".into(),
            to: "b".into(),
        }),
    ];
    let ended = Rig::new().execute(nothing(), vec![step(vec![], ops, ms(1))]);
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
    assert!(
        ended
            .verdict
            .notes
            .iter()
            .any(|note| note.contains("nothing moved")),
        "{:?}",
        ended.verdict.notes
    );
}

#[test]
fn s_094_backdrop_workers_file_one_slice_a_step_and_none_between() {
    let steps = vec![step(vec![], vec![], ms(100)), step(vec![], vec![], ms(200))];
    let ended = Rig::new().execute(backdrop(vec![def("base")], vec![]), steps);
    let slices: Vec<_> = ended
        .verdict
        .cgroups
        .iter()
        .map(|s| (s.phase, s.wall_time_ns / 1_000_000))
        .collect();
    assert_eq!(slices, [(1, 100), (2, 200)]);
    assert!(
        ended
            .log
            .lines()
            .iter()
            .filter(|line| line.contains("epoch 4294967295"))
            .count()
            == 2
    );
    let stat = ended.verdict.cgroups[1].cpu_stat.unwrap();
    assert_eq!(
        stat.usage_us, 200_000,
        "the kernel's accounting of that phase alone"
    );
}

#[test]
fn s_095_details_carry_the_label_of_their_phase() {
    let ended = second_step_fails();
    let failing = ended
        .verdict
        .details
        .iter()
        .find(|d| d.message.contains("step 1 failed"))
        .unwrap();
    assert_eq!(failing.phase.as_deref(), Some("Step[1]"));
}

#[test]
fn s_096_every_step_that_ran_is_followed_by_a_pause() {
    let ended = second_step_fails();
    assert_eq!(
        ended.markers(),
        [
            "start",
            "step-start",
            "resume",
            "step-end",
            "pause",
            "pause"
        ],
        "the failed one too; no end frame"
    );
}

#[test]
fn s_097_and_098_a_failed_step_keeps_earlier_results_and_skips_later_steps() {
    let ended = second_step_fails();
    assert_eq!(ended.verdict.outcome, Outcome::Fail);
    assert!(
        ended
            .verdict
            .cgroups
            .iter()
            .any(|stats| stats.cgroup == "good" && stats.iterations > 0)
    );
    let message = ended
        .messages()
        .into_iter()
        .find(|m| m.contains("step 1 failed"))
        .unwrap()
        .to_owned();
    assert!(message.contains("\"bad\""), "{message}");
    assert!(!ended.log.lines().iter().any(|line| line.contains("never")));
}

#[test]
fn s_098_an_error_in_a_step_driven_by_hand_is_the_plugins_to_judge() {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    rig.stage
        .apply(id, &[spawn("nowhere", spins(1))])
        .unwrap_err();
    rig.stage.setup(id, &[def("a")]).unwrap();
    rig.stage.hold(id, &ms(10)).unwrap();
    rig.stage.finish(id).unwrap();
    assert_eq!(rig.close().verdict.outcome, Outcome::Pass);
}

#[test]
fn s_099_on_an_early_end_the_backdrops_results_come_first() {
    let ended = second_step_fails();
    let order: Vec<_> = ended
        .verdict
        .cgroups
        .iter()
        .map(|stats| stats.cgroup.as_str())
        .collect();
    assert_eq!(order.first(), Some(&"base"));
    let steps = vec![step(vec![def("a")], vec![], ms(10))];
    let finished = Rig::new().execute(backdrop(vec![def("base")], vec![]), steps);
    let order: Vec<_> = finished
        .verdict
        .cgroups
        .iter()
        .map(|stats| stats.cgroup.as_str())
        .collect();
    assert_eq!(order, ["a", "base"]);
}

#[test]
fn s_100_the_end_frame_precedes_the_backdrops_collection() {
    let ended = Rig::new().execute(
        backdrop(vec![def("base")], vec![]),
        vec![step(vec![], vec![], ms(10))],
    );
    let end = ended
        .events
        .iter()
        .position(|e| matches!(e, Event::ScenarioEnd { .. }))
        .unwrap();
    let collected = ended
        .events
        .iter()
        .position(|e| matches!(e, Event::Collected(_)))
        .unwrap();
    let verdict = ended
        .events
        .iter()
        .position(|e| matches!(e, Event::Verdict(_)))
        .unwrap();
    assert!(end < collected && collected < verdict);
}

#[test]
fn s_101_the_end_frame_repeats_the_last_steps_closing_pair() {
    let ended = run_defs(vec![def("a")]);
    let last = ends(&ended)[0];
    let pair = ended.events.iter().find_map(|event| match event {
        Event::ScenarioEnd {
            elapsed_ms,
            total_iterations,
        } => Some((*elapsed_ms, *total_iterations)),
        _ => None,
    });
    assert_eq!(
        pair,
        Some((u64::from(last.elapsed_ms), last.total_iterations))
    );
}

#[test]
fn s_127_a_step_frame_says_what_the_step_is() {
    let ops = vec![
        Op::AddCgroup("x".into()),
        Op::FreezeCgroup("x".into()),
        Op::UnfreezeCgroup("x".into()),
    ];
    let defs = vec![CgroupDef {
        work: vec![spins(2), spins(3)],
        ..def_on("a", &[0])
    }];
    let steps = vec![step(vec![], vec![], ms(250)), step(defs, ops, ms(10))];
    let ended = Rig::new().execute(nothing(), steps);
    let mark = starts(&ended)[1];
    assert_eq!((mark.elapsed_ms, mark.phase, mark.op_count), (250, 2, 3));
    assert_eq!(mark.op_kinds, 1 | 1 << 13 | 1 << 14);
    assert_eq!(
        (mark.cgroup_count, mark.worker_count, mark.handle_count),
        (2, 5, 2)
    );
    assert_eq!(mark.total_iterations, 0);
}

#[test]
fn s_130_live_counters_of_both_slots_are_added() {
    let mut rig = Rig::new();
    rig.stage
        .set_backdrop(&backdrop(vec![def_on("base", &[0])], vec![]))
        .unwrap();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.hold(id, &ms(100)).unwrap();
    let alone = rig.stage.iterations();
    rig.stage.setup(id, &[def_on("mine", &[1])]).unwrap();
    rig.stage.hold(id, &ms(100)).unwrap();
    let growth = rig.stage.iterations() - alone;
    assert!(
        growth > alone * 19 / 10 && growth < alone * 21 / 10,
        "{alone} then {growth}"
    );
}

#[test]
fn s_131_and_133_a_steps_rate_is_its_own() {
    let steps = ["a", "b"].map(|name| step(vec![def(name)], vec![], ms(100)));
    let ended = Rig::new().execute(nothing(), steps.into());
    let (starts, ends) = (starts(&ended), ends(&ended));
    for (start, end) in starts.iter().zip(&ends) {
        assert_eq!(start.phase, end.phase);
        assert_eq!(end.elapsed_ms - start.elapsed_ms, 100);
        assert!(end.total_iterations > start.total_iterations);
    }
    let phases: Vec<_> = ended
        .verdict
        .phases
        .iter()
        .map(|phase| phase.iterations.unwrap())
        .collect();
    assert_eq!(
        phases[0], phases[1],
        "workers that start anew do not lower the second rate"
    );
}

#[test]
fn s_132_and_135_a_failed_step_has_no_end_frame_and_leaves_the_pair_alone() {
    let ended = second_step_fails();
    assert_eq!(ends(&ended).len(), 1);
    assert_eq!(ends(&ended)[0].phase, 1);
}

#[test]
fn s_134_a_repeat_has_its_own_start_frame() {
    let steps = vec![
        step(vec![def("a")], vec![], ms(100)),
        step(vec![def("b")], vec![], HoldSpec::Repeat(100_000_000)),
    ];
    let ended = Rig::new().execute(nothing(), steps);
    assert_eq!(
        starts(&ended)
            .iter()
            .map(|mark| mark.phase)
            .collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn what_a_pass_starts_runs_together_and_before_any_op_that_may_be_about_it() {
    let ops = vec![
        Op::AddCgroupDef(def("a")),
        Op::AddCgroupDef(def("b")),
        Op::FreezeCgroup("a".into()),
    ];
    let ended = Rig::new().execute(nothing(), vec![step(vec![def("c")], ops, ms(10))]);
    let lines = ended.log.lines();
    let last_start = ended.position("in \"b\"");
    let gate = ended.position("open the gate");
    let freeze = ended.position("cgroup.freeze");
    assert!(last_start < gate && gate < freeze, "{lines:#?}");
}
