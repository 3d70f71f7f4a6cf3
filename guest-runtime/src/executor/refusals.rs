//! What was refused for a grant or a limit: counted, and on record once each.
//!
//! Owns the record of refusals and its bound. What is refused is decided where
//! it is checked.

use proscenium_wire::{Budget, DetailKind, Outcome};

use super::stage::Stage;
use super::{Error, Result};
use crate::bindings::types::ErrorCode;

/// Most denials that are told apart; beyond, only their number is.
const MAX_DENIALS: usize = 32;

/// What is on record.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    denied: Vec<String>,
    used_up: Vec<Budget>,
}

impl Stage {
    /// Takes down that a call was refused, if it was for a grant or a limit.
    pub(super) fn refused(&mut self, error: &Error) {
        let Error::Refused(refusal) = error else {
            return;
        };
        match refusal.code {
            ErrorCode::Denied => {
                self.mediation.denied += 1;
                self.denied(error.to_string());
            }
            ErrorCode::LimitExceeded => {
                self.mediation.denied += 1;
                if let Some(budget) = refusal.budget {
                    self.used_up(budget, error.to_string());
                }
            }
            _ => {}
        }
    }

    fn denied(&mut self, message: String) {
        let known = &mut self.refusals.denied;
        if known.len() >= MAX_DENIALS || known.contains(&message) {
            return;
        }
        known.push(message.clone());
        let outcome = if self.permits.denial_fails() {
            self.tally.assert();
            Outcome::Fail
        } else {
            Outcome::Skip
        };
        self.record(DetailKind::Denied, outcome, message);
    }

    /// Records once that a budget is used up. By itself that changes nothing:
    /// the plugin was told, or what it said was left out.
    pub fn used_up(&mut self, budget: Budget, message: String) {
        if !self.refusals.used_up.contains(&budget) {
            self.refusals.used_up.push(budget);
            self.record(budget.kind(), Outcome::Skip, message);
        }
    }

    /// Refuses to go on where that would tell the host ever more.
    pub(super) fn frames_left(&self) -> Result<()> {
        let most = self.settings.limits.frames;
        if self.sink.frames() <= most {
            return Ok(());
        }
        Err(Error::limit(
            Budget::Frames,
            format!("no more frames: this run allows {most}"),
        ))
    }

    /// What of the calls and frames of the component is used up, if anything.
    #[must_use]
    pub fn flooded(&self) -> Option<Budget> {
        let limits = &self.settings.limits;
        if self.mediation.host_calls > limits.host_calls {
            return Some(Budget::HostCalls);
        }
        (self.sink.frames() > limits.frames).then_some(Budget::Frames)
    }
}
