//! Work of one worker that sleeps by the clock.
//!
//! A wake sample of `bursty` is the sleep as measured, its intended length
//! included; of `idle-churn` it is only what the sleep took beyond that.
//! `timer-latency` gives timer samples: from the timer's expiry until the
//! worker runs. It asks for a timer slack of 1 ns, `idle-churn` does so with
//! `precise`; otherwise the kernel's default of 50 µs is part of the sample.

use std::time::Duration;

use super::family::family;
use super::kind::{Gives, SPIN_UNIT, WorkKind, number, time};
use super::nominal;

family! {
    /// Sleeps.
    Timers "timers" {
        /// Spins for a while, then sleeps for a while.
        Bursty "bursty" = WorkKind::new(
            "spins for a while, then sleeps for a while", "one burst and one sleep", SPIN_UNIT,
        ).gives(Gives::Wakes("the sleep as measured, its intended length included")) => {
            work: Duration = time("work-us", 50_000, 1, "wall time of spinning in each burst"),
            sleep: Duration = time("sleep-us", 100_000, 1, "length of each sleep"),
        }
        /// Short bursts and short sleeps.
        IdleChurn "idle-churn" = WorkKind::new(
            "works and sleeps in turn, so that its CPU goes idle again and again",
            "one burst and one sleep", SPIN_UNIT,
        ).gives(Gives::Wakes("what the sleep took beyond its intended length")) => {
            busy: Duration = time("busy-us", 1_000, 1, "wall time of spinning in each burst"),
            idle: Duration = time("idle-us", 5_000, 1, "length of each sleep"),
            precise: bool = number("precise", "", 0, (0, 1), "1: no timer slack"),
        }
        /// Waits for a timer again and again.
        TimerLatency "timer-latency" = WorkKind::new(
            "waits for a timer that expires at an interval", "one expiry", "one expiry",
        ).gives(Gives::Lateness("from the timer's expiry until the worker runs")) => {
            interval: Duration = time("interval-us", 1_000, 1, "time from one expiry to the next"),
        }
    }
}

impl Timers {
    pub(super) fn demand(&self) -> (f64, u64) {
        let (busy, idle) = match self {
            Self::Bursty {
                work: busy,
                sleep: idle,
            }
            | Self::IdleChurn { busy, idle, .. } => (nominal::nanos(*busy), nominal::nanos(*idle)),
            Self::TimerLatency { interval } => (nominal::HANDOFF_NS, nominal::nanos(*interval)),
        };
        (nominal::share_ns(busy, idle), busy)
    }
}
