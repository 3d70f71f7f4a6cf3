//! What the pre-flight takes down on its way: errors with their place, and
//! remarks. It ends nothing: the walk goes on.

use proscenium_wire::{Finding, Severity};

use super::findings::{Lint, MAX_FINDINGS};
use super::preflight::Walk;
use super::{Error, Result};
use crate::bindings::types::ErrorCode;

impl Walk<'_> {
    /// Takes an error down; the walk goes on.
    pub(super) fn note<T>(&mut self, done: Result<T>) -> Option<T> {
        let error = match done {
            Ok(done) => return Some(done),
            Err(error) if self.round > 1 => error.context("the second time round"),
            Err(error) => error,
        };
        self.errors += 1;
        if let Error::Refused(refusal) = &error {
            let finding = self.place.refusal(Severity::Error, refusal);
            self.find(finding);
        }
        let denied = error.code() == Some(ErrorCode::Denied);
        if self.first.is_none() || denied && self.first_denied.is_none() {
            let error = match &self.place.op {
                Some(op) => error.context(format!("op {}", op.index)),
                None => error,
            };
            let error = match &self.place.step {
                Some((index, _)) => error.context(format!("step {index}")),
                None => error.context("backdrop"),
            };
            if denied {
                self.first_denied.get_or_insert_with(|| error.clone());
            }
            self.first.get_or_insert(error);
        }
        None
    }

    pub(super) fn lint(&mut self, lint: Lint) {
        let finding = self.place.lint(lint);
        self.find(finding);
    }

    /// The stage tells no more than so many, whatever comes.
    fn find(&mut self, finding: Finding) {
        if self.found.len() < MAX_FINDINGS {
            self.found.push(finding);
        } else {
            self.left_out += 1;
        }
    }
}
