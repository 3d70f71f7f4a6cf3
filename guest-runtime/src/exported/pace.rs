//! How many units the next batch is to have. Pure.
//!
//! A batch that is too short pays for its call, one that is too long lets a
//! stop or the end of a phase wait. The measure is CPU time: a worker that the
//! scheduler starves is not slower for it, and its batches stay as they are.

use std::time::Duration;

/// CPU time that a batch is to take.
const TARGET: Duration = Duration::from_millis(1);
/// A batch is at most so many times the one before, since the first ones are
/// over before a clock can tell their length.
const GROWTH: u32 = 8;

/// See the module.
#[derive(Debug)]
pub(super) struct Pace {
    budget: u32,
}

impl Pace {
    /// Begins with one unit.
    pub(super) fn new() -> Self {
        Self { budget: 1 }
    }

    /// Units of the next batch, at least 1.
    pub(super) fn budget(&self) -> u32 {
        self.budget
    }

    /// The batch had `done` units and took this long.
    pub(super) fn took(&mut self, done: u32, time: Duration) {
        let most = self.budget.saturating_mul(GROWTH);
        let wanted = TARGET
            .as_nanos()
            .saturating_mul(u128::from(done))
            .checked_div(time.as_nanos());
        self.budget = wanted
            .and_then(|units| u32::try_from(units).ok())
            .unwrap_or(most)
            .clamp(1, most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Budget after some batches of a loop whose unit takes this long.
    fn settled(unit: Duration) -> u32 {
        let mut pace = Pace::new();
        for _ in 0..20 {
            pace.took(pace.budget(), unit * pace.budget());
        }
        pace.budget()
    }

    #[test]
    fn a_batch_comes_to_take_about_a_millisecond() {
        assert_eq!(settled(Duration::from_nanos(100)), 10_000);
        assert_eq!(settled(Duration::from_micros(30)), 33);
    }

    #[test]
    fn a_unit_that_takes_longer_than_that_is_a_batch_of_its_own() {
        assert_eq!(settled(Duration::from_millis(20)), 1);
    }

    #[test]
    fn a_time_too_short_to_measure_grows_the_batch_and_never_overflows() {
        let mut pace = Pace::new();
        pace.took(1, Duration::ZERO);
        assert_eq!(pace.budget(), GROWTH);
        assert_eq!(settled(Duration::ZERO), u32::MAX);
    }

    #[test]
    fn a_loop_that_does_less_than_asked_is_judged_by_what_it_did() {
        let mut pace = Pace::new();
        pace.took(1, Duration::from_nanos(1));
        pace.took(2, Duration::from_micros(500));
        assert_eq!(pace.budget(), 4);
    }
}
