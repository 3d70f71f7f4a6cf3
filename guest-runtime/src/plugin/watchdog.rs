//! Computing time of a component: a budget that runs while its code does and
//! stands still while a host call waits. A call that could have waited and came
//! back at once is no wait: else a loop of such calls would cost nothing.
//!
//! The watchdog is a thread that sleeps in the kernel on a timer. When the
//! timer fires and the budget is spent, it moves the engine's epoch, and the
//! component traps at its next loop or call. Until then it costs nothing, so
//! it disturbs no measurement; and a wait that puts the end off costs no
//! system call, because the timer is set anew only when it has fired too early.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use wasmtime::Engine;

use crate::time::nanos;

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
    /// Times are counted from here.
    origin: Instant,
    /// When the budget is spent if nothing waits any more, in nanoseconds;
    /// [`NEVER`] while the component's time stands still.
    end: AtomicU64,
    /// The timer is set, and will fire no later than at the end.
    set: AtomicBool,
}

/// No end in sight.
const NEVER: u64 = u64::MAX;

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
            origin: Instant::now(),
            end: AtomicU64::new(NEVER),
            set: AtomicBool::new(false),
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
        self.shared.end_at(now + self.left);
    }

    /// A host call waits from now on.
    pub(crate) fn pause(&mut self) {
        if let Some(running) = self.running.take() {
            let now = Instant::now();
            self.waiting = Some(now);
            let ran = now.saturating_duration_since(running);
            self.left = self.left.saturating_sub(ran);
            self.shared.end.store(NEVER, SeqCst);
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
    /// The budget is spent then. Ends only move later, so a timer that is set
    /// already will not fire too late.
    fn end_at(&self, end: Instant) {
        let end = nanos(end.saturating_duration_since(self.origin));
        self.end.store(end, SeqCst);
        if !self.set.swap(true, SeqCst) {
            self.set_timer(end);
        }
    }

    fn set_timer(&self, end: u64) {
        let left = end.saturating_sub(nanos(self.origin.elapsed()));
        // A budget of zero must still fire; zero would disarm the timer.
        let left = Duration::from_nanos(left.max(1));
        let expiry = Expiration::OneShot(TimeSpec::from_duration(left));
        // Setting a valid timer of our own cannot fail.
        let _ = self.timer.set(expiry, TimerSetTimeFlags::empty());
    }

    /// The timer has fired: whether the budget is spent. Where it is not, the
    /// timer is set anew, now or by whoever has the time run again.
    fn is_spent(&self) -> bool {
        self.set.store(false, SeqCst);
        let end = self.end.load(SeqCst);
        if end == NEVER {
            return false;
        }
        if end <= nanos(self.origin.elapsed()) {
            return true;
        }
        if !self.set.swap(true, SeqCst) {
            self.set_timer(end);
        }
        false
    }

    /// Moves the epoch each time that the budget is spent, until told to quit.
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
            if self.timer.wait().is_ok() && self.is_spent() {
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
    fn a_wait_puts_the_end_off_and_computing_after_it_meets_it() {
        let budget = Duration::from_millis(50);
        let mut watchdog = Watchdog::new(&engine().unwrap(), budget).unwrap();
        watchdog.resume();
        watchdog.pause();
        busy(2 * budget);
        // The timer has fired, and the next end is one that nobody waits for yet.
        assert!(!watchdog.shared.is_spent());
        watchdog.resume();
        assert!(!watchdog.shared.is_spent());
        assert!(watchdog.shared.set.load(SeqCst), "it will fire");
        busy(budget);
        assert!(watchdog.shared.is_spent());
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
