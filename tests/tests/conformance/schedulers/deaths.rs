//! Section 4.1 and what follows a death: what is done, in which order, and
//! what the verdict says.

use proscenium_guest_runtime::contract::types::ErrorCode;
use proscenium_guest_runtime::world::simulated::{Death, Effect, SchedulerScript};
use proscenium_wire::{DetailKind, Event, Outcome, SchedulerChange};

use super::support::{attached, behaves, dies_after, obituary, one_hold, removes};
use crate::support::{Ended, MS, backdrop, def, ms, spawn, spins, step};

/// What was done to workers and cgroups at the end, and what was told then.
fn ending(ended: &Ended) -> (Vec<String>, Vec<String>) {
    let done = |line: &String| {
        ["kill", "collect", "remove"]
            .iter()
            .any(|w| line.starts_with(w))
    };
    let row = |event: &Event| match event {
        Event::Collected(stats) => Some(format!("collected {} of {}", stats.cgroup, stats.phase)),
        Event::Detail(detail) => Some(format!(
            "{:?} in {}",
            detail.kind,
            detail.phase.as_deref().unwrap_or("none")
        )),
        Event::Scheduler(news) if matches!(news.change, SchedulerChange::Died(_)) => {
            Some("died".to_owned())
        }
        Event::Pause => Some("pause".to_owned()),
        Event::ScenarioEnd { .. } => Some("end".to_owned()),
        _ => None,
    };
    (
        ended.log.lines().into_iter().filter(done).collect(),
        ended.events.iter().filter_map(row).collect(),
    )
}

#[test]
fn s_112_f2_a_death_between_steps_says_after_how_many() {
    let (rig, fate) = attached(behaves());
    fate.strike_upon(Death::Killed(9), removes("first"));
    let steps = ["first", "second", "third"].map(|name| step(vec![def(name)], vec![], ms(250)));
    let ended = rig.execute(backdrop(vec![def("base")], vec![]), steps.into());
    let (done, told) = ending(&ended);
    let expected = [
        "collect 1 crews",
        "remove \"first\"",
        "kill 1 crews",
        "collect 1 crews",
        "remove \"base\"",
    ];
    assert_eq!(done, expected, "backdrop workers are killed first");
    let expected = [
        "pause",
        "collected first of 1",
        "died",
        "collected base of 1",
        "SchedulerCrashed in none",
    ];
    assert_eq!(told, expected, "no end frame");
    let message = &ended.deaths()[0].message;
    for word in ["after 1 of 3 steps", "0.2 s", "signal 9"] {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert_eq!(ended.verdict.phases.len(), 1, "the second did not begin");
}

#[test]
fn s_112_by_hand_the_next_step_does_not_begin() {
    let (mut rig, fate) = attached(behaves());
    let id = rig.stage.begin(None).unwrap();
    rig.stage.hold(id, &ms(500)).unwrap();
    rig.stage.finish(id).unwrap();
    fate.strike(Death::Stalls);
    let error = rig.stage.begin(None).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::SchedulerDied));
    assert!(error.to_string().contains("runnable task stall"), "{error}");
    let ended = rig.close();
    let message = &ended.deaths()[0].message;
    for word in ["after 1 step,", "0.5 s", "watchdog failed to check in"] {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert!(!ended.markers().contains(&"end"));
}

#[test]
fn s_113_f4_a_death_during_the_hold_says_when_and_ends_the_scenario() {
    let (rig, _) = attached(dies_after(300, Death::BpfError("dsq 7 is gone".into())));
    let plan = backdrop(vec![def("base")], vec![]);
    let steps = ["load", "never"].map(|name| step(vec![def(name)], vec![], ms(400)));
    let ended = rig.execute(plan, steps.into());
    let (done, told) = ending(&ended);
    let expected = [
        "kill 2 crews",
        "collect 1 crews",
        "remove \"load\"",
        "collect 1 crews",
        "remove \"base\"",
    ];
    assert_eq!(done, expected);
    let expected = [
        "died",
        "pause",
        "collected load of 1",
        "collected base of 1",
        "SchedulerCrashed in Step[0]",
    ];
    assert_eq!(told, expected);
    let message = &ended.deaths()[0].message;
    for word in [
        "during the workload",
        "0.3 s",
        "scx_bpf_error: dsq 7 is gone",
    ] {
        assert!(message.contains(word), "{word}: {message}");
    }
    let wall: Vec<u64> = ended
        .verdict
        .cgroups
        .iter()
        .map(|stats| stats.wall_time_ns / MS)
        .collect();
    assert_eq!(wall, [300, 300], "what ran until then is kept");
    assert_eq!(ended.verdict.details.len(), 1, "killed workers are no news");
    assert!(ended.verdict.notes[0].contains("workers were killed"));
}

#[test]
fn s_114_f5_a_death_found_at_the_end_comes_after_the_end_frame() {
    let (rig, fate) = attached(behaves());
    fate.strike_upon(Death::Exits(0), removes("load"));
    let ended = one_hold(rig);
    let (_, told) = ending(&ended);
    let expected = [
        "pause",
        "collected load of 1",
        "end",
        "died",
        "collected base of 1",
        "SchedulerExitedCleanly in none",
    ];
    assert_eq!(told, expected);
    let message = &ended.deaths()[0].message;
    for word in ["after the last of 1 step", "1.0 s"] {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert_eq!(ended.verdict.outcome, Outcome::Fail);
}

#[test]
fn s_115_the_kinds_are_told_apart() {
    use DetailKind::{
        SchedulerCrashed as Crashed, SchedulerDiedUnknownReason as Unknown,
        SchedulerExitedCleanly as Clean,
    };
    let table = [
        (Death::Exits(0), Clean, "ended with code 0"),
        (Death::Exits(101), Crashed, "ended with code 101"),
        (Death::Killed(11), Crashed, "signal 11"),
        (
            Death::BpfError("oops".into()),
            Crashed,
            "scx_bpf_error: oops",
        ),
        (Death::Stalls, Crashed, "runnable task stall"),
        (
            Death::Thrown,
            Crashed,
            "somebody else had the kernel disable it",
        ),
        (Death::Unregisters, Clean, "its process still ran"),
        (
            Death::Replaced("x".into()),
            Clean,
            "\"x\" is enabled in its place",
        ),
        (Death::Vanishes, Unknown, "the kernel gave no reason"),
    ];
    for (death, kind, words) in table {
        let (rig, _) = attached(dies_after(300, death.clone()));
        let ended = one_hold(rig);
        let detail = ended.deaths()[0];
        assert_eq!(detail.kind, kind, "{death:?}");
        assert!(
            detail.message.contains(words),
            "{words}: {}",
            detail.message
        );
    }
}

#[test]
fn the_evidence_is_kept_and_the_lingering_process_is_ended() {
    let script = SchedulerScript {
        prints: "started\n".into(),
        ..dies_after(300, Death::Unregisters)
    };
    let (rig, _) = attached(script);
    let ended = one_hold(rig);
    let dump = &obituary(&ended).dump;
    assert!(dump.contains("\"a\" disabled"), "{dump}");
    assert_eq!(ended.printed(0), "started\n");
    ended.position("stop scheduler \"a\"");
}

#[test]
fn s_118_all_is_killed_before_anything_is_reaped() {
    let (rig, _) = attached(dies_after(300, Death::Killed(9)));
    let plan = backdrop(vec![def("base")], vec![]);
    let ops = (0..50).map(|_| spawn("base", spins(4))).collect();
    let ended = rig.execute(plan, vec![step(vec![], ops, ms(500))]);
    let (done, _) = ending(&ended);
    assert_eq!(done[0], "kill 51 crews", "all of them, in one go");
    assert!(done[1..].iter().all(|line| !line.starts_with("kill")));
    // Without a death they are asked, and report.
    let (rig, _) = attached(behaves());
    let ended = one_hold(rig);
    assert!(
        ending(&ended)
            .0
            .iter()
            .all(|line| !line.starts_with("kill"))
    );
    assert!(ended.verdict.details.is_empty());
}

#[test]
fn s_098_f3_an_error_of_the_step_comes_before_a_death() {
    let (rig, fate) = attached(behaves());
    rig.fail(
        nix::errno::Errno::ENOMEM,
        |effect| matches!(effect, Effect::Spawn { group, .. } if group == "bad"),
    );
    fate.strike_upon(
        Death::Killed(9),
        |effect| matches!(effect, Effect::Create { group } if group == "bad"),
    );
    let plan = backdrop(vec![def("base")], vec![]);
    let ended = rig.execute(plan, vec![step(vec![def("bad")], vec![], ms(10))]);
    assert!(ended.deaths().is_empty());
    assert!(ended.messages()[0].contains("step 0 failed"));
    let notes = &ended.verdict.notes;
    assert!(
        notes.iter().any(|note| note.contains("signal 9")),
        "{notes:?}"
    );
    let (done, _) = ending(&ended);
    assert_eq!(
        done[0], "kill 1 crews",
        "its workers are killed all the same"
    );
}

#[test]
fn the_same_scenario_can_be_run_again_at_once() {
    let (rig, _) = attached(dies_after(300, Death::Killed(9)));
    let first = one_hold(rig);
    assert_eq!(first.verdict.outcome, Outcome::Fail);
    let second = one_hold(first.again());
    assert_eq!(second.verdict.outcome, Outcome::Pass);
}
