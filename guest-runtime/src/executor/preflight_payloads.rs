//! Payloads that would be alive at a point of a plan.

use super::payload_rules::{Identity, Origin, choose, identify};
use super::{Error, Result};
use crate::bindings::types::{PayloadRef, PayloadRun};

/// In the order in which the stage looks for them.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    pub(super) step: Vec<Identity>,
    backdrop: Vec<Identity>,
}

impl Payloads {
    fn alive(&self) -> impl Iterator<Item = &Identity> {
        self.step.iter().chain(&self.backdrop)
    }

    /// One is started, in a step or in the backdrop.
    pub(super) fn add(&mut self, run: &PayloadRun, origin: Origin, in_step: bool) -> Result<()> {
        let identity = identify(self.alive(), run, origin)?;
        if in_step {
            self.step.push(identity);
        } else {
            self.backdrop.push(identity);
        }
        Ok(())
    }

    /// One is waited for or killed.
    pub(super) fn take(&mut self, which: &PayloadRef) -> Result<()> {
        let index = choose(self.alive(), which)?;
        let in_backdrop = index.checked_sub(self.step.len());
        let (list, index) = match in_backdrop {
            Some(index) => (&mut self.backdrop, index),
            None => (&mut self.step, index),
        };
        if index >= list.len() {
            return Err(Error::not_found(&which.payload));
        }
        list.remove(index);
        Ok(())
    }

    /// All in one cgroup end.
    pub(super) fn drain(&mut self, cgroup: &str) {
        for list in [&mut self.step, &mut self.backdrop] {
            list.retain(|one| one.cgroup != cgroup);
        }
    }
}
