//! Ctrl-C at every moment of a run.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::unistd::{pipe, write};
use proscenium_wire::{Command, DetailKind, Event, Outcome};

use crate::event::{ExitNote, RunOutcome};
use crate::session::Deadlines;
use crate::session::fake_guest::{Fake, Inside, detail, drive, reason, short, start, verdict};

/// Greets, has Ctrl-C pressed, and returns when the host asks for the end.
fn until_cancelled(guest: &mut Inside, presses: &OwnedFd) {
    guest.say(&start());
    // Answered: from here on there is somebody to ask for an orderly end.
    assert!(guest.command().is_some());
    write(presses, b"c").unwrap();
    let cancelled = |command: &Command| matches!(command, Command::Cancel { .. });
    while !guest.command().as_ref().is_none_or(cancelled) {}
}

#[test]
fn the_first_interrupt_asks_for_an_orderly_end() {
    let (watched, presses) = pipe().unwrap();
    let fake = Fake::start(ExitNote::Code(0), move |guest| {
        until_cancelled(guest, &presses);
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
            until_cancelled(guest, &presses);
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
