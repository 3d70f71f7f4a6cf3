//! How fast a component calls: a rate that is kept on average, with a second's
//! worth of calls that may come at once. Pure: whoever counts has a clock.
//!
//! One addition and two comparisons for each call; the time is one that is read
//! for the record in any case.

/// How far calls may be ahead of their rate, in nanoseconds.
const AHEAD: u64 = 1_000_000_000;

/// See the module.
#[derive(Debug)]
pub struct CallRate {
    /// What the rate gives each call, in nanoseconds.
    interval: u64,
    /// When all calls so far are over at that rate.
    due: u64,
}

impl CallRate {
    /// No call at all at a rate of 0.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self {
            interval: AHEAD.checked_div(per_second.into()).unwrap_or(u64::MAX),
            due: 0,
        }
    }

    /// Counts a call `at` so many nanoseconds after a start that is the same
    /// for all. False: it is one too many.
    #[inline]
    pub fn take(&mut self, at: u64) -> bool {
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

    /// Calls that fit, of so many that come in even intervals in these seconds.
    fn fitting(rate: &mut CallRate, calls: u64, seconds: u64) -> usize {
        let at = |call: u64| seconds * AHEAD / calls * call;
        (0..calls).filter(|call| rate.take(at(*call))).count()
    }

    #[test]
    fn a_seconds_worth_may_come_at_once_and_no_more() {
        assert_eq!(fitting(&mut CallRate::new(1_000), 5_000, 0), 1_000);
        assert_eq!(fitting(&mut CallRate::new(1), 5, 0), 1);
        assert_eq!(fitting(&mut CallRate::new(0), 5, 0), 0);
    }

    #[test]
    fn what_keeps_to_the_rate_goes_on_for_ever() {
        assert_eq!(fitting(&mut CallRate::new(1_000), 100_000, 100), 100_000);
    }

    #[test]
    fn what_is_twice_as_fast_ends_when_a_seconds_worth_is_too_much() {
        let mut rate = CallRate::new(1_000);
        let ends = (0..10_000).find(|call| !rate.take(500_000 * call));
        assert_eq!(ends, Some(1_999), "after a second");
    }

    #[test]
    fn a_rest_is_worth_a_second_however_long_it_was() {
        let mut rate = CallRate::new(1_000);
        assert_eq!(fitting(&mut rate, 5_000, 0), 1_000);
        let later = 3_600 * AHEAD;
        let again = (0..5_000).filter(|_| rate.take(later)).count();
        assert_eq!(again, 1_000);
    }
}
