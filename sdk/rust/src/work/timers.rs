//! Work of one worker that sleeps by the clock.

use std::time::Duration;

work_types! {
    /// Spins for a while, then sleeps for a while.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let tenth = Bursty::new().work(Duration::from_millis(1)).sleep(Duration::from_millis(9));
    /// ```
    Bursty = "bursty" {
        /// Wall time of spinning in each burst; 1 to 10000000 µs, in whole microseconds (by
        /// default 50000).
        work(Duration) = "work-us";
        /// Length of each sleep; 1 to 10000000 µs, in whole microseconds (by default 100000).
        sleep(Duration) = "sleep-us";
    }
    /// Works and sleeps in turn, so that its CPU goes idle again and again.
    IdleChurn = "idle-churn" {
        /// Wall time of spinning in each burst; 1 to 10000000 µs, in whole microseconds (by
        /// default 1000).
        busy(Duration) = "busy-us";
        /// Length of each sleep; 1 to 10000000 µs, in whole microseconds (by default 5000).
        idle(Duration) = "idle-us";
        /// Whether there is no timer slack.
        precise(bool) = "precise";
    }
    /// Waits for a timer that expires at an interval.
    TimerLatency = "timer-latency" {
        /// Time from one expiry to the next; 1 to 10000000 µs, in whole microseconds (by
        /// default 1000).
        interval(Duration) = "interval-us";
    }
}
