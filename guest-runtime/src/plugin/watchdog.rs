//! Computing time of a component: a budget that runs while its code does and
//! stands still while a host call waits.
//!
//! The watchdog is a thread that sleeps in the kernel on a timer. When the
//! timer fires it moves the engine's epoch, and the component traps at its
//! next loop or call. Until then it costs nothing, so it disturbs no
//! measurement.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use wasmtime::Engine;

/// See the module. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    left: Duration,
    since: Option<Instant>,
}

#[derive(Debug)]
struct Shared {
    timer: TimerFd,
    quit: EventFd,
}

impl Watchdog {
    /// A watchdog that is not running yet, with `budget` to spend.
    ///
    /// # Errors
    /// If the kernel gives no timer, event or thread.
    pub(crate) fn new(engine: &Engine, budget: Duration) -> io::Result<Self> {
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let shared = Arc::new(Shared {
            timer: TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?,
            quit: EventFd::from_flags(EfdFlags::EFD_CLOEXEC)?,
        });
        let engine = engine.clone();
        let watched = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("watchdog".to_owned())
            .stack_size(128 << 10)
            .spawn(move || watched.watch(&engine))?;
        Ok(Self {
            shared,
            thread: Some(thread),
            left: budget,
            since: None,
        })
    }

    /// The component's code runs from now on.
    pub(crate) fn resume(&mut self) {
        self.since = Some(Instant::now());
        // A budget of zero must still fire; zero would disarm the timer.
        let left = self.left.max(Duration::from_nanos(1));
        let expiry = Expiration::OneShot(TimeSpec::from_duration(left));
        // Setting a valid timer of our own cannot fail.
        let _ = self.shared.timer.set(expiry, TimerSetTimeFlags::empty());
    }

    /// A host call waits from now on.
    pub(crate) fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
            let _ = self.shared.timer.unset();
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let _ = self.shared.quit.write(1);
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Moves the epoch each time the timer fires, until told to quit.
    fn watch(&self, engine: &Engine) {
        loop {
            let mut fds = [
                PollFd::new(self.timer.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.quit.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(_) => break,
            }
            if fds[1].any() == Some(true) {
                return;
            }
            if self.timer.wait().is_ok() {
                engine.increment_epoch();
            }
        }
        // Without a watchdog nothing may run on.
        engine.increment_epoch();
    }
}
