//! How it went to make the threads of a process, as that process tells it: by
//! closing a pipe, with an errno in it if one could not be made.
//!
//! Owns the pipe's read end and the wait for its end, which is bounded.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{pipe2, read};

/// See the module.
#[derive(Debug)]
pub(super) struct Told(OwnedFd);

impl Told {
    /// The pipe, and the end of it that the process inherits.
    pub(super) fn new() -> nix::Result<(Self, OwnedFd)> {
        let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
        Ok((Self(ours), theirs))
    }

    /// Waits until all threads are made. One whose cgroup does not let it run
    /// is waited for no longer than `patience`, and makes them later. One that
    /// has died has nothing to tell: its end says it.
    pub(super) fn all_there(self, patience: Duration) -> nix::Result<()> {
        let start = Instant::now();
        loop {
            let left = patience.saturating_sub(start.elapsed());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, timeout) {
                Ok(0) => {
                    tracing::warn!("a process did not make its threads in time");
                    return Ok(());
                }
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        let mut errno = [0; 4];
        match read(&self.0, &mut errno) {
            Ok(4) => Err(Errno::from_raw(i32::from_ne_bytes(errno))),
            Ok(_) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}
