//! The one loop: waits for whatever comes first and does what `state` says.
//!
//! One thread, one `poll`, no sleeps. It wakes for a descriptor, for the armed
//! deadline, or to redraw a live display (only if there is one). What the guest
//! sends is read in bounded pieces, so that a flood on one descriptor delays
//! neither Ctrl-C nor a deadline.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::PollTimeout;
use nix::sys::socket::{Shutdown, shutdown};
use nix::unistd::{read, write};
use proscenium_wire::{
    Command, Decoder, Event, LogLevel, Received, WIRE_VERSION, check_version, encode,
};
use thiserror::Error;

use super::deadlines::{Deadlines, Stage};
use super::guest::{Guest, Piece, read_piece};
use super::readiness::Open;
use super::recording::Recording;
use super::state::{Action, Ending, Input, State, next};
use crate::event::{RunEnded, RunOutcome, Speaker};

/// Bytes read from a descriptor at a time.
const PIECE: usize = 64 << 10;
/// Most that is read from one descriptor after the VM has ended (16 MiB: a
/// socket holds far less).
const LEFTOVER: usize = 16 << 20;
/// Lines of the emulator that are told besides being kept in `qemu.log`.
const QEMU_LINES: u32 = 20;

/// The host's own failure while watching.
#[derive(Debug, Error)]
#[error("the VM could not be watched: {what}: {source}")]
pub struct SessionError {
    what: &'static str,
    source: io::Error,
}

/// Watches `guest` to its end and judges. Each read from `interrupt` (a
/// signalfd for SIGINT and SIGTERM, or a pipe) is one Ctrl-C: the first asks
/// for an orderly end, the second kills.
#[must_use]
pub fn run<G: Guest>(
    guest: G,
    deadlines: &Deadlines,
    recording: Recording<'_>,
    interrupt: BorrowedFd<'_>,
) -> RunEnded {
    let mut driver = Driver {
        guest,
        deadlines,
        recording,
        state: State::Booting,
        deadline: None,
        decoder: Decoder::new(),
        outbox: VecDeque::new(),
        open: Open::default(),
        qemu_line: Vec::new(),
        qemu_lines: QEMU_LINES,
    };
    driver.arm(Stage::Boot);
    let ending = driver.watch(interrupt);
    driver.conclude(ending)
}

struct Driver<'a, 'd, G> {
    guest: G,
    deadlines: &'d Deadlines,
    recording: Recording<'a>,
    state: State,
    deadline: Option<u64>,
    decoder: Decoder<Event>,
    outbox: VecDeque<u8>,
    open: Open,
    qemu_line: Vec<u8>,
    qemu_lines: u32,
}

impl<G: Guest> Driver<'_, '_, G> {
    fn watch(&mut self, interrupt: BorrowedFd<'_>) -> Ending {
        loop {
            if let State::Done(ending) = self.state {
                return ending;
            }
            if let Err(error) = self.turn(interrupt) {
                // Told once; from here on only the deadlines can be relied on.
                if self.recording.evidence.host_failure.is_some() {
                    let _ = self.guest.kill();
                    return Ending::HostFailed;
                }
                self.recording.evidence.host_failure = Some(error.to_string());
                self.feed(Input::HostFailed);
            }
        }
    }

    /// Waits once and deals with all that is ready.
    fn turn(&mut self, interrupt: BorrowedFd<'_>) -> Result<(), SessionError> {
        let to_send = !self.outbox.is_empty();
        let ready = self
            .open
            .wait(&self.guest, interrupt, to_send, self.timeout())
            .map_err(|errno| SessionError {
                what: "poll",
                source: errno.into(),
            })?;
        if ready.interrupt {
            self.interrupted(interrupt);
        }
        if ready.control {
            self.flush();
        }
        if ready.console {
            self.read_console();
        }
        if ready.stderr {
            self.read_stderr();
        }
        if ready.events {
            self.read_events();
        }
        if ready.exited {
            return self.exited();
        }
        if self
            .deadline
            .is_some_and(|at| at <= self.recording.now_ns())
        {
            self.deadline = None;
            self.feed(Input::Deadline);
        }
        self.recording.tick();
        Ok(())
    }

    /// Until the deadline, or the next redraw of a live display.
    fn timeout(&self) -> PollTimeout {
        let now = self.recording.now_ns();
        let left = self.deadline.map(|at| at.saturating_sub(now));
        let wanted = [left, self.recording.tick_interval_ns()]
            .into_iter()
            .flatten()
            .min();
        // Rounded up: waking just before the deadline would turn once for nothing.
        wanted.map_or(PollTimeout::NONE, |ns| {
            let ms = ns.div_ceil(1_000_000).min(3_600_000);
            i32::try_from(ms)
                .ok()
                .and_then(|ms| PollTimeout::try_from(ms).ok())
                .unwrap_or(PollTimeout::MAX)
        })
    }

    fn feed(&mut self, input: Input) {
        let (state, actions) = next(self.state, input);
        self.state = state;
        for action in actions {
            match action {
                Action::SendHello => self.send(&Command::Hello {
                    wire_version: WIRE_VERSION,
                }),
                Action::SendCancel => {
                    self.send(&Command::Cancel {
                        reason: "interrupted by the user".to_owned(),
                    });
                }
                Action::Arm(stage) => self.arm(stage),
                Action::Kill => {
                    if let Err(error) = self.guest.kill() {
                        let message = format!("the VM was not killed: {error}");
                        self.recording.log(Speaker::Host, LogLevel::Error, &message);
                    }
                }
            }
        }
    }

    fn arm(&mut self, stage: Stage) {
        let length = u64::try_from(self.deadlines.of(stage).as_nanos()).unwrap_or(u64::MAX);
        self.deadline = Some(self.recording.now_ns().saturating_add(length));
    }

    fn send(&mut self, command: &Command) {
        let mut frame = Vec::new();
        match encode(command, &mut frame) {
            Ok(()) => self.outbox.extend(frame),
            Err(error) => self
                .recording
                .log(Speaker::Host, LogLevel::Error, &error.to_string()),
        }
        self.flush();
    }

    fn flush(&mut self) {
        while !self.outbox.is_empty() {
            match write(self.guest.control(), self.outbox.make_contiguous()) {
                Ok(written) => drop(self.outbox.drain(..written)),
                Err(Errno::EAGAIN) => return,
                Err(Errno::EINTR) => {}
                // A guest that is gone cannot be told anything; its end is seen elsewhere.
                Err(_) => self.outbox.clear(),
            }
        }
    }

    fn interrupted(&mut self, interrupt: BorrowedFd<'_>) {
        // One signalfd_siginfo: a signal at a time.
        let mut buffer = [0; 128];
        match read(interrupt, &mut buffer) {
            Ok(0) => self.open.interrupt = false,
            Ok(_) => {
                let evidence = &mut self.recording.evidence;
                if evidence.verdict.is_none() && evidence.interrupted.is_none() {
                    evidence.interrupted = Some(evidence.details.len());
                }
                let message = match self.state {
                    State::Greeting | State::Running => {
                        "interrupted: the scenario is being ended in order; once more kills it"
                    }
                    _ => "interrupted: the guest is being killed",
                };
                self.recording.log(Speaker::Host, LogLevel::Warn, message);
                self.feed(Input::Interrupt);
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => self.open.interrupt = false,
        }
    }

    /// Reads one piece. Returns false when there is no more for now.
    fn read_events(&mut self) -> bool {
        let mut buffer = vec![0; PIECE];
        match read_piece(self.guest.events(), &mut buffer) {
            Piece::Bytes(bytes) => {
                self.recording.frames(bytes);
                self.decoder.push(bytes);
                self.decode();
                true
            }
            Piece::NotYet => false,
            Piece::Closed => {
                self.open.events = false;
                self.stream_ended();
                self.feed(Input::PortClosed);
                false
            }
        }
    }

    fn decode(&mut self) {
        while let Some(received) = self.decoder.next() {
            match received {
                Received::Message(event) => self.message(event),
                Received::Corrupt { kind, why } => {
                    self.recording
                        .damaged(&format!("a frame of kind {kind} is corrupt: {why}"));
                }
                Received::Unknown { kind } => {
                    self.recording
                        .damaged(&format!("a frame of the unknown kind {kind}"));
                }
                Received::Skipped { bytes } => {
                    self.recording
                        .damaged(&format!("{bytes} bytes that are no frame"));
                }
            }
        }
    }

    fn message(&mut self, event: Event) {
        let input = match &event {
            Event::Hello(hello) => {
                let version = check_version(hello.wire_version);
                let compatible = version.is_ok();
                self.recording.evidence.version = version.err().map(|error| error.to_string());
                Input::Hello { compatible }
            }
            Event::ScenarioStart => Input::ScenarioStart,
            Event::End => Input::End,
            _ => Input::OtherFrame,
        };
        let over = event == Event::End;
        self.recording.guest(event);
        self.feed(input);
        if over {
            // The guest powers off once it sees that its last frame arrived. A
            // guest that is gone already needs no telling.
            let _ = shutdown(self.guest.control().as_raw_fd(), Shutdown::Both);
        }
    }

    fn stream_ended(&mut self) {
        if let Some(truncated) = std::mem::take(&mut self.decoder).finish() {
            self.recording.damaged(&truncated.to_string());
        }
    }

    fn read_console(&mut self) -> bool {
        let mut buffer = [0; 4 << 10];
        match read_piece(self.guest.console(), &mut buffer) {
            Piece::Bytes(bytes) => {
                self.recording.console(bytes);
                self.guest.console_printed(bytes);
                true
            }
            Piece::NotYet => false,
            Piece::Closed => {
                self.open.console = false;
                false
            }
        }
    }

    fn read_stderr(&mut self) -> bool {
        let mut buffer = [0; 4 << 10];
        match read_piece(self.guest.stderr(), &mut buffer) {
            Piece::Bytes(bytes) => {
                self.recording.qemu(bytes);
                self.qemu_said(bytes);
                true
            }
            Piece::NotYet => false,
            Piece::Closed => {
                self.open.stderr = false;
                false
            }
        }
    }

    /// The emulator says little; its first lines are worth showing.
    fn qemu_said(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte != b'\n' && self.qemu_line.len() < 1_000 {
                self.qemu_line.push(byte);
            } else if byte == b'\n' {
                let line = std::mem::take(&mut self.qemu_line);
                if self.qemu_lines > 0 {
                    self.qemu_lines -= 1;
                    let line = String::from_utf8_lossy(&line);
                    self.recording.log(Speaker::Qemu, LogLevel::Warn, &line);
                }
            }
        }
    }

    /// Reads what the VM left behind, then reaps it.
    fn exited(&mut self) -> Result<(), SessionError> {
        for _ in 0..LEFTOVER / PIECE {
            if !(self.open.events && self.read_events()) {
                break;
            }
        }
        for _ in 0..LEFTOVER / PIECE {
            let console = self.open.console && self.read_console();
            let stderr = self.open.stderr && self.read_stderr();
            if !(console || stderr) {
                break;
            }
        }
        if self.open.events {
            self.open.events = false;
            self.stream_ended();
        }
        let reaped = self.guest.reap();
        self.recording.evidence.vm_exit = reaped.as_ref().ok().copied();
        self.feed(Input::VmExited);
        reaped.map(drop).map_err(|source| SessionError {
            what: "reap",
            source,
        })
    }

    /// Judges. The console's last lines are told if the run did not go well.
    fn conclude(mut self, ending: Ending) -> RunEnded {
        let tail = self.guest.console_tail();
        self.recording.evidence.crash.clone_from(&tail.crash);
        let judged = super::judge(&self.recording.evidence, ending).outcome;
        let well = matches!(judged, RunOutcome::Passed | RunOutcome::Skipped);
        let told = ending != Ending::Orderly || judged == RunOutcome::CouldNotRun;
        if tail.crash.is_some() || (told && !well) {
            self.recording.console_tail(tail.crash, &tail.lines);
        }
        // Killed and reaped before the last record says that it is over.
        drop(self.guest);
        self.recording.finish(ending)
    }
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
