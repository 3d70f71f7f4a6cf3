//! Payloads: one process each, with what it prints.
//!
//! The pipes are read by the reactor, whatever is being waited for: a payload
//! that prints a lot neither blocks nor takes more memory than its record may.
//! Owns processes and pipes from the start to the end; dropping kills and
//! reaps. Never decides when, and never interprets what was printed.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use proscenium_wire::PayloadExit;

use super::Kernel;
use super::crew::DYING;
use super::process::Process;
use super::program::{LAST_PIECES, PIECE, Pipe, payload_exit, start};
use super::reactor::Reactor;
use crate::world::{Captured, PayloadEnd, PayloadId, ProgramPlan, WorldError};

/// Things of one payload that the reactor watches, by their place.
const SOURCES: u64 = 3;
const STDOUT: u64 = 0;
const STDERR: u64 = 1;
const PROCESS: u64 = 2;

/// One payload.
#[derive(Debug)]
pub(super) struct Payload {
    process: Process,
    stdout: Stream,
    stderr: Stream,
    started: Duration,
    ended: Option<Duration>,
}

/// A pipe, and what came out of it.
#[derive(Debug)]
struct Stream {
    pipe: Pipe,
    captured: Captured,
}

/// All payloads of one world.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    /// By id; ids are not reused.
    slots: Vec<Option<Box<Payload>>>,
    buffer: Vec<u8>,
}

impl Payloads {
    /// Starts a payload and has the reactor watch it.
    pub(super) fn start(
        &mut self,
        plan: &ProgramPlan,
        cgroup: Option<BorrowedFd<'_>>,
        reactor: &Reactor,
    ) -> nix::Result<PayloadId> {
        let id = u32::try_from(self.slots.len()).map_err(|_| Errno::EOVERFLOW)?;
        let payload = Payload::start(plan, cgroup)?;
        let number = u64::from(id) * SOURCES;
        // Dropping the payload, on an error, ends it.
        for (stream, source) in [(&payload.stdout, STDOUT), (&payload.stderr, STDERR)] {
            if let Some(fd) = stream.pipe.fd() {
                reactor.watch_payload(fd, number + source)?;
            }
        }
        reactor.watch_payload(&payload.process, number + PROCESS)?;
        self.buffer.resize(PIECE, 0);
        self.slots.push(Some(Box::new(payload)));
        Ok(PayloadId(id))
    }

    /// Something of a payload is ready.
    pub(super) fn take_in(&mut self, number: u64, reactor: &Reactor) {
        let Self { slots, buffer } = self;
        let slot = usize::try_from(number / SOURCES).ok();
        let Some(payload) = slot
            .and_then(|slot| slots.get_mut(slot))
            .and_then(Option::as_deref_mut)
        else {
            return;
        };
        match number % SOURCES {
            STDOUT => drop(payload.stdout.take_in(buffer, reactor)),
            STDERR => drop(payload.stderr.take_in(buffer, reactor)),
            _ => {
                if payload.reap() {
                    reactor.unwatch(&payload.process);
                }
            }
        }
    }

    pub(super) fn alive(&self, id: PayloadId) -> Result<&Payload, WorldError> {
        self.slots
            .get(id.0 as usize)
            .and_then(Option::as_deref)
            .ok_or_else(|| gone(id))
    }

    /// Whether its process has ended, as far as was seen.
    pub(super) fn has_ended(&self, id: PayloadId) -> bool {
        self.alive(id).is_ok_and(|payload| payload.ended.is_some())
    }

    /// Hands a payload over, watched no more; its id is gone.
    pub(super) fn take(
        &mut self,
        id: PayloadId,
        reactor: &Reactor,
    ) -> Result<Box<Payload>, WorldError> {
        let payload = self
            .slots
            .get_mut(id.0 as usize)
            .and_then(Option::take)
            .ok_or_else(|| gone(id))?;
        for stream in [&payload.stdout, &payload.stderr] {
            if let Some(fd) = stream.pipe.fd() {
                reactor.unwatch(fd);
            }
        }
        reactor.unwatch(&payload.process);
        Ok(payload)
    }

    /// Reaps `pid` if it is one of ours. False: it is nobody's.
    pub(super) fn reap(&mut self, pid: Pid) -> bool {
        let ours = self
            .slots
            .iter_mut()
            .flatten()
            .find(|payload| payload.process.pid() == pid && payload.ended.is_none());
        ours.is_some_and(|payload| payload.reap())
    }

    /// Drops every payload: kills all, then reaps all.
    pub(super) fn clear(&mut self) {
        for payload in self.slots.iter().flatten() {
            payload.process.signal(Signal::SIGKILL);
        }
        self.slots.clear();
    }
}

impl Payload {
    fn start(plan: &ProgramPlan, cgroup: Option<BorrowedFd<'_>>) -> nix::Result<Self> {
        let (stdout, stdout_end) = Pipe::new()?;
        let (stderr, stderr_end) = Pipe::new()?;
        let started = Reactor::monotonic();
        let process = start(plan, [&stdout_end, &stderr_end], cgroup)?;
        Ok(Self {
            process,
            stdout: stdout.into(),
            stderr: stderr.into(),
            started,
            ended: None,
        })
    }

    /// Reaps it and what is left of its process group, if it has ended.
    fn reap(&mut self) -> bool {
        let reaped = self.process.reap();
        if reaped {
            self.ended.get_or_insert_with(Reactor::monotonic);
        }
        reaped
    }
}

impl Stream {
    /// Takes one piece. True: there may be more at once.
    fn take_in(&mut self, buffer: &mut [u8], reactor: &Reactor) -> bool {
        let piece = self.pipe.take_in(buffer, reactor);
        piece.map(|bytes| self.captured.push(bytes)).is_some()
    }
}

impl From<Pipe> for Stream {
    fn from(pipe: Pipe) -> Self {
        Self {
            pipe,
            captured: Captured::default(),
        }
    }
}

impl Kernel {
    /// Ends a payload that was taken out: kills what runs, waits for it to die,
    /// and takes in what it printed last.
    pub(super) fn end(&mut self, payload: &mut Payload) -> PayloadEnd {
        let killed = !payload.reap();
        if killed {
            payload.process.signal(Signal::SIGKILL);
            self.await_all(&mut [&mut payload.process], Reactor::monotonic() + DYING);
        }
        let exit = payload_exit(&payload.process).unwrap_or(PayloadExit::Unknown);
        let ended = payload.ended.unwrap_or_else(Reactor::monotonic);
        let Payload {
            stdout,
            stderr,
            started,
            ..
        } = payload;
        let mut buffer = vec![0; PIECE];
        for stream in [&mut *stdout, &mut *stderr] {
            let mut pieces = 0..LAST_PIECES;
            while pieces.next().is_some() && stream.take_in(&mut buffer, &self.reactor) {}
        }
        PayloadEnd {
            exit,
            killed,
            elapsed: ended.saturating_sub(*started),
            stdout: std::mem::take(&mut stdout.captured),
            stderr: std::mem::take(&mut stderr.captured),
        }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.process.signal(Signal::SIGKILL);
        if !self.process.await_end(Instant::now() + DYING) {
            tracing::error!(
                "payload process {} was killed and does not die",
                self.process.pid()
            );
        }
    }
}

fn gone(id: PayloadId) -> WorldError {
    WorldError::Gone {
        what: format!("payload {}", id.0),
    }
}
