//! Computing time of a component: a budget that runs while its code does and
//! stands still while a host call waits. A call that could have waited and came
//! back at once is no wait: else a loop of such calls would cost nothing.
//!
//! The watchdog is a thread that sleeps in the kernel on a timer. When the
//! timer fires it moves the engine's epoch, and the component traps at its
//! next loop or call. Until then it costs nothing, so it disturbs no
//! measurement.

use std::fmt;
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

/// A call that takes less did not wait.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// See the module. Dropping it ends the thread.
pub(crate) struct Watchdog {
    engine: Engine,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    left: Duration,
    /// When it was last told to run, if it does.
    running: Option<Instant>,
    /// When it was last told to stand still, if a call of the component's did.
    waiting: Option<Instant>,
}

#[derive(Debug)]
struct Shared {
    timer: TimerFd,
    quit: EventFd,
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchdog")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
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
        let watching = engine.clone();
        let watched = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("watchdog".to_owned())
            .stack_size(128 << 10)
            .spawn(move || watched.watch(&watching))?;
        Ok(Self {
            engine: engine.clone(),
            shared,
            thread: Some(thread),
            left: budget,
            running: None,
            waiting: None,
        })
    }

    /// The component is to end now, whatever time it has left.
    pub(crate) fn end(&self) {
        self.engine.increment_epoch();
    }

    /// The component's code runs from now on.
    pub(crate) fn resume(&mut self) {
        let now = Instant::now();
        self.running = Some(now);
        if let Some(waiting) = self.waiting.take() {
            let waited = now.saturating_duration_since(waiting);
            if waited < SHORTEST_WAIT {
                self.left = self.left.saturating_sub(waited);
            }
        }
        // A budget of zero must still fire; zero would disarm the timer.
        let left = self.left.max(Duration::from_nanos(1));
        let expiry = Expiration::OneShot(TimeSpec::from_duration(left));
        // Setting a valid timer of our own cannot fail.
        let _ = self.shared.timer.set(expiry, TimerSetTimeFlags::empty());
    }

    /// A host call waits from now on.
    pub(crate) fn pause(&mut self) {
        if let Some(running) = self.running.take() {
            let now = Instant::now();
            self.waiting = Some(now);
            let ran = now.saturating_duration_since(running);
            self.left = self.left.saturating_sub(ran);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::engine::engine;

    const BUDGET: Duration = Duration::from_secs(10);

    fn busy(span: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < span {
            std::hint::spin_loop();
        }
    }

    /// What of the budget so many waits cost, each this long.
    fn cost(waits: u32, span: Duration) -> Duration {
        let mut watchdog = Watchdog::new(&engine().unwrap(), BUDGET).unwrap();
        watchdog.resume();
        for _ in 0..waits {
            watchdog.pause();
            busy(span);
            watchdog.resume();
        }
        watchdog.pause();
        BUDGET - watchdog.left
    }

    #[test]
    fn waits_that_come_back_at_once_are_paid_for() {
        // Half of them, for on a loaded machine some take longer.
        let span = Duration::from_micros(50);
        assert!(cost(1_000, span) >= 500 * span);
    }

    #[test]
    fn waits_that_wait_are_free() {
        let span = Duration::from_millis(50);
        assert!(cost(4, span) < 3 * span);
    }
}
