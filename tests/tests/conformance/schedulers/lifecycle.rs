//! Attached, detached, restarted, replaced; their logs and their maps.

use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::stage::HoldOutcome;
use proscenium_guest_runtime::contract::types::{CgroupDef, CpuBandwidth, CpuLimits, HoldSpec};
use proscenium_guest_runtime::world::ExtState;
use proscenium_guest_runtime::world::simulated::{Death, SchedulerScript};
use proscenium_wire::{DetailKind, Event, Outcome, PayloadExit, SchedulerChange, Severity};

use super::support::{attach, attached, behaves, dies_after, millis, pin, replace, rig};
use crate::findings::findings;
use crate::support::{MS, backdrop, def, ms, nothing, step};

#[test]
fn s_143_load_waits_until_the_scheduler_is_enabled() {
    let slow = SchedulerScript {
        loads_in: millis(200),
        ..behaves()
    };
    let (mut rig, _) = rig(&[("a", slow)]);
    assert_eq!(rig.stage.sched_ext().state, ExtState::Disabled);
    rig.stage.boot_scheduler("a").unwrap();
    assert_eq!(rig.stage.sched_ext().state, ExtState::Enabled);
    assert_eq!(rig.stage.scheduler(), Some("a"));
    let ended = rig.execute(nothing(), vec![step(vec![def("load")], vec![], ms(100))]);
    assert!(ended.position("watch scheduler \"a\"") < ended.position("create \"load\""));
    // It is told before the scenario's first frame, whose clock it does not start.
    let told = |which: fn(&Event) -> bool| ended.events.iter().position(which).unwrap();
    assert!(
        told(|event| matches!(event, Event::Scheduler(_)))
            < told(|event| matches!(event, Event::ScenarioStart))
    );
    let news = ended.news();
    assert_eq!(news[0].at_ns, 0);
    let change = SchedulerChange::Attached {
        ops: "a".into(),
        took_ns: 200 * MS,
    };
    assert_eq!(news[0].change, change);
    assert_eq!(ended.verdict.phases[0].end_ms, Some(100));
}

#[test]
fn a_scheduler_leaves_after_everything_else_is_torn_down() {
    let (rig, _) = attached(behaves());
    let ended = rig.execute(
        backdrop(vec![def("base")], vec![]),
        vec![step(vec![def("load")], vec![], ms(100))],
    );
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
    let lines = ended.log.lines();
    assert_eq!(lines.last().unwrap(), "stop scheduler \"a\"");
    assert!(ended.position("remove \"base\"") < ended.position("stop scheduler"));
    assert_eq!(ended.changes(), ["0 a attached", "0 a detached"]);
    let again = ended.again().execute(nothing(), vec![]);
    assert_eq!(again.verdict.outcome, Outcome::Pass);
}

#[test]
fn s_037_a_replacement_is_live_and_the_new_one_is_watched() {
    // The old one would die later; it is gone by then.
    let scripts = [
        ("a", dies_after(500, Death::Killed(9))),
        ("b", dies_after(400, Death::Killed(9))),
    ];
    let (rig, _) = rig(&scripts);
    let steps = vec![
        step(vec![def("load")], vec![attach("a")], ms(200)),
        step(vec![def("load")], vec![replace("b")], ms(700)),
    ];
    let ended = rig.execute(nothing(), steps);
    let deaths = ended.deaths();
    assert_eq!(deaths.len(), 1);
    assert_eq!(deaths[0].kind, DetailKind::SchedulerCrashed);
    for word in ["\"b\"", "step 1", "0.6 s", "signal 9"] {
        assert!(deaths[0].message.contains(word), "{word}: {deaths:?}");
    }
    assert_eq!(
        ended.changes(),
        ["0 a attached", "0 a detached", "1 b attached", "1 b died"]
    );
}

#[test]
fn s_111_who_is_watched_follows_every_change() {
    let (rig, _) = rig(&[("a", behaves()), ("b", behaves())]);
    let ops = vec![
        attach("a"),
        replace("b"),
        Op::RestartScheduler,
        Op::DetachScheduler,
        attach("a"),
    ];
    let ended = rig.execute(nothing(), vec![step(vec![], ops, ms(100))]);
    assert_eq!(
        ended.verdict.outcome,
        Outcome::Pass,
        "{:?}",
        ended.messages()
    );
    let start = |name: &str| format!("start scheduler {name:?} with [\"--quiet\"]");
    let watch = |name: &str| format!("watch scheduler {name:?}");
    let stop = |name: &str| format!("stop scheduler {name:?}");
    let none = || "watch no scheduler".to_owned();
    let expected = [
        start("a"),
        watch("a"),
        none(),
        stop("a"),
        start("b"),
        watch("b"),
        none(),
        stop("b"),
        start("b"),
        watch("b"),
        none(),
        stop("b"),
        start("a"),
        watch("a"),
        none(),
        stop("a"),
    ];
    assert_eq!(ended.scheduler_lines(), expected);
}

#[test]
fn s_038_and_116_a_detach_that_was_asked_for_is_no_death() {
    let (rig, _) = attached(dies_after(500, Death::Killed(9)));
    let steps = vec![
        step(vec![def("load")], vec![Op::DetachScheduler], ms(300)),
        step(vec![def("load")], vec![], ms(600)),
    ];
    let ended = rig.execute(nothing(), steps);
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
    assert!(ended.deaths().is_empty());
    assert_eq!(ended.verdict.phases[1].end_ms, Some(900));
    let news = ended.news();
    let SchedulerChange::Detached { exit, killed, .. } = &news[1].change else {
        panic!("{news:?}");
    };
    assert_eq!((*exit, *killed), (PayloadExit::Code(0), false));
}

#[test]
fn one_that_ignores_the_request_to_leave_is_killed_and_that_is_said() {
    let stubborn = SchedulerScript {
        ignores_sigterm: true,
        ..behaves()
    };
    let (mut rig, _) = attached(stubborn);
    rig.stage.detach_scheduler().unwrap();
    assert_eq!(rig.stage.elapsed(), millis(10_000), "a bounded time");
    let ended = rig.close();
    assert!(ended.verdict.notes[0].contains("\"a\" did not leave"));
    let SchedulerChange::Detached { exit, killed, .. } = ended.news()[1].change else {
        panic!("{:?}", ended.news());
    };
    assert_eq!((exit, killed), (PayloadExit::Signal(9), true));
}

#[test]
fn s_044_each_start_has_a_log_of_its_own() {
    let prints = |text: &str| SchedulerScript {
        prints: text.to_owned(),
        ..behaves()
    };
    let (rig, _) = rig(&[("a", prints("I am a\n")), ("b", prints("I am b\n"))]);
    let ops = vec![attach("a"), Op::RestartScheduler, replace("b")];
    let ended = rig.execute(nothing(), vec![step(vec![], ops, ms(100))]);
    let logs = [0, 1, 2, 3].map(|start| ended.printed(start));
    assert_eq!(logs, ["I am a\n", "I am a\n", "I am b\n", ""]);
}

#[test]
fn s_039_and_s_058_a_map_is_kept_to_the_scenarios_end_whatever_becomes_of_its_scheduler() {
    let mapped = SchedulerScript {
        maps: vec!["stats".into(), "queue".into()],
        ..behaves()
    };
    let (rig, _) = rig(&[("a", mapped), ("b", behaves())]);
    let ended = rig.execute(
        nothing(),
        vec![
            step(
                vec![],
                vec![attach("a"), pin("stats"), replace("b")],
                ms(10),
            ),
            step(vec![def("load")], vec![pin("stats")], ms(10)),
        ],
    );
    assert_eq!(
        ended.verdict.outcome,
        Outcome::Pass,
        "{:?}",
        ended.messages()
    );
    let lines = ended.log.lines();
    let kept = lines.iter().filter(|line| line.contains("keep BPF map"));
    assert_eq!(kept.count(), 1, "the second time changes nothing");
    assert_eq!(lines.last().unwrap(), "release all BPF maps");
    assert!(ended.position("remove \"load\"") < ended.position("release all BPF maps"));
}

#[test]
fn a_map_that_is_not_there_is_refused_with_those_that_are() {
    let mapped = SchedulerScript {
        maps: vec!["stats".into(), "queue".into()],
        ..behaves()
    };
    let (mut rig, _) = attached(mapped);
    let error = rig.stage.pin_map("stat").unwrap_err().to_string();
    for word in ["\"stat\"", "queue, stats"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    for bad in ["", "a/b", "a name", "sixteen_bytes_xx", "ä"] {
        let error = rig.stage.pin_map(bad).unwrap_err().to_string();
        assert!(error.contains("not the name of a BPF map"), "{error}");
    }
}

#[test]
fn s_117_without_a_scheduler_there_is_nothing_to_ask() {
    let (mut rig, fate) = rig(&[("a", behaves())]);
    // The kernel's own scheduler is the normal state then.
    fate.force(ExtState::Disabled);
    fate.strike(Death::Killed(9));
    assert_eq!(rig.stage.scheduler(), None);
    let id = rig.stage.begin(None).unwrap();
    let held = rig.stage.hold(id, &ms(300)).unwrap();
    assert_eq!(held, HoldOutcome::Elapsed(300 * MS));
    assert!(rig.close().deaths().is_empty());
}

#[test]
fn a_cap_under_a_scheduler_under_test_is_remarked_on() {
    let capped = |name: &str| CgroupDef {
        cpu: Some(CpuLimits {
            max: Some(CpuBandwidth::Percent(20)),
            weight: None,
        }),
        ..def(name)
    };
    let plan = |ops| vec![step(vec![capped("load")], ops, HoldSpec::Fraction(1.0))];
    let (with, _) = attached(behaves());
    let ended = with.execute(nothing(), plan(vec![]));
    let found = findings(&ended.events);
    let doubt: Vec<_> = found.iter().filter(|f| f.kind == "doubtful-cap").collect();
    assert_eq!(doubt.len(), 1, "once, from plan and run: {found:?}");
    assert_eq!(doubt[0].severity, Severity::Note);
    assert!(doubt[0].message.contains("\"load\"") && doubt[0].message.contains("\"a\""));
    // The kernel's own keeps it.
    let (without, _) = attached(behaves());
    let ended = without.execute(nothing(), plan(vec![Op::DetachScheduler]));
    let found = findings(&ended.events);
    assert!(found.iter().all(|f| f.kind != "doubtful-cap"), "{found:?}");
}

#[test]
fn a_scheduler_that_a_step_attached_outlives_it() {
    let (rig, _) = rig(&[("a", behaves())]);
    let steps = vec![
        step(vec![def("first")], vec![attach("a")], ms(10)),
        step(vec![def("second")], vec![], ms(10)),
    ];
    let ended = rig.execute(nothing(), steps);
    assert!(ended.position("remove \"second\"") < ended.position("stop scheduler"));
}
