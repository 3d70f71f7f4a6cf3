//! Figures of benches: several readings, told by their median and extremes.
//!
//! Machines are noisy and drift, so a bench takes its readings in turns and
//! quotes medians. Owns the arithmetic; runs nothing.

use std::fmt;
use std::time::Instant;

/// Several readings of one thing, ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures(Vec<f64>);

impl Figures {
    /// From readings in any order. NaN is sorted last.
    #[must_use]
    pub fn new(readings: impl IntoIterator<Item = f64>) -> Self {
        let mut readings: Vec<f64> = readings.into_iter().collect();
        readings.sort_by(f64::total_cmp);
        Self(readings)
    }

    /// The middle reading, the upper one of two; NaN of none.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The ratio of each pair of readings that were taken in turn.
    #[must_use]
    pub fn ratios(ours: &[f64], theirs: &[f64]) -> Self {
        Self::new(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
    }
}

impl fmt::Display for Figures {
    /// `median (least to most)`, with the precision asked for, else 3 digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(3);
        let (least, most) = (self.0.first(), self.0.last());
        write!(
            f,
            "{:.digits$} ({:.digits$} to {:.digits$})",
            self.median(),
            least.unwrap_or(&f64::NAN),
            most.unwrap_or(&f64::NAN)
        )
    }
}

/// How long `what` took, in seconds, and what it gave.
pub fn timed<T>(what: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = what();
    (start.elapsed().as_secs_f64(), result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_told_with_its_extremes() {
        let figures = Figures::new([3.0, 1.0, 2.5]);
        assert_eq!(format!("{figures:.1}"), "2.5 (1.0 to 3.0)");
        assert!(Figures::new([]).median().is_nan());
    }

    #[test]
    fn ratios_are_taken_pair_by_pair() {
        let ratios = Figures::ratios(&[1.0, 4.0, 9.0], &[2.0, 4.0, 3.0]);
        assert_eq!(ratios, Figures::new([0.5, 1.0, 3.0]));
    }
}
