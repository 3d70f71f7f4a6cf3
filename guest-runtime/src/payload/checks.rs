//! The operator's checks on a payload that has ended.

use proscenium_wire::{PayloadCheck, PayloadCheckResult, PayloadExit};

use super::Figures;

/// What checks look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// How it ended.
    pub exit: PayloadExit,
    /// What it said.
    pub figures: &'a Figures,
}

/// What comes of each check, in order; those on the exit come first, and one
/// that does not hold makes the others pointless.
#[must_use]
pub fn evaluate(checks: &[PayloadCheck], subject: Subject<'_>) -> Vec<PayloadCheckResult> {
    let (exits, figures): (Vec<_>, Vec<_>) = checks
        .iter()
        .partition(|check| matches!(check, PayloadCheck::ExitCode(_)));
    let mut results: Vec<_> = exits.iter().map(|check| one(check, subject)).collect();
    if results.iter().all(|result| result.passed) {
        results.extend(figures.iter().map(|check| one(check, subject)));
    }
    results
}

fn one(check: &PayloadCheck, subject: Subject<'_>) -> PayloadCheckResult {
    let figure =
        |name: &str, holds: &dyn Fn(f64) -> bool, expected: &str| match subject.figures.get(name) {
            Some(value) => PayloadCheckResult {
                passed: holds(value),
                message: format!("{name} is {value}, expected {expected}"),
            },
            None => PayloadCheckResult {
                passed: false,
                message: format!("{name} was not printed, expected {expected}"),
            },
        };
    match check {
        PayloadCheck::ExitCode(code) => PayloadCheckResult {
            passed: subject.exit.code() == *code,
            message: format!("exit code is {}, expected {code}", subject.exit.code()),
        },
        PayloadCheck::Exists(name) => figure(name, &|_| true, "a figure"),
        PayloadCheck::Min(name, low) => {
            figure(name, &|value| value >= *low, &format!("at least {low}"))
        }
        PayloadCheck::Max(name, high) => {
            figure(name, &|value| value <= *high, &format!("at most {high}"))
        }
        PayloadCheck::Range(name, low, high) => figure(
            name,
            &|value| (*low..=*high).contains(&value),
            &format!("{low} to {high}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(checks: &[PayloadCheck], exit: PayloadExit) -> Vec<bool> {
        let mut figures = Figures::default();
        figures.push("iops", 5.0);
        let subject = Subject {
            exit,
            figures: &figures,
        };
        evaluate(checks, subject)
            .iter()
            .map(|result| result.passed)
            .collect()
    }

    #[test]
    fn bounds_include_their_ends() {
        let iops = || "iops".to_owned();
        let table = [
            (PayloadCheck::Min(iops(), 5.0), true),
            (PayloadCheck::Min(iops(), 5.1), false),
            (PayloadCheck::Max(iops(), 5.0), true),
            (PayloadCheck::Max(iops(), 4.9), false),
            (PayloadCheck::Range(iops(), 5.0, 6.0), true),
            (PayloadCheck::Range(iops(), 5.5, 6.0), false),
            (PayloadCheck::Exists(iops()), true),
            (PayloadCheck::Exists("lat".into()), false),
            (PayloadCheck::Min("lat".into(), 0.0), false),
        ];
        for (one, holds) in table {
            assert_eq!(
                check(std::slice::from_ref(&one), PayloadExit::Code(0)),
                [holds],
                "{one:?}"
            );
        }
    }

    #[test]
    fn the_exit_code_comes_first_and_stops_the_rest() {
        let checks = [
            PayloadCheck::Exists("iops".into()),
            PayloadCheck::ExitCode(0),
        ];
        assert_eq!(check(&checks, PayloadExit::Code(0)), [true, true]);
        assert_eq!(check(&checks, PayloadExit::Code(1)), [false]);
        assert_eq!(check(&checks, PayloadExit::Signal(9)), [false]);
    }

    #[test]
    fn a_signal_counts_as_minus_one() {
        let checks = [PayloadCheck::ExitCode(-1)];
        assert_eq!(check(&checks, PayloadExit::Signal(9)), [true]);
    }
}
