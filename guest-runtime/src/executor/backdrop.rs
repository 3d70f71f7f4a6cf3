//! What lasts for the whole scenario.

use super::payload_rules::{Origin, check_backdrop};
use super::stage::Stage;
use super::{Error, Result};
use crate::bindings::stage::Backdrop;

impl Stage {
    /// Sets the backdrop up: definitions, then ops, then payloads.
    ///
    /// # Errors
    /// `invalid` the second time or once a step has begun; whatever its parts
    /// answer. What was made before the error stays until the scenario ends.
    pub fn set_backdrop(&mut self, backdrop: &Backdrop) -> Result<()> {
        let done = self.set_up_backdrop(backdrop);
        self.noted(done)
    }

    fn set_up_backdrop(&mut self, backdrop: &Backdrop) -> Result<()> {
        self.proceed()?;
        if self.backdrop_set || self.steps_begun > 0 {
            return Err(Error::invalid(
                "the backdrop is set once, before the first step: put later things into steps",
            ));
        }
        backdrop.ops.iter().try_for_each(|op| self.admit_op(op))?;
        check_backdrop(&self.settings.payloads, backdrop)?;
        self.check_op_count(backdrop.ops.len())?;
        self.start();
        self.backdrop_set = true;
        self.apply_defs(&backdrop.cgroups)?;
        self.apply_ops(&backdrop.ops)?;
        for run in &backdrop.payloads {
            self.run_payload(run, Origin::Backdrop)?;
        }
        Ok(())
    }
}
