//! How fast a component calls: a rate that is kept on average, with a second's
//! worth of calls that may come at once. Pure: whoever counts has a clock.
//!
//! One addition and two comparisons for each call; the time is one that is read
//! for the record in any case.

use std::time::{Duration, Instant};

use crate::time::nanos;

/// How far calls may be ahead of their rate, in nanoseconds.
const AHEAD: u64 = 1_000_000_000;

/// See the module.
#[derive(Debug)]
pub struct CallRate {
    begun: Instant,
    /// What the rate gives each call, in nanoseconds.
    interval: u64,
    /// When all calls so far are over at that rate, from `begun`.
    due: u64,
}

impl CallRate {
    /// Counts from `now` on. No call at all at a rate of 0.
    #[must_use]
    pub fn new(per_second: u32, now: Instant) -> Self {
        Self {
            begun: now,
            interval: AHEAD.checked_div(per_second.into()).unwrap_or(u64::MAX),
            due: 0,
        }
    }

    /// Counts a call at `now`. False: it is one too many.
    #[inline]
    pub fn take(&mut self, now: Instant) -> bool {
        self.count(now.saturating_duration_since(self.begun))
    }

    fn count(&mut self, at: Duration) -> bool {
        let at = nanos(at);
        let due = self.due.max(at).saturating_add(self.interval);
        let fits = due - at <= AHEAD;
        // One that is refused takes nothing from those to come.
        if fits {
            self.due = due;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32) -> CallRate {
        CallRate::new(per_second, Instant::now())
    }

    /// Calls that fit, of so many that come in even intervals in this time.
    fn fitting(rate: &mut CallRate, calls: u32, time: Duration) -> usize {
        let at = |call: u32| time * call / calls;
        (0..calls).filter(|call| rate.count(at(*call))).count()
    }

    #[test]
    fn a_seconds_worth_may_come_at_once_and_no_more() {
        assert_eq!(fitting(&mut rate(1_000), 5_000, Duration::ZERO), 1_000);
        assert_eq!(fitting(&mut rate(1), 5, Duration::ZERO), 1);
        assert_eq!(fitting(&mut rate(0), 5, Duration::ZERO), 0);
    }

    #[test]
    fn what_keeps_to_the_rate_goes_on_for_ever() {
        let time = Duration::from_secs(100);
        assert_eq!(fitting(&mut rate(1_000), 100_000, time), 100_000);
    }

    #[test]
    fn what_is_twice_as_fast_ends_when_a_seconds_worth_is_too_much() {
        let mut rate = rate(1_000);
        let twice = |call: u32| Duration::from_micros(500) * call;
        let ends = (0..10_000).find(|call| !rate.count(twice(*call)));
        assert_eq!(ends, Some(1_999), "after a second");
    }

    #[test]
    fn a_rest_is_worth_a_second_however_long_it_was() {
        let mut rate = rate(1_000);
        assert_eq!(fitting(&mut rate, 5_000, Duration::ZERO), 1_000);
        let later = Duration::from_secs(3_600);
        let again = (0..5_000).filter(|_| rate.count(later)).count();
        assert_eq!(again, 1_000);
    }
}
