//! Reads the counts out of what a test runner says.
//!
//! Owns the two formats. Never prints.

use std::collections::BTreeSet;

use super::tally::Tally;

/// Who ran the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    /// `cargo nextest run`: one summary at the end.
    Nextest,
    /// `cargo test`: one summary for each test program.
    Libtest,
}

/// What was read so far.
#[derive(Debug)]
pub(super) struct Summary {
    runner: Runner,
    filtered: bool,
    tally: Tally,
    failed: BTreeSet<String>,
}

impl Summary {
    /// Nothing read yet. `filtered`: tests were chosen by name.
    pub(super) fn new(runner: Runner, filtered: bool) -> Self {
        Self {
            runner,
            filtered,
            tally: Tally::default(),
            failed: BTreeSet::new(),
        }
    }

    /// Takes one line, without colours.
    pub(super) fn read(&mut self, line: &str) {
        match self.runner {
            Runner::Nextest => self.nextest(line),
            Runner::Libtest => self.libtest(line),
        }
    }

    /// The count. Tests that recorded a skip have passed as far as the runner
    /// knows; each such line is `name: reason`.
    pub(super) fn tally<'a>(self, recorded: impl Iterator<Item = &'a str>) -> Tally {
        let mut tally = self.tally;
        tally.failures.extend(self.failed);
        if tally.skipped > 0 {
            tally
                .reasons
                .push(format!("{} marked #[ignore] where they are", tally.skipped));
        }
        for skip in recorded {
            tally.passed = tally.passed.saturating_sub(1);
            tally.skipped += 1;
            tally.reasons.push(skip.to_owned());
        }
        tally
    }

    /// `Summary [ 0.1s] 9 tests run: 5 passed (1 slow), 3 failed, 1 timed out, 2 skipped`
    fn nextest(&mut self, line: &str) {
        let line = line.trim_start();
        let fails = ["FAIL", "TIMEOUT", "ABORT", "SIG", "LEAK-FAIL", "XFAIL"];
        if fails.iter().any(|word| line.starts_with(word))
            && let Some((_, test)) = line.split_once(']')
        {
            // `(3/9) package::target test`: the place in the order is of no use.
            let test = test.trim_start();
            let test = test
                .strip_prefix('(')
                .and_then(|rest| rest.split_once(')'))
                .map_or(test, |rest| rest.1);
            self.failed.insert(test.trim().to_owned());
        }
        if !line.starts_with("Summary [") {
            return;
        }
        let Some((_, counts)) = line.split_once(" run: ") else {
            return;
        };
        for (count, word) in counts_and_words(counts) {
            match word.as_str() {
                "passed" => self.tally.passed += count,
                // Tests that the filter left out are counted here as well.
                "skipped" if self.filtered => {}
                "skipped" => self.tally.skipped += count,
                _ => self.tally.failed += count,
            }
        }
    }

    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in …`
    fn libtest(&mut self, line: &str) {
        if let Some(test) = line
            .strip_prefix("test ")
            .and_then(|line| line.strip_suffix(" ... FAILED"))
        {
            self.failed.insert(test.to_owned());
        }
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let Some((_, counts)) = result.split_once(". ") else {
            return;
        };
        for (count, word) in counts_and_words(counts) {
            match word.as_str() {
                "passed" => self.tally.passed += count,
                "failed" => self.tally.failed += count,
                "ignored" => self.tally.skipped += count,
                _ => {}
            }
        }
    }
}

/// The parts of `1 this (2 of it slow), 3 that; …`, without what is in brackets.
fn counts_and_words(text: &str) -> Vec<(usize, String)> {
    let mut depth = 0_usize;
    let mut outside = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    let parts = outside
        .split([',', ';'])
        .filter_map(|part| part.trim().split_once(' '));
    parts
        .filter_map(|(count, word)| Some((count.parse().ok()?, word.trim().to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(runner: Runner, filtered: bool, text: &str) -> Tally {
        let mut summary = Summary::new(runner, filtered);
        text.lines().for_each(|line| summary.read(line));
        summary.tally([].into_iter())
    }

    #[test]
    fn nextest_is_counted_from_its_summary_and_failures_are_named_once() {
        let text = "\
        PASS [   0.003s] (1/4) host tests::good
        FAIL [   0.004s] (2/4) host tests::bad
     TIMEOUT [  60.004s] (3/4) host tests::hangs
     Summary [  60.010s] 4 tests run: 2 passed (1 slow, 1 leaky), 1 failed, 1 timed out, 3 skipped
        FAIL [   0.004s] (2/4) host tests::bad";
        let tally = read(Runner::Nextest, false, text);
        assert_eq!((tally.passed, tally.failed, tally.skipped), (2, 2, 3));
        assert_eq!(tally.failures, ["host tests::bad", "host tests::hangs"]);
    }

    #[test]
    fn what_a_filter_leaves_out_is_not_called_skipped() {
        let text = "     Summary [   0.010s] 1 test run: 1 passed, 40 skipped";
        let tally = read(Runner::Nextest, true, text);
        assert_eq!((tally.passed, tally.failed, tally.skipped), (1, 0, 0));
    }

    #[test]
    fn libtest_is_summed_over_its_programs() {
        let text = "\
test a ... ok
test b ... FAILED
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.00s
test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        let tally = read(Runner::Libtest, false, text);
        assert_eq!((tally.passed, tally.failed, tally.skipped), (4, 1, 2));
        assert_eq!(tally.failures, ["b"]);
    }

    #[test]
    fn a_test_that_recorded_a_skip_has_not_passed() {
        let mut summary = Summary::new(Runner::Nextest, false);
        summary.read("     Summary [   0.010s] 2 tests run: 2 passed, 0 skipped");
        let tally = summary.tally(["boots_with_kvm: no KVM here"].into_iter());
        assert_eq!((tally.passed, tally.skipped), (1, 1));
        assert_eq!(tally.reasons, ["boots_with_kvm: no KVM here"]);
    }
}
