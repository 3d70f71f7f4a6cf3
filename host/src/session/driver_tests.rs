//! The loop against guests that are good, broken, silent, hostile or dying,
//! without QEMU: socket pairs, and a thread that speaks frames.

use std::fs::read_to_string;
use std::io::{Read, Write, sink};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::pipe;
use proscenium_wire::{Detail, DetailKind, Hello, LogSource, Outcome, Verdict};

use super::*;
use crate::event::{Record, RunEvent, RunStarted, World};
use crate::report::{Reporters, Summary};
use crate::run_dir::RunDir;
use crate::session::Monotonic;

/// The guest's side of the channels.
struct Inside {
    events: UnixStream,
    control: UnixStream,
    console: UnixStream,
    stderr: UnixStream,
}

impl Inside {
    fn say(&mut self, events: &[Event]) {
        let mut bytes = Vec::new();
        for event in events {
            encode(event, &mut bytes).unwrap();
        }
        self.raw(&bytes);
    }

    /// The host may have hung up already: that is its right.
    fn raw(&mut self, bytes: &[u8]) {
        let _ = self.events.write_all(bytes);
    }

    /// Waits for the next command; none when the host is gone.
    fn command(&mut self) -> Option<Command> {
        let mut decoder = Decoder::new();
        let mut byte = [0];
        loop {
            if self.control.read(&mut byte).ok()? == 0 {
                return None;
            }
            decoder.push(&byte);
            if let Some(Received::Message(command)) = decoder.next() {
                return Some(command);
            }
        }
    }

    /// Goes on until the host kills, whatever it is told.
    fn hang(&mut self) {
        let _ = self.console.read_to_end(&mut Vec::new());
    }
}

struct Fake {
    events: UnixStream,
    control: UnixStream,
    console: UnixStream,
    stderr: UnixStream,
    pidfd: OwnedFd,
    /// The other end of `pidfd`: closed when the guest is dead.
    alive: Arc<Mutex<Option<OwnedFd>>>,
    exit: ExitNote,
    killed: bool,
    printed: Vec<u8>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Fake {
    fn start(exit: ExitNote, script: impl FnOnce(&mut Inside) + Send + 'static) -> Self {
        let pair = || {
            let (host, guest) = UnixStream::pair().unwrap();
            host.set_nonblocking(true).unwrap();
            (host, guest)
        };
        let ((events, e), (control, c)) = (pair(), pair());
        let ((console, o), (stderr, s)) = (pair(), pair());
        let (pidfd, held) = pipe().unwrap();
        let alive = Arc::new(Mutex::new(Some(held)));
        let dies = Arc::clone(&alive);
        let thread = thread::spawn(move || {
            let mut inside = Inside {
                events: e,
                control: c,
                console: o,
                stderr: s,
            };
            script(&mut inside);
            drop(inside);
            dies.lock().unwrap().take();
        });
        let thread = Some(thread);
        let (killed, printed) = (false, Vec::new());
        Self {
            events,
            control,
            console,
            stderr,
            pidfd,
            alive,
            exit,
            killed,
            printed,
            thread,
        }
    }
}

impl Guest for Fake {
    fn events(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
    fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }
    fn console(&self) -> BorrowedFd<'_> {
        self.console.as_fd()
    }
    fn stderr(&self) -> BorrowedFd<'_> {
        self.stderr.as_fd()
    }
    fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
    fn kill(&mut self) -> io::Result<()> {
        self.killed = true;
        self.alive.lock().unwrap().take();
        Ok(())
    }
    fn reap(&mut self) -> io::Result<ExitNote> {
        Ok(if self.killed {
            ExitNote::Signal(9)
        } else {
            self.exit
        })
    }
    fn console_printed(&mut self, bytes: &[u8]) {
        self.printed.extend_from_slice(bytes);
    }
    fn console_tail(&mut self) -> ConsoleTail {
        let text = String::from_utf8_lossy(&self.printed);
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let crash = lines
            .iter()
            .find(|line| line.contains("Kernel panic"))
            .cloned();
        ConsoleTail { crash, lines }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // Hanging up makes a script that waits for us go on and end.
        for stream in [&self.events, &self.control, &self.console, &self.stderr] {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn hello(wire_version: u16) -> Event {
    Event::Hello(Hello {
        wire_version,
        runtime_version: "0".into(),
        kernel_release: "7.2".into(),
        cpus: 2,
        memory_bytes: 1 << 28,
        booted_ns: 1,
    })
}

fn verdict(outcome: Outcome) -> Event {
    let details = vec![];
    let (notes, cgroups, phases) = (vec![], vec![], vec![]);
    Event::Verdict(Verdict {
        outcome,
        details,
        notes,
        asserted: true,
        cgroups,
        phases,
    })
}

fn detail(kind: DetailKind, outcome: Outcome) -> Event {
    Event::Detail(Detail {
        kind,
        outcome,
        phase: None,
        message: "because".into(),
    })
}

const START: [fn() -> Event; 2] = [|| hello(WIRE_VERSION), || Event::ScenarioStart];

fn start() -> Vec<Event> {
    START.iter().map(|make| make()).collect()
}

fn started() -> RunStarted {
    RunStarted {
        format_version: crate::event::FORMAT_VERSION,
        host_version: "0".into(),
        plugin: "fake".into(),
        plugin_version: None,
        digest: "sha256:0".into(),
        world: World::Vm,
        kernel: None,
        acceleration: None,
        topology: None,
        duration_ns: 1,
        seed: 1,
        parameters: vec![],
        started_unix_ms: 0,
        run_dir: None,
    }
}

fn short() -> Deadlines {
    let long = Duration::from_secs(20);
    Deadlines {
        boot: long,
        greet: long,
        scenario: long,
        drain: long,
        cancel: long,
        kill: long,
    }
}

/// Runs a guest to its end, and what was told.
fn drive(guest: Fake, deadlines: &Deadlines, interrupt: BorrowedFd<'_>) -> (RunEnded, Summary) {
    let clock = Monotonic::start();
    let mut reporters = Reporters::new(sink());
    let mut recording = Recording::begin(&clock, &mut reporters, None, started());
    recording.booting();
    let ended = run(guest, deadlines, recording, interrupt);
    (ended, reporters.summary().clone())
}

fn outcome(script: impl FnOnce(&mut Inside) + Send + 'static) -> RunEnded {
    let (quiet, _open) = pipe().unwrap();
    drive(
        Fake::start(ExitNote::Code(0), script),
        &short(),
        quiet.as_fd(),
    )
    .0
}

fn reason(ended: &RunEnded) -> &str {
    ended.reasons.first().map_or("", |reason| &reason.kind)
}

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
fn the_first_interrupt_asks_for_an_orderly_end() {
    let (watched, presses) = pipe().unwrap();
    let fake = Fake::start(ExitNote::Code(0), move |guest| {
        guest.say(&start());
        // Answered: from here on there is somebody to ask for an orderly end.
        assert!(guest.command().is_some());
        write(&presses, b"c").unwrap();
        let cancelled = |command: &Command| matches!(command, Command::Cancel { .. });
        while !guest.command().as_ref().is_none_or(cancelled) {}
        guest.say(&[detail(DetailKind::Cancelled, Outcome::Inconclusive)]);
        // The plugin's call was refused because of the cancellation, and it says so.
        guest.say(&[
            detail(DetailKind::Plugin, Outcome::Fail),
            verdict(Outcome::Fail),
            Event::End,
        ]);
    });
    let (ended, _) = drive(fake, &short(), watched.as_fd());
    assert_eq!(
        (ended.outcome, ended.exit_code),
        (RunOutcome::Interrupted, 130)
    );
    assert_eq!(ended.vm_exit, Some(ExitNote::Code(0)));
}

#[test]
fn the_second_interrupt_and_a_deaf_guest_end_in_a_kill() {
    for presses_twice in [true, false] {
        let deadlines = Deadlines {
            cancel: Duration::from_millis(100),
            ..short()
        };
        let deadlines = if presses_twice { short() } else { deadlines };
        let (watched, presses) = pipe().unwrap();
        let fake = Fake::start(ExitNote::Code(0), move |guest| {
            guest.say(&start());
            // Answered: from here on there is somebody to ask for an orderly end.
            assert!(guest.command().is_some());
            write(&presses, b"c").unwrap();
            let cancelled = |command: &Command| matches!(command, Command::Cancel { .. });
            while !guest.command().as_ref().is_none_or(cancelled) {}
            if presses_twice {
                write(&presses, b"c").unwrap();
            }
            guest.hang();
        });
        let begun = Instant::now();
        let (ended, _) = drive(fake, &deadlines, watched.as_fd());
        assert_eq!(ended.outcome, RunOutcome::Interrupted);
        assert_eq!(ended.vm_exit, Some(ExitNote::Signal(9)));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
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

#[test]
fn an_interrupt_before_the_hello_kills_because_nobody_could_hear_it() {
    let (watched, presses) = pipe().unwrap();
    write(&presses, b"c").unwrap();
    let fake = Fake::start(ExitNote::Code(0), Inside::hang);
    let (ended, _) = drive(fake, &short(), watched.as_fd());
    assert_eq!(ended.outcome, RunOutcome::Interrupted);
    assert_eq!(ended.vm_exit, Some(ExitNote::Signal(9)));
}

#[test]
fn a_failure_known_before_the_interrupt_stays_one() {
    let (watched, presses) = pipe().unwrap();
    let fake = Fake::start(ExitNote::Code(0), move |guest| {
        // In one write, so that the answer means that all of it was read.
        guest.say(&[start(), vec![detail(DetailKind::Unfair, Outcome::Fail)]].concat());
        assert!(guest.command().is_some());
        write(&presses, b"c").unwrap();
        let _ = guest.command();
        guest.say(&[verdict(Outcome::Fail), Event::End]);
    });
    let (ended, _) = drive(fake, &short(), watched.as_fd());
    assert_eq!(
        (ended.outcome, reason(&ended)),
        (RunOutcome::Failed, "unfair")
    );
}
