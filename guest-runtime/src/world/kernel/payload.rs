//! Payloads: one process each, with what it prints.
//!
//! The pipes are read by the reactor, whatever is being waited for: a payload
//! that prints a lot neither blocks nor takes more memory than its record may.
//! Owns processes and pipes from the start to the end; dropping kills and
//! reaps. Never decides when, and never interprets what was printed.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use nix::unistd::{AccessFlags, Pid, access, pipe2, read};
use proscenium_wire::PayloadExit;
use proscenium_worker::ExitInfo;

use super::Kernel;
use super::crew::DYING;
use super::files::errno;
use super::process::Process;
use super::reactor::Reactor;
use super::spawn::{Image, Program, spawn};
use crate::world::{Captured, PayloadEnd, PayloadId, PayloadPlan, WorldError};

/// Bytes that are taken from a pipe at a time; as many as one holds by default.
const PIECE: usize = 64 << 10;
/// Pieces that are taken from the pipe of a payload that has ended: as much as
/// a pipe can hold. Who still writes then is no longer listened to.
const LAST_PIECES: usize = 16;
/// Things of one payload that the reactor watches, by their place.
const SOURCES: u64 = 3;
const STDOUT: u64 = 0;
const STDERR: u64 = 1;
const PROCESS: u64 = 2;

/// One payload.
#[derive(Debug)]
pub(super) struct Payload {
    process: Process,
    stdout: Pipe,
    stderr: Pipe,
    started: Duration,
    ended: Option<Duration>,
}

/// The reading end of a pipe, and what came out of it.
#[derive(Debug)]
struct Pipe {
    /// `None` once everybody has closed the other end.
    fd: Option<OwnedFd>,
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
        plan: &PayloadPlan,
        cgroup: Option<BorrowedFd<'_>>,
        reactor: &Reactor,
    ) -> nix::Result<PayloadId> {
        let id = u32::try_from(self.slots.len()).map_err(|_| Errno::EOVERFLOW)?;
        let payload = Payload::start(plan, cgroup)?;
        let number = u64::from(id) * SOURCES;
        // Dropping the payload, on an error, ends it.
        for (pipe, source) in [(&payload.stdout, STDOUT), (&payload.stderr, STDERR)] {
            if let Some(fd) = &pipe.fd {
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
        for pipe in [&payload.stdout, &payload.stderr] {
            if let Some(fd) = &pipe.fd {
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
    fn start(plan: &PayloadPlan, cgroup: Option<BorrowedFd<'_>>) -> nix::Result<Self> {
        let text = |text: &str| CString::new(text).map_err(|_| Errno::EINVAL);
        let program = text(&plan.program)?;
        let folder = text(&plan.folder)?;
        let arguments = [&plan.program]
            .into_iter()
            .chain(&plan.arguments)
            .map(|argument| text(argument))
            .collect::<nix::Result<Vec<_>>>()?;
        let environment = plan
            .environment
            .iter()
            .map(|(name, value)| text(&format!("{name}={value}")))
            .collect::<nix::Result<Vec<_>>>()?;
        // Said here, by the kernel's own word, and not by a child that exits.
        access(program.as_c_str(), AccessFlags::X_OK)?;

        let nothing = File::open("/dev/null").map_err(|error| errno(&error))?;
        let (stdout, stdout_end) = pipe()?;
        let (stderr, stderr_end) = pipe()?;
        let ends = [above_standard(&nothing)?, stdout_end, stderr_end];
        let started = Reactor::monotonic();
        let process = spawn(&Image {
            program: Program::Path(&program, &folder),
            arguments: &arguments,
            environment: &environment,
            standard: Some(ends.each_ref().map(AsRawFd::as_raw_fd)),
            inherited: &[],
            cgroup,
        })?;
        Ok(Self {
            process,
            stdout,
            stderr,
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

impl Pipe {
    /// Takes one piece. True: there may be more at once.
    fn take_in(&mut self, buffer: &mut [u8], reactor: &Reactor) -> bool {
        let Some(fd) = &self.fd else { return false };
        match read(fd, buffer) {
            Ok(count) if count > 0 => {
                self.captured.push(buffer.get(..count).unwrap_or_default());
                true
            }
            Err(Errno::EAGAIN | Errno::EINTR) => false,
            Ok(_) | Err(_) => {
                reactor.unwatch(fd);
                self.fd = None;
                false
            }
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
        let exit = match payload.process.exit() {
            Some(ExitInfo::Exited(code)) => PayloadExit::Code(code),
            Some(ExitInfo::Signaled(signal)) => PayloadExit::Signal(signal),
            Some(_) | None => PayloadExit::Unknown,
        };
        let ended = payload.ended.unwrap_or_else(Reactor::monotonic);
        let Payload {
            stdout,
            stderr,
            started,
            ..
        } = payload;
        let mut buffer = vec![0; PIECE];
        for pipe in [&mut *stdout, &mut *stderr] {
            let mut pieces = 0..LAST_PIECES;
            while pieces.next().is_some() && pipe.take_in(&mut buffer, &self.reactor) {}
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

/// A pipe: our end, which never blocks, and the payload's, which does.
fn pipe() -> nix::Result<(Pipe, OwnedFd)> {
    let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let pipe = Pipe {
        fd: Some(ours),
        captured: Captured::default(),
    };
    Ok((pipe, above_standard(&theirs)?))
}

/// The same descriptor above the standard ones, which is where the child puts
/// it: a PID 1 that was started without a console has pipes down there.
fn above_standard(fd: &impl AsFd) -> nix::Result<OwnedFd> {
    fd.as_fd()
        .try_clone_to_owned()
        .map_err(|error| errno(&error))
}

fn gone(id: PayloadId) -> WorldError {
    WorldError::Gone {
        what: format!("payload {}", id.0),
    }
}
