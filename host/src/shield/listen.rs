//! Starts a child, passes on what it says, and says how it ended.
//!
//! Owns the deadline and the kill: whatever becomes of the listening, the child
//! is gone afterwards. It does not know what is said.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use proscenium_guest_runtime::name::clean_line;
use thiserror::Error;

use super::child::Task;
use super::confine::Allowance;
use super::reply::Refusal;
use super::{Bounds, CHILD, Shield};
use crate::child::Owned;

/// Most that is kept of what it says on standard error, in bytes.
const COMPLAINT: usize = 4_096;
/// Longest part of it in a message, in bytes.
const QUOTED: usize = 300;
/// Time between a child's last word and its end.
const LAST_BREATH: Duration = Duration::from_secs(1);
/// Bytes of one read.
const READ: usize = 64 << 10;

/// Why a child did not do its task.
#[derive(Debug, Error)]
pub enum ShieldError {
    /// It refused the input.
    #[error("{0}")]
    Refused(Refusal),
    /// It used up what it had.
    #[error("it took more than {limit}")]
    TooMuch {
        /// Of what, with a unit.
        limit: String,
    },
    /// It did not survive the input.
    #[error("the process that worked on it broke down: {how}")]
    BrokeDown {
        /// How it ended.
        how: String,
    },
    /// It could not be had, or somebody else ended it.
    #[error("the process that is to work on it failed: {why}")]
    System {
        /// What happened.
        why: String,
    },
}

impl ShieldError {
    pub(super) fn system(why: impl Display) -> Self {
        Self::System {
            why: why.to_string(),
        }
    }
}

/// A child that is gone.
#[derive(Debug)]
pub(super) struct Ended {
    how: How,
    status: ExitStatus,
    complaint: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// It has closed its standard output and error.
    Silent,
    /// The deadline was over.
    TooLate,
    /// Whoever listened had enough.
    Stopped,
}

impl Shield {
    /// Has a child do `task` with `input`, and passes on what it says until it
    /// has nothing open any more, or `hear` breaks off.
    pub(super) fn run(
        &self,
        task: Task,
        input: File,
        hear: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<Ended, ShieldError> {
        let mut child = self.start(task, input).map_err(ShieldError::system)?;
        let listened = listen(&mut child, self.bounds.wall, hear);
        // One that has closed its ends is about to end by itself, and how it
        // does is worth knowing. All others are not needed any more.
        let patience = match listened {
            Ok((How::Silent, _)) => LAST_BREATH,
            _ => Duration::ZERO,
        };
        let status = child.end_within(patience);
        let (how, complaint) = listened.map_err(ShieldError::system)?;
        Ok(Ended {
            how,
            status: status.map_err(ShieldError::system)?,
            complaint,
        })
    }

    fn start(&self, task: Task, input: File) -> io::Result<Owned> {
        let mut command = Command::new(&self.program);
        command
            .arg0(CHILD)
            .arg(task.word())
            .args(Allowance::from(&self.bounds).arguments())
            .env_clear()
            .current_dir("/")
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Owned::start(command, Vec::new())
    }
}

impl Ended {
    /// Why it did not come to its own end, if so.
    pub(super) fn failure(&self, bounds: &Bounds) -> Option<ShieldError> {
        let too_much = |limit| Some(ShieldError::TooMuch { limit });
        match self.how {
            How::TooLate => return too_much(format!("{} s", bounds.wall.as_secs_f64())),
            How::Stopped => return None,
            How::Silent if self.status.success() => return None,
            How::Silent => {}
        }
        let complaint = clean_line(&String::from_utf8_lossy(&self.complaint), QUOTED);
        let signal = self.status.signal();
        let signal = signal.and_then(|number| Signal::try_from(number).ok());
        match signal {
            Some(Signal::SIGXCPU) => too_much(format!("{} s of CPU", bounds.cpu.as_secs())),
            Some(Signal::SIGABRT) if complaint.contains("memory allocation of") => {
                too_much(format!("{} MiB of memory", bounds.memory_bytes >> 20))
            }
            // Out of memory, the kernel picks somebody; or it was an operator.
            Some(Signal::SIGKILL) => Some(ShieldError::system(
                "it was killed: look whether memory is short",
            )),
            Some(signal) => Some(ShieldError::BrokeDown {
                how: format!("{signal}: {complaint}"),
            }),
            None => Some(ShieldError::BrokeDown { how: complaint }),
        }
    }
}

/// How it ended, and what it complained of.
fn listen(
    child: &mut Owned,
    wall: Duration,
    hear: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<(How, Vec<u8>)> {
    let begun = Instant::now();
    let mut out = Some(child.take_stdout()?);
    let mut err = Some(child.take_stderr()?);
    let mut complaint = Vec::new();
    let mut buffer = vec![0; READ];
    while out.is_some() || err.is_some() {
        let Some(left) = left(wall, begun) else {
            return Ok((How::TooLate, complaint));
        };
        // A closed pipe would be ready for ever: it is not watched.
        let fds = [out.as_ref().map(AsFd::as_fd), err.as_ref().map(AsFd::as_fd)];
        let watched = fds.into_iter().flatten();
        let mut fds: Vec<_> = watched
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        match poll(&mut fds, left) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if drain(&mut out, &mut buffer, hear)?.is_break() {
            return Ok((How::Stopped, complaint));
        }
        let keep = &mut |bytes: &[u8]| {
            let room = COMPLAINT - complaint.len();
            complaint.extend_from_slice(&bytes[..bytes.len().min(room)]);
            ControlFlow::Continue(())
        };
        let _ = drain(&mut err, &mut buffer, keep)?;
    }
    Ok((How::Silent, complaint))
}

/// Reads what is there; at the end of a pipe, drops it.
fn drain(
    pipe: &mut Option<impl Read>,
    buffer: &mut [u8],
    hear: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    while let Some(open) = pipe {
        match open.read(buffer) {
            Ok(0) => *pipe = None,
            Ok(read) => {
                if hear(&buffer[..read]).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Time until the deadline, if it is not over.
fn left(wall: Duration, begun: Instant) -> Option<PollTimeout> {
    let left = wall.checked_sub(begun.elapsed())?;
    // Rounded up, or the last millisecond would be spent in asking.
    let left = left + Duration::from_millis(1);
    Some(PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX))
}
