//! Counting: what passed, what failed, what was skipped and why.
//!
//! Owns the sums and how they are shown. Never runs anything.

use std::time::Duration;

use crate::console::{Console, Seconds};

/// The count of one tier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    /// Names of what failed, or why.
    pub(crate) failures: Vec<String>,
    /// Why things were skipped.
    pub(crate) reasons: Vec<String>,
}

impl Tally {
    /// One thing that failed.
    pub(crate) fn failure(why: &str) -> Self {
        Self {
            failed: 1,
            failures: vec![why.to_owned()],
            ..Self::default()
        }
    }

    /// One thing that could not be run.
    pub(crate) fn skip(why: &str) -> Self {
        Self {
            skipped: 1,
            reasons: vec![why.to_owned()],
            ..Self::default()
        }
    }

    /// One check that went as `result` says.
    pub(crate) fn of<T>(what: &str, result: &anyhow::Result<T>) -> Self {
        match result {
            Ok(_) => Self {
                passed: 1,
                ..Self::default()
            },
            Err(error) => Self::failure(&format!("{what}: {error:#}")),
        }
    }

    /// Adds another count.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
        self.reasons.extend(other.reasons);
    }

    /// Whether nothing was run or skipped.
    pub(crate) fn is_empty(&self) -> bool {
        self.passed + self.failed + self.skipped == 0
    }

    /// Whether anything failed.
    pub(crate) fn has_failures(&self) -> bool {
        self.failed > 0
    }
}

/// The counts of all tiers, in the order in which they ran.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<(&'static str, Duration, Tally)>,
}

impl Report {
    /// Adds a tier.
    pub(crate) fn add(&mut self, tier: &'static str, time: Duration, tally: Tally) {
        self.rows.push((tier, time, tally));
    }

    /// The sum over the tiers.
    pub(crate) fn total(&self) -> Tally {
        let mut total = Tally::default();
        for (_, _, tally) in &self.rows {
            total.add(tally.clone());
        }
        total
    }

    /// Shows the table, the reasons, and the closing line.
    pub(crate) fn print(&self, console: &Console) {
        for line in self.lines() {
            console.result(&line);
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            String::new(),
            format!(
                "{:<6} {:>7} {:>7} {:>8}   time",
                "tier", "passed", "failed", "skipped"
            ),
        ];
        for (tier, time, tally) in &self.rows {
            let Tally {
                passed,
                failed,
                skipped,
                ..
            } = tally;
            let time = Seconds(*time);
            lines.push(format!(
                "{tier:<6} {passed:>7} {failed:>7} {skipped:>8}   {time}"
            ));
        }
        for (tier, _, tally) in &self.rows {
            lines.extend(
                tally
                    .failures
                    .iter()
                    .map(|failure| format!("FAILED  {tier}: {failure}")),
            );
            lines.extend(
                tally
                    .reasons
                    .iter()
                    .map(|reason| format!("SKIPPED {tier}: {reason}")),
            );
        }
        let Tally {
            passed,
            failed,
            skipped,
            ..
        } = self.total();
        lines.push(String::new());
        lines.push(format!(
            "{passed} passed, {failed} failed, {skipped} skipped"
        ));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_is_the_sum_and_stands_alone() {
        let mut report = Report::default();
        let unit = Tally {
            passed: 7,
            skipped: 1,
            ..Tally::default()
        };
        report.add("unit", Duration::from_secs(1), unit);
        report.add("vm", Duration::ZERO, Tally::failure("boots: no kernel"));
        report.add(
            "deny",
            Duration::ZERO,
            Tally::skip("cargo-deny is not installed"),
        );
        let lines = report.lines();
        assert_eq!(lines.last().unwrap(), "7 passed, 1 failed, 2 skipped");
        assert!(lines.contains(&"FAILED  vm: boots: no kernel".to_owned()));
        assert!(lines.contains(&"SKIPPED deny: cargo-deny is not installed".to_owned()));
    }

    #[test]
    fn a_skipped_tier_has_no_passes() {
        let tally = Tally::skip("no QEMU");
        assert_eq!((tally.passed, tally.failed, tally.skipped), (0, 0, 1));
        assert!(!tally.is_empty());
    }
}
