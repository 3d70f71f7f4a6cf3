//! One child process, held by its pidfd from its first instruction on.
//!
//! Owns pid, pidfd and how it ended. Its pid cannot be reused while this is
//! not reaped, so signals and group kills always reach who was meant.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use proscenium_worker::ExitInfo;

use super::spawn::pidfd_send_signal;

/// A child.
#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    pidfd: OwnedFd,
    exit: Option<ExitInfo>,
}

impl Process {
    /// Takes charge of a child that was just started.
    pub(super) fn new(pid: Pid, pidfd: OwnedFd) -> Self {
        Self {
            pid,
            pidfd,
            exit: None,
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// How it ended, once it is reaped.
    pub(super) fn exit(&self) -> Option<ExitInfo> {
        self.exit
    }

    /// Says how it ended where the kernel's word is not the whole truth.
    pub(super) fn set_exit(&mut self, exit: ExitInfo) {
        self.exit = Some(exit);
    }

    /// Sends a signal; one that is gone already is success.
    pub(super) fn signal(&self, signal: Signal) {
        if self.exit.is_none()
            && let Err(errno) = pidfd_send_signal(self.pidfd.as_fd(), signal)
            && errno != Errno::ESRCH
        {
            tracing::warn!("failed to send {signal} to process {}: {errno}", self.pid);
        }
    }

    /// Reaps it if it has ended, what it started included. Does not wait.
    /// True: it is reaped, now or before.
    pub(super) fn reap(&mut self) -> bool {
        if self.exit.is_some() {
            return true;
        }
        let id = Id::PIDFd(self.pidfd.as_fd());
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        match waitid(id, flags | WaitPidFlag::WNOWAIT) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => return false,
            // Until it is reaped, its process group cannot be anyone else's.
            Ok(_) => drop(killpg(self.pid, Signal::SIGKILL)),
            Err(_) => {}
        }
        self.exit = match waitid(Id::PIDFd(self.pidfd.as_fd()), flags) {
            Ok(WaitStatus::Exited(_, code)) => Some(ExitInfo::Exited(code)),
            Ok(WaitStatus::Signaled(_, signal, _)) => Some(ExitInfo::Signaled(signal as i32)),
            Ok(_) | Err(Errno::EINTR) => None,
            Err(errno) => Some(ExitInfo::WaitFailed(errno as i32)),
        };
        self.exit.is_some()
    }

    /// Waits for its end until `deadline` and reaps it. False: it has not
    /// ended, which after a SIGKILL means that it is stuck in the kernel.
    pub(super) fn await_end(&mut self, deadline: Instant) -> bool {
        loop {
            if self.reap() {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            let mut fds = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, timeout) {
                Ok(1..) | Err(Errno::EINTR) => {}
                Ok(_) | Err(_) => return false,
            }
        }
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}
