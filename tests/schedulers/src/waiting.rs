//! The one place where the fixture waits.
//!
//! Owns the signals that end it. Never looks again and again: what is waited
//! for is a descriptor or a deadline.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A signal asks for the end.
    Stop,
    /// The scheduler has been disabled.
    Rang,
    /// The time has come, or SIGUSR1.
    Due,
}

/// Waits for signals and more.
#[derive(Debug)]
pub(crate) struct Waiter {
    signals: SignalFd,
}

impl Waiter {
    /// From here on signals are read and no longer delivered, also in threads
    /// that are started later. A SIGTERM that is to be ignored stays pending.
    pub(crate) fn new(ignore_sigterm: bool) -> anyhow::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        signals.add(Signal::SIGUSR1);
        signals.thread_block().context("failed to block signals")?;
        if ignore_sigterm {
            signals.remove(Signal::SIGTERM);
        }
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals =
            SignalFd::with_flags(&signals, flags).context("failed to listen for signals")?;
        Ok(Self { signals })
    }

    /// Waits for what comes first. Of several at once, a signal counts.
    pub(crate) fn wait(
        &self,
        due: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
    ) -> anyhow::Result<Event> {
        loop {
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(Event::Due);
            }
            // Whole milliseconds, and rather later than in turns of none.
            let timeout = left.map_or(PollTimeout::NONE, |left| {
                let left = left + Duration::from_millis(1);
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            });
            let watched = [Some(self.signals.as_fd()), bell];
            let mut watched: Vec<PollFd<'_>> = watched
                .into_iter()
                .flatten()
                .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
                .collect();
            match poll(&mut watched, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).context("failed to wait"),
            }
            let is_ready = |index: usize| watched.get(index).and_then(PollFd::any) == Some(true);
            if is_ready(0)
                && let Some(event) = self.signal()?
            {
                return Ok(event);
            }
            if is_ready(1) {
                return Ok(Event::Rang);
            }
        }
    }

    fn signal(&self) -> anyhow::Result<Option<Event>> {
        let Some(signal) = self.signals.read_signal()? else {
            return Ok(None);
        };
        let signal = i32::try_from(signal.ssi_signo)?;
        Ok(Some(match Signal::try_from(signal)? {
            Signal::SIGUSR1 => Event::Due,
            Signal::SIGINT | Signal::SIGTERM => Event::Stop,
            other => bail!("{other} was not asked for"),
        }))
    }

    /// Waits for a time; false when a signal asks for the end.
    pub(crate) fn pause(&self, time: Duration) -> anyhow::Result<bool> {
        let due = Instant::now() + time;
        while Instant::now() < due {
            if self.wait(Some(due), None)? == Event::Stop {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits for the signal that ends it.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        while self.wait(None, None)? != Event::Stop {}
        Ok(())
    }
}
