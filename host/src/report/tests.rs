//! What the reporters make of fixed runs, by snapshot.

use std::io;

use proscenium_wire::{
    Detail, DetailKind, Event, LogLevel, LogSource, Metric, Outcome, PayloadExit, PayloadRecord,
    Polarity, Tasks, TasksReason,
};

use super::fixtures::{Broken, LOOK, Paper, Stepping, closing, opening, play, started, stats};
use super::human::Look;
use super::*;
use crate::event::{Reason, RunOutcome, RunStarted, World};
use crate::session::{Ending, Recording};

#[test]
fn a_run_that_passed() {
    let events = [opening(), closing(Outcome::Pass, vec![], true)].concat();
    let (human, plain, json, _) = play(started(), events, Ending::Orderly);
    insta::assert_snapshot!("passed-human", human);
    insta::assert_snapshot!("passed-plain", plain);
    insta::assert_snapshot!("passed-json", json);
}

#[test]
fn s_040_captured_processes_are_listed_and_placements_are_not() {
    let tasks = |why, pids: &[u32]| {
        Event::Tasks(Tasks {
            at_ns: 5_000_000,
            phase: 1,
            cgroup: "left".into(),
            pids: pids.to_vec(),
            why,
        })
    };
    let tag = || "before\x1b[2J".to_owned();
    let placed = TasksReason::Placed {
        work: "spin-wait".into(),
    };
    let events = [
        opening(),
        vec![
            tasks(placed, &[99]),
            tasks(TasksReason::Captured { tag: tag() }, &[101, 102]),
            tasks(TasksReason::Captured { tag: tag() }, &[]),
        ],
        closing(Outcome::Pass, vec![], true),
    ]
    .concat();
    let (human, _, json, _) = play(started(), events, Ending::Orderly);
    let (_, section) = human.split_once("Captured processes\n").unwrap();
    let lines: Vec<&str> = section
        .lines()
        .take_while(|line| !line.is_empty())
        .collect();
    assert_eq!(
        lines,
        [
            "  • before: Step[0]: 2 tasks in \"left\": 101 102",
            "  • before: Step[0]: 0 tasks in \"left\"",
        ]
    );
    assert_eq!(json.matches("\"type\":\"tasks\"").count(), 3);
}

#[test]
fn a_run_that_failed_with_hostile_words() {
    let detail = |kind, phase: Option<&str>, message: &str| Detail {
        kind,
        outcome: Outcome::Fail,
        phase: phase.map(str::to_owned),
        message: message.to_owned(),
    };
    let details = vec![
        detail(
            DetailKind::Unfair,
            Some("Step[1]"),
            "left got 80 %, right 20 %",
        ),
        detail(
            DetailKind::Plugin,
            None,
            "::error::\x1b[2Jpwned ]]> <b>\nok 1 - fine",
        ),
    ];
    let shout = Event::Log {
        source: LogSource::Plugin,
        level: LogLevel::Info,
        message: "not ok 1 \x1b]0;title\x07".into(),
    };
    let events = [
        opening(),
        vec![shout],
        closing(Outcome::Fail, details, true),
    ]
    .concat();
    let (human, plain, _, ended) = play(started(), events, Ending::Orderly);
    assert_eq!(ended.outcome, RunOutcome::Failed);
    insta::assert_snapshot!("failed-human", human);
    assert!(!plain.contains('\x1b') && !human.contains('\x1b'));
    assert!(
        human
            .lines()
            .chain(plain.lines())
            .all(|line| !line.trim_start().starts_with("::"))
    );
}

#[test]
fn a_check_in_which_nothing_was_asserted_says_so() {
    let simulated = RunStarted {
        world: World::Simulated,
        acceleration: None,
        kernel: None,
        run_dir: None,
        ..started()
    };
    let events = [opening(), closing(Outcome::Pass, vec![], false)].concat();
    let (human, ..) = play(simulated, events, Ending::Orderly);
    assert!(human.contains("nothing was asserted"), "{human}");
    assert!(
        human
            .lines()
            .next()
            .unwrap()
            .contains("no kernel was asked")
    );
}

#[test]
fn a_run_that_was_refused_has_one_line_and_no_tables() {
    let human = Paper::default();
    let mut reporters = Reporters::new(Paper::default()).with(Human::new(human.clone(), LOOK));
    let clock = Stepping::default();
    let recording = Recording::begin(&clock, &mut reporters, None, started());
    let reason = Reason::new(
        "grant",
        "the plugin wants `cgroups`, which is not granted: add `cgroups = true`",
    );
    let ended = recording.abort(RunOutcome::Refused, reason);
    assert_eq!(ended.exit_code, 3);
    insta::assert_snapshot!("refused-human", human.text());
}

fn junit(events: Vec<Event>, ending: Ending) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.xml");
    let mut reporters = Reporters::new(Paper::default()).with(Junit::new(vec![path.clone()]));
    let clock = Stepping::default();
    let mut recording = Recording::begin(&clock, &mut reporters, None, started());
    recording.booting();
    for event in events {
        recording.guest(event);
    }
    let _ = recording.finish(ending);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn junit_tells_failures_errors_and_passes_apart() {
    let passed = junit(
        [opening(), closing(Outcome::Pass, vec![], true)].concat(),
        Ending::Orderly,
    );
    insta::assert_snapshot!("passed-junit", passed);
    let failed = junit(
        [opening(), closing(Outcome::Fail, vec![], true)].concat(),
        Ending::Orderly,
    );
    assert!(
        failed.contains("<failure ") && failed.contains(r#"failures="1""#),
        "{failed}"
    );
    let vanished = junit(vec![], Ending::Vanished);
    assert!(
        vanished.contains("<error ") && vanished.contains(r#"errors="1""#),
        "{vanished}"
    );
    let skipped = junit(
        [opening(), closing(Outcome::Skip, vec![], true)].concat(),
        Ending::Orderly,
    );
    assert!(skipped.contains("<skipped"), "{skipped}");
    let undecided = junit(
        [opening(), closing(Outcome::Inconclusive, vec![], true)].concat(),
        Ending::Orderly,
    );
    assert!(undecided.contains(r#"type="inconclusive""#), "{undecided}");
}

#[test]
fn a_closed_pipe_is_silent_and_a_full_disk_is_said_once() {
    for (kind, said) in [
        (io::ErrorKind::BrokenPipe, 0),
        (io::ErrorKind::StorageFull, 1),
    ] {
        let complaints = Paper::default();
        let mut reporters = Reporters::new(complaints.clone()).with(JsonLines::new(Broken(kind)));
        let clock = Stepping::default();
        let mut recording = Recording::begin(&clock, &mut reporters, None, started());
        for event in [opening(), closing(Outcome::Pass, vec![], true)].concat() {
            recording.guest(event);
        }
        assert_eq!(
            recording.finish(Ending::Orderly).outcome,
            RunOutcome::Passed
        );
        assert_eq!(
            complaints.text().lines().count(),
            said,
            "{}",
            complaints.text()
        );
    }
}

#[test]
fn colours_need_a_terminal_that_wants_them() {
    assert!(Look::colour_for(true, None, Some("xterm")));
    assert!(Look::colour_for(true, Some(""), None));
    assert!(!Look::colour_for(true, Some("1"), Some("xterm")));
    assert!(!Look::colour_for(false, None, Some("xterm")));
    assert!(!Look::colour_for(true, None, Some("dumb")));
}

fn at_width(events: Vec<Event>, width: u16) -> String {
    let (_, _, json, _) = play(started(), events, Ending::Orderly);
    let mut summary = Summary::default();
    json.lines()
        .for_each(|line| summary.fold(&serde_json::from_str(line).unwrap()));
    let ended = summary.ended.clone().unwrap();
    let look = Look {
        colour: false,
        width,
    };
    human::render(&summary, &ended, look)
}

#[test]
fn long_names_are_cut_in_the_middle_and_wide_tables_are_continued_at_80_columns() {
    let named = |name: &str| {
        let mut event = stats(1, name, &[0, 1, 2, 3], 617_000);
        if let Event::Collected(stats) = &mut event {
            stats.work = "numa-working-set-sweep".into();
            stats.wake_p99_ns = Some(1_234_567);
            stats.timer_p99_ns = Some(34_567);
        }
        event
    };
    let long = |number: u32| named(&format!("tenant-a/frontend/worker-pool-{number:04}"));
    let payload = PayloadRecord {
        index: 0,
        name: "stress-ng-with-a-very-long-name-of-its-own".into(),
        cgroup: "tenant-a/frontend/worker-pool-0001".into(),
        phase: Some("Step[0]".into()),
        metrics: ["cpu.bogo-ops", "cpu.bogo-ops-per-second-of-real-time"]
            .map(|name| Metric {
                name: name.into(),
                value: 123_456.0,
                polarity: Polarity::Unknown,
                unit: None,
            })
            .to_vec(),
        exit: PayloadExit::Code(0),
        killed: false,
        elapsed_ns: 2_000_000_000,
        output_bytes: 4_096,
        dropped_bytes: 0,
        metrics_cut: false,
        checks: vec![],
        stderr_tail: None,
    };
    let events = [
        opening(),
        vec![long(1), long(2), named("short"), Event::Payload(payload)],
        closing(Outcome::Pass, vec![], true),
    ]
    .concat();
    let text = at_width(events, 80);
    let (_, tables) = text.split_once("Steps").unwrap();
    let (tables, _) = tables.split_once("Mediated").unwrap();
    insta::assert_snapshot!("narrow-tables", tables);
}

#[test]
fn a_narrow_terminal_gets_narrow_tables() {
    let events = [opening(), closing(Outcome::Pass, vec![], true)].concat();
    let text = at_width(events, 1);
    let tables = text
        .split("Steps")
        .nth(1)
        .unwrap()
        .split("Mediated")
        .next()
        .unwrap();
    assert!(
        tables
            .lines()
            .all(|line| console::measure_text_width(line) <= 60),
        "{tables}"
    );
}
