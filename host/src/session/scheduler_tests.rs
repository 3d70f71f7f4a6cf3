//! The loop against guests with a scheduler under test.

use std::fs::read_to_string;
use std::io::{Write, sink};
use std::os::fd::AsFd;

use nix::unistd::pipe;
use proscenium_wire::{
    DetailKind, Event, Obituary, Outcome, PayloadExit, SchedulerChange, SchedulerExit,
    SchedulerNews, WIRE_VERSION,
};

use super::fake_guest::{Fake, Inside, detail, hello, reason, short, started, verdict};
use super::{Deadlines, Monotonic, Recording, run};
use crate::event::{ExitNote, RunEnded, RunOutcome, RunStarted};
use crate::report::{Reporters, Summary};
use crate::run_dir::RunDir;

const PANIC: &[u8] = b"Kernel panic - not syncing: Fatal exception\n";

/// Runs a guest to which `fifo` is to be attached, with evidence in `base`.
fn drive(
    base: &std::path::Path,
    deadlines: &Deadlines,
    script: impl FnOnce(&mut Inside) + Send + 'static,
) -> (RunEnded, Summary) {
    let (quiet, _open) = pipe().unwrap();
    let clock = Monotonic::start();
    let mut reporters = Reporters::new(sink());
    let mut run_dir = RunDir::create(base, "fake", 0).unwrap();
    let started = RunStarted {
        schedulers: vec!["fifo".into()],
        scheduler: Some("fifo".into()),
        run_dir: Some(run_dir.path().display().to_string()),
        ..started()
    };
    let mut recording = Recording::begin(&clock, &mut reporters, Some(&mut run_dir), started);
    recording.booting();
    let guest = Fake::start(ExitNote::Code(0), script);
    let ended = run(guest, deadlines, recording, quiet.as_fd());
    (ended, reporters.summary().clone())
}

fn ended(script: impl FnOnce(&mut Inside) + Send + 'static) -> RunEnded {
    let base = tempfile::tempdir().unwrap();
    drive(base.path(), &short(), script).0
}

fn news(change: SchedulerChange) -> Event {
    Event::Scheduler(SchedulerNews {
        start: 0,
        name: "fifo".into(),
        at_ns: 0,
        phase: 0,
        change,
    })
}

fn attached() -> Event {
    news(SchedulerChange::Attached {
        ops: "fifo".into(),
        took_ns: 5,
    })
}

fn died() -> Event {
    news(SchedulerChange::Died(Obituary {
        kind: SchedulerExit::Crashed,
        process: PayloadExit::Unknown,
        reason: Some("scx_bpf_error".into()),
        message: None,
        dump: "one\ntwo\n".into(),
    }))
}

fn printed(text: &str) -> Event {
    Event::SchedulerLog {
        start: 0,
        bytes: text.as_bytes().to_vec(),
        dropped: 0,
    }
}

#[test]
fn a_panic_while_a_scheduler_is_attached_or_loaded_is_a_failure_that_names_it() {
    let says = |ended: &RunEnded, how: &str| {
        assert_eq!(
            (ended.outcome, reason(ended)),
            (RunOutcome::Failed, "guest-crashed")
        );
        let message = &ended.reasons[0].message;
        assert!(message.contains(how), "{message}");
        assert!(message.contains("Fatal exception"), "{message}");
    };
    let run = ended(|guest| {
        guest.say(&[hello(WIRE_VERSION), attached(), Event::ScenarioStart]);
        guest.console.write_all(PANIC).unwrap();
    });
    says(&run, "while scheduler \"fifo\" was attached");
    let run = ended(|guest| {
        guest.say(&[hello(WIRE_VERSION), printed("loading")]);
        guest.console.write_all(PANIC).unwrap();
    });
    says(&run, "while scheduler \"fifo\" was loaded");
}

#[test]
fn a_panic_before_the_guest_is_up_is_not_the_schedulers() {
    let run = ended(|guest| guest.console.write_all(PANIC).unwrap());
    assert_eq!(run.outcome, RunOutcome::CouldNotRun);
}

#[test]
fn a_guest_that_hangs_under_a_scheduler_is_killed_and_the_scheduler_named() {
    let base = tempfile::tempdir().unwrap();
    let deadlines = Deadlines {
        scenario: std::time::Duration::from_millis(60),
        ..short()
    };
    let (ended, _) = drive(base.path(), &deadlines, |guest| {
        guest.say(&[hello(WIRE_VERSION), attached(), Event::ScenarioStart]);
        guest.hang();
    });
    assert_eq!(reason(&ended), "timed-out");
    let message = &ended.reasons[0].message;
    assert!(
        message.contains("scheduler \"fifo\" was attached"),
        "{message}"
    );
}

#[test]
fn a_dead_scheduler_fails_the_run_and_leaves_its_log_and_dump() {
    let base = tempfile::tempdir().unwrap();
    let (ended, summary) = drive(base.path(), &short(), |guest| {
        guest.say(&[
            hello(WIRE_VERSION),
            printed("loading\n"),
            attached(),
            Event::ScenarioStart,
            died(),
            printed("bye\n"),
            detail(DetailKind::SchedulerCrashed, Outcome::Fail),
            verdict(Outcome::Fail),
            Event::End,
        ]);
    });
    assert_eq!(
        (ended.outcome, reason(&ended)),
        (RunOutcome::Failed, "scheduler-crashed")
    );
    assert_eq!(summary.schedulers.len(), 1);
    assert_eq!(summary.schedulers[0].last_words, ["loading", "bye"]);
    let file = |name: &str| read_to_string(base.path().join("runs/latest").join(name)).unwrap();
    assert_eq!(file("schedulers/000-fifo.log"), "loading\nbye\n");
    assert_eq!(file("schedulers/000-fifo.dump"), "one\ntwo\n");
    assert!(file("events.jsonl").contains("\"type\":\"scheduler-words\""));
}
