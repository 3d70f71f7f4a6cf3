//! What the process exits with. The table is part of the interface: CI systems
//! tell by it whose fault a red run is.
//!
//! | code | name | meaning | whose affair |
//! |---|---|---|---|
//! | 0 | [`PASSED`] | the scenario held, or it does not apply here (skipped) | |
//! | 1 | [`FAILED`] | the scenario did not hold | the scheduler under test, the kernel |
//! | 2 | [`INCONCLUSIVE`] | it could not be decided | the scenario's author |
//! | 3 | [`REFUSED`] | wrong usage, bad input, or something that is not granted; nothing was run | the operator |
//! | 4 | [`COULD_NOT_RUN`] | the machine, the guest or the runtime failed | the machine |
//! | 70 | [`INTERNAL`] | a bug in this program (`EX_SOFTWARE` of sysexits) | ours, please report |
//! | 130 | [`INTERRUPTED`] | ended by Ctrl-C before there was a verdict (128 + SIGINT) | |

use crate::event::RunOutcome;

/// The scenario held, or it does not apply here.
pub const PASSED: u8 = 0;
/// The scenario did not hold.
pub const FAILED: u8 = 1;
/// It could not be decided.
pub const INCONCLUSIVE: u8 = 2;
/// Wrong usage, bad input, or something that is not granted.
pub const REFUSED: u8 = 3;
/// The machine, the guest or the runtime failed, not the scenario.
pub const COULD_NOT_RUN: u8 = 4;
/// A bug in this program.
pub const INTERNAL: u8 = 70;
/// Ended by the user before there was a verdict.
pub const INTERRUPTED: u8 = 130;

/// The exit code of a run that ended so.
#[must_use]
pub fn of(outcome: RunOutcome) -> u8 {
    match outcome {
        RunOutcome::Passed | RunOutcome::Skipped => PASSED,
        RunOutcome::Failed => FAILED,
        RunOutcome::Inconclusive => INCONCLUSIVE,
        RunOutcome::Refused => REFUSED,
        RunOutcome::CouldNotRun => COULD_NOT_RUN,
        RunOutcome::Interrupted => INTERRUPTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_passed_and_skipped_exit_with_zero() {
        for outcome in RunOutcome::ALL {
            let good = matches!(outcome, RunOutcome::Passed | RunOutcome::Skipped);
            assert_eq!(of(outcome) == 0, good, "{outcome:?}");
        }
    }
}
