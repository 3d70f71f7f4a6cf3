//! Which of a guest's descriptors may still say something, and which do now.
//!
//! Owns the one `poll`. Reads nothing.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::guest::Guest;

/// Which descriptors may still say something.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) events: bool,
    pub(super) console: bool,
    pub(super) stderr: bool,
    pub(super) interrupt: bool,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            events: true,
            console: true,
            stderr: true,
            interrupt: true,
        }
    }
}

/// What `poll` found.
#[derive(Debug, Default)]
pub(super) struct Ready {
    pub(super) events: bool,
    pub(super) console: bool,
    pub(super) stderr: bool,
    pub(super) interrupt: bool,
    pub(super) control: bool,
    pub(super) exited: bool,
}

impl Open {
    /// Waits until one of them is readable, the guest has ended, its control
    /// channel takes bytes (if there are some to send), or the time is over.
    pub(super) fn wait<G: Guest>(
        &self,
        guest: &G,
        interrupt: BorrowedFd<'_>,
        to_send: bool,
        timeout: PollTimeout,
    ) -> Result<Ready, Errno> {
        // A closed descriptor would be ready for ever: it is watched by another name.
        let ended = guest.pidfd();
        let watch = |on: bool, fd, what: PollFlags| {
            if on {
                PollFd::new(fd, what)
            } else {
                PollFd::new(ended, PollFlags::empty())
            }
        };
        let input = PollFlags::POLLIN;
        let mut fds = [
            PollFd::new(ended, input),
            watch(self.events, guest.events(), input),
            watch(self.console, guest.console(), input),
            watch(self.stderr, guest.stderr(), input),
            watch(self.interrupt, interrupt, input),
            watch(to_send, guest.control(), PollFlags::POLLOUT),
        ];
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let any = |at: usize| fds.get(at).and_then(PollFd::any).unwrap_or(false);
        Ok(Ready {
            exited: any(0),
            events: self.events && any(1),
            console: self.console && any(2),
            stderr: self.stderr && any(3),
            interrupt: self.interrupt && any(4),
            control: to_send && any(5),
        })
    }
}
