//! Where the host's time comes from: passed in, so that tests own it.

use std::fmt::Debug;
use std::time::Instant;

/// Nanoseconds since the run began. Never goes backwards.
pub trait Clock: Debug {
    /// The time now.
    fn now_ns(&self) -> u64;
}

/// The machine's monotonic clock, from 0 at its creation.
#[derive(Clone, Copy, Debug)]
pub struct Monotonic {
    start: Instant,
}

impl Monotonic {
    /// A run begins now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for Monotonic {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
