//! The loop against guests that are good, broken, silent, hostile or dying.

use std::fs::read_to_string;
use std::io::{Write, sink};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::unistd::pipe;
use proscenium_wire::{DetailKind, LogSource, Outcome};

use super::*;
use crate::event::{ExitNote, Record, RunEvent};
use crate::report::{Reporters, Summary};
use crate::run_dir::RunDir;
use crate::session::Monotonic;
use crate::session::fake_guest::{
    Fake, detail, drive, hello, outcome, reason, short, start, started, verdict,
};

#[test]
fn a_good_guest_is_answered_and_passes() {
    let ended = outcome(|guest| {
        guest.say(&[hello(WIRE_VERSION)]);
        assert_eq!(
            guest.command(),
            Some(Command::Hello {
                wire_version: WIRE_VERSION
            })
        );
        guest.say(&[Event::ScenarioStart, verdict(Outcome::Pass), Event::End]);
    });
    assert_eq!((ended.outcome, ended.exit_code), (RunOutcome::Passed, 0));
    assert!(ended.reasons.is_empty() && ended.asserted);
    assert!(ended.timings.boot_ns.is_some() && ended.timings.run_ns.is_some());
}

#[test]
fn what_the_guest_says_in_order_is_the_outcome() {
    for (said, told) in [
        (Outcome::Fail, RunOutcome::Failed),
        (Outcome::Inconclusive, RunOutcome::Inconclusive),
        (Outcome::Skip, RunOutcome::Skipped),
    ] {
        let ended = outcome(move |guest| {
            guest.say(&start());
            guest.say(&[verdict(said), Event::End]);
        });
        assert_eq!(ended.outcome, told);
    }
}

#[test]
fn a_guest_that_reports_a_failure_and_claims_to_pass_has_failed() {
    let ended = outcome(|guest| {
        guest.say(&start());
        guest.say(&[
            detail(DetailKind::Unfair, Outcome::Fail),
            verdict(Outcome::Pass),
            Event::End,
        ]);
    });
    assert_eq!(
        (ended.outcome, reason(&ended)),
        (RunOutcome::Failed, "unfair")
    );
}

#[test]
fn a_pass_without_an_end_frame_is_no_pass() {
    let ended = outcome(|guest| {
        guest.say(&start());
        guest.say(&[verdict(Outcome::Pass)]);
    });
    assert_eq!(
        (ended.outcome, reason(&ended)),
        (RunOutcome::Inconclusive, "guest-vanished")
    );
}

#[test]
fn a_failure_stays_one_when_the_guest_dies() {
    let ended = outcome(|guest| {
        guest.say(&start());
        guest.say(&[detail(DetailKind::Stuck, Outcome::Fail)]);
    });
    assert_eq!(
        (ended.outcome, reason(&ended)),
        (RunOutcome::Failed, "stuck")
    );
    assert_eq!(ended.notes.len(), 1);
}

#[test]
fn an_exit_with_0_without_a_word_could_not_run() {
    assert_eq!(outcome(|_| {}).outcome, RunOutcome::CouldNotRun);
    let ended = outcome(|guest| guest.say(&[hello(WIRE_VERSION)]));
    assert_eq!(
        (ended.outcome, ended.exit_code),
        (RunOutcome::CouldNotRun, 4)
    );
}

#[test]
fn an_end_without_a_verdict_could_not_run() {
    let ended = outcome(|guest| {
        guest.say(&start());
        guest.say(&[Event::End]);
    });
    assert_eq!(
        (ended.outcome, reason(&ended)),
        (RunOutcome::CouldNotRun, "no-verdict")
    );
}

#[test]
fn a_fault_and_environment_details_are_not_the_scenarios() {
    let ended = outcome(|guest| {
        guest.say(&start());
        guest.say(&[
            Event::Fault {
                message: "no memory".into(),
            },
            Event::End,
        ]);
    });
    assert_eq!(
        (ended.outcome, reason(&ended)),
        (RunOutcome::CouldNotRun, "fault")
    );
    let ended = outcome(|guest| {
        guest.say(&start());
        guest.say(&[
            detail(DetailKind::Environment, Outcome::Fail),
            verdict(Outcome::Fail),
            Event::End,
        ]);
    });
    assert_eq!(
        (ended.outcome, reason(&ended)),
        (RunOutcome::CouldNotRun, "environment")
    );
}

#[test]
fn a_guest_that_dies_within_a_frame_is_inconclusive_and_the_hole_is_told() {
    let (quiet, _open) = pipe().unwrap();
    let fake = Fake::start(ExitNote::Code(0), |guest| {
        guest.say(&start());
        let mut bytes = Vec::new();
        encode(&verdict(Outcome::Pass), &mut bytes).unwrap();
        bytes.truncate(bytes.len() - 3);
        guest.raw(&bytes);
    });
    let (ended, summary) = drive(fake, &short(), quiet.as_fd());
    assert_eq!(ended.outcome, RunOutcome::Inconclusive);
    assert_eq!(summary.damaged.len(), 1);
}

#[test]
fn a_corrupt_frame_or_garbage_takes_the_pass_away() {
    for at in [1, 20] {
        let ended = outcome(move |guest| {
            guest.say(&start());
            let mut bytes = Vec::new();
            encode(&detail(DetailKind::Other, Outcome::Fail), &mut bytes).unwrap();
            bytes[at] ^= 0x40;
            guest.raw(&bytes);
            guest.say(&[verdict(Outcome::Pass), Event::End]);
        });
        assert_eq!(
            (ended.outcome, reason(&ended)),
            (RunOutcome::Inconclusive, "stream-damaged")
        );
    }
}

#[test]
fn another_wire_version_could_not_run_and_is_killed() {
    let ended = outcome(|guest| {
        guest.say(&[hello(WIRE_VERSION + 1)]);
        guest.hang();
    });
    assert_eq!(
        (ended.outcome, reason(&ended)),
        (RunOutcome::CouldNotRun, "wrong-version")
    );
    assert_eq!(ended.vm_exit, Some(ExitNote::Signal(9)));
    assert!(ended.reasons[0].message.contains("build both"), "{ended:?}");
}

#[test]
fn a_silent_guest_is_killed_at_every_stage() {
    let ms = Duration::from_millis(60);
    let stages: [(Vec<Event>, RunOutcome); 4] = [
        (vec![], RunOutcome::CouldNotRun),
        (vec![hello(WIRE_VERSION)], RunOutcome::CouldNotRun),
        (start(), RunOutcome::Inconclusive),
        (
            [start(), vec![verdict(Outcome::Pass), Event::End]].concat(),
            RunOutcome::Passed,
        ),
    ];
    for (words, told) in stages {
        let deadlines = Deadlines {
            boot: ms,
            greet: ms,
            scenario: ms,
            drain: ms,
            ..short()
        };
        let (quiet, _open) = pipe().unwrap();
        let last = format!("{:?}", words.last());
        let fake = Fake::start(ExitNote::Code(0), move |guest| {
            guest.say(&words);
            guest.hang();
        });
        let begun = Instant::now();
        let (ended, _) = drive(fake, &deadlines, quiet.as_fd());
        assert_eq!(ended.outcome, told, "{last}: {ended:?}");
        assert_eq!(ended.vm_exit, Some(ExitNote::Signal(9)), "{last}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{last}");
    }
}

#[test]
fn a_kernel_panic_under_the_scenario_is_a_failure_with_its_last_words() {
    let (quiet, _open) = pipe().unwrap();
    let fake = Fake::start(ExitNote::Code(0), |guest| {
        guest.say(&start());
        guest
            .console
            .write_all(b"Oops\nKernel panic - not syncing: Fatal exception\n")
            .unwrap();
    });
    let (ended, summary) = drive(fake, &short(), quiet.as_fd());
    assert_eq!(
        (ended.outcome, reason(&ended)),
        (RunOutcome::Failed, "guest-crashed")
    );
    assert_eq!(
        summary.console,
        ["Oops", "Kernel panic - not syncing: Fatal exception"]
    );
    assert!(summary.crash.unwrap().contains("Fatal exception"));
}

#[test]
fn a_killed_emulator_could_not_run_and_its_complaint_is_told() {
    let (quiet, _open) = pipe().unwrap();
    let fake = Fake::start(ExitNote::Signal(9), |guest| {
        guest.say(&start());
        guest.stderr.write_all(b"qemu: out of memory\n").unwrap();
    });
    let (ended, summary) = drive(fake, &short(), quiet.as_fd());
    assert_eq!(ended.outcome, RunOutcome::CouldNotRun);
    assert_eq!(summary.warnings, 1);
}

#[test]
fn a_flood_is_read_to_its_end() {
    let (quiet, _open) = pipe().unwrap();
    let fake = Fake::start(ExitNote::Code(0), |guest| {
        guest.say(&start());
        let line = Event::Log {
            source: LogSource::Plugin,
            level: LogLevel::Info,
            message: "x".into(),
        };
        for _ in 0..100 {
            guest.say(&vec![line.clone(); 1_000]);
        }
        guest.say(&[verdict(Outcome::Pass), Event::End]);
    });
    let (ended, summary) = drive(fake, &short(), quiet.as_fd());
    assert_eq!(ended.outcome, RunOutcome::Passed);
    assert_eq!(summary.warnings, 1, "what is left out is said once");
}

#[test]
fn the_run_directory_has_the_whole_story_in_order() {
    let base = tempfile::tempdir().unwrap();
    let mut dir = RunDir::create(base.path(), "fake", 0).unwrap();
    let path = dir.path().to_owned();
    let clock = Monotonic::start();
    let mut reporters = Reporters::new(sink());
    let recording = Recording::begin(&clock, &mut reporters, Some(&mut dir), started());
    let fake = Fake::start(ExitNote::Code(0), |guest| {
        guest.console.write_all(b"booting\n").unwrap();
        guest.say(&start());
        guest.say(&[verdict(Outcome::Pass), Event::End]);
    });
    let (quiet, _open) = pipe().unwrap();
    let ended = run(fake, &short(), recording, quiet.as_fd());
    let text = read_to_string(path.join("events.jsonl")).unwrap();
    let records: Vec<Record> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert!(matches!(records[0].event, RunEvent::RunStarted(_)));
    assert_eq!(
        records.last().map(|r| &r.event),
        Some(&RunEvent::RunEnded(ended))
    );
    assert!(
        records
            .iter()
            .zip(0..)
            .all(|(record, seq)| record.seq == seq)
    );
    assert!(records.is_sorted_by_key(|record| record.at_ns));
    let summary: Summary =
        serde_json::from_str(&read_to_string(path.join("report.json")).unwrap()).unwrap();
    assert_eq!(&summary, reporters.summary());
    assert_eq!(
        read_to_string(path.join("console.log")).unwrap(),
        "booting\n"
    );
    let mut decoder = Decoder::<Event>::new();
    decoder.push(&std::fs::read(path.join("frames.bin")).unwrap());
    assert_eq!(decoder.by_ref().count(), 4);
}
