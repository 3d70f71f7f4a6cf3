//! Section 4.1: the ways in which a scenario fails, each with its exact order,
//! for a plan that is handed over and for a plugin that drives by hand.

use nix::errno::Errno;
use proscenium_guest_runtime::contract::types::ErrorCode;
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::world::simulated::{Effect, Simulated};
use proscenium_wire::{DetailKind, Event, Outcome};
use std::time::Duration;

use crate::support::{Ended, Rig, backdrop, def, ms, step};

/// No worker can be started in `bad`.
fn rig() -> Rig {
    let rig = Rig::new();
    rig.fail(
        Errno::ENOMEM,
        |effect| matches!(effect, Effect::Spawn { group, .. } if group == "bad"),
    );
    rig
}

/// What was done to cgroups and workers, without the making of them.
fn teardown(ended: &Ended) -> Vec<String> {
    let lines = ended.log.lines().into_iter();
    lines
        .filter(|line| line.starts_with("collect") || line.starts_with("remove"))
        .collect()
}

/// Kinds, phases and cgroups of the results, in order of the frames.
fn results(ended: &Ended) -> Vec<String> {
    let row = |event: &Event| match event {
        Event::Collected(stats) => Some(format!("collected {} of {}", stats.cgroup, stats.phase)),
        Event::Detail(detail) => Some(format!(
            "{:?} in {}",
            detail.kind,
            detail.phase.as_deref().unwrap_or("none")
        )),
        Event::Pause => Some("pause".to_owned()),
        Event::ScenarioEnd { .. } => Some("end".to_owned()),
        Event::Verdict(verdict) => Some(format!("verdict {}", verdict.outcome.as_str())),
        _ => None,
    };
    ended.events.iter().filter_map(row).collect()
}

#[test]
fn s_085_f1_a_backdrop_that_fails_is_torn_down_then_recorded() {
    let plan = backdrop(vec![def("base"), def("bad")], vec![]);
    let ended = rig().execute(plan, vec![step(vec![def("never")], vec![], ms(1))]);
    let done = ["collect 1 crews", "remove \"bad\"", "remove \"base\""];
    assert_eq!(teardown(&ended), done);
    let told = ["collected base of 0", "Other in none", "verdict fail"];
    assert_eq!(results(&ended), told);
    assert_eq!(ended.markers(), ["start"]);
    let message = ended.messages()[0];
    for word in ["backdrop setup failed", "\"bad\"", "Out of memory"] {
        assert!(message.contains(word), "{word}: {message}");
    }
}

#[test]
fn s_085_f1_by_hand_the_plugin_learns_it_and_gives_up() {
    let mut rig = rig();
    let plan = backdrop(vec![def("base"), def("bad")], vec![]);
    let error = rig.stage.set_backdrop(&plan).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Kernel));
    let again = rig.stage.set_backdrop(&plan).unwrap_err();
    assert_eq!(again.code(), Some(ErrorCode::Invalid), "{again}");
    let ended = rig.give_up("no backdrop");
    let done = ["collect 1 crews", "remove \"bad\"", "remove \"base\""];
    assert_eq!(teardown(&ended), done);
    assert_eq!(ended.verdict.outcome, Outcome::Fail);
    assert_eq!(ended.markers(), ["start"], "no end frame");
}

#[test]
fn s_098_f3_a_step_that_fails_is_paused_collected_then_the_backdrop_then_recorded() {
    let steps = ["good", "bad", "never"].map(|name| step(vec![def(name)], vec![], ms(100)));
    let ended = rig().execute(backdrop(vec![def("base")], vec![]), steps.into());
    let done = [
        "collect 1 crews",
        "remove \"good\"",
        "remove \"bad\"",
        "collect 1 crews",
        "remove \"base\"",
    ];
    assert_eq!(teardown(&ended), done);
    let told = [
        "pause",
        "collected good of 1",
        "pause",
        "collected base of 1",
        "Other in Step[1]",
        "verdict fail",
    ];
    assert_eq!(results(&ended), told);
}

#[test]
fn s_098_f3_by_hand_everything_is_torn_down_whatever_the_plugin_forgot() {
    let mut rig = rig();
    let plan = backdrop(vec![def("base")], vec![]);
    rig.stage.set_backdrop(&plan).unwrap();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("good"), def("bad")]).unwrap_err();
    rig.stage.hold(id, &ms(100)).unwrap();
    let ended = rig.give_up("the second definition failed");
    let done = [
        "collect 1 crews",
        "remove \"bad\"",
        "remove \"good\"",
        "collect 1 crews",
        "remove \"base\"",
    ];
    assert_eq!(teardown(&ended), done);
    let told = [
        "pause",
        "collected good of 1",
        "collected base of 1",
        "verdict fail",
    ];
    assert_eq!(results(&ended), told);
    let frames = ["start", "step-start", "resume", "pause"];
    assert_eq!(ended.markers(), frames, "no step end, no end frame");
    assert_eq!(ended.verdict.details[0].kind, DetailKind::Plugin);
}

#[test]
fn s_113_f4_a_plan_that_is_cut_short_in_a_hold_ends_there() {
    let world = Simulated::new(Machine::uniform(1, 1, 2, 1))
        .cancelled_at(Duration::from_millis(300), "interrupted by the user");
    let mut rig = Rig::with(world, |_| {});
    let plan = backdrop(vec![def("base")], vec![]);
    let steps = ["a", "never"].map(|name| step(vec![def(name)], vec![], ms(400)));
    let error = rig.stage.execute(&plan, &steps).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Cancelled));
    let ended = rig.close();
    let told = [
        "pause",
        "collected a of 1",
        "collected base of 1",
        "Cancelled in none",
        "verdict inconclusive",
    ];
    assert_eq!(results(&ended), told);
    let wall: Vec<u64> = ended
        .verdict
        .cgroups
        .iter()
        .map(|stats| stats.wall_time_ns / 1_000_000)
        .collect();
    assert_eq!(wall, [300, 300], "what ran until then is kept");
}

#[test]
fn another_scenario_can_follow_a_failed_one() {
    let steps = || ["base/x", "bad"].map(|name| step(vec![def(name)], vec![], ms(100)));
    let first = rig().execute(backdrop(vec![], vec![]), steps().into());
    assert_eq!(first.verdict.outcome, Outcome::Fail);
    let second = first.again().execute(
        backdrop(vec![def("base")], vec![]),
        vec![step(vec![def("x")], vec![], ms(100))],
    );
    assert_eq!(second.verdict.outcome, Outcome::Pass);
    assert_eq!(second.markers()[0], "start");
}
