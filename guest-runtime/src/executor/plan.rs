//! A whole plan in one call (section 4 of the semantics): checked before
//! anything is done, then backdrop, steps and finish.

use std::time::Duration;

use proscenium_wire::{DetailKind, Outcome};

use super::stage::Stage;
use super::{Error, Result, hold, preflight, requirements};
use crate::bindings::stage::{Backdrop, StepPlan};
use crate::bindings::types::HoldSpec;
use crate::verdict::PhaseLabel;

impl Stage {
    /// Runs a scenario from beginning to end.
    ///
    /// A step that fails is recorded as a failing detail, ends the scenario
    /// early and is no error here: the verdict has it. So it is with the death
    /// of the scheduler under test.
    ///
    /// # Errors
    /// Everything that can be known beforehand; nothing has been done then.
    /// Afterwards only `cancelled` and faults of the environment.
    pub fn execute(&mut self, backdrop: &Backdrop, steps: &[StepPlan]) -> Result<()> {
        self.proceed()?;
        self.look()?;
        if self.backdrop_set || self.steps_begun > 0 {
            return self.noted(Err(Error::invalid(
                "execute runs a whole scenario: it cannot follow set-backdrop or another step",
            )));
        }
        preflight::check(self, backdrop, steps)?;
        self.enable(requirements::of_plan(backdrop, steps))?;
        self.start();
        self.planned_steps = Some(u32::try_from(steps.len()).unwrap_or(u32::MAX));
        let done = self.run_plan(backdrop, steps);
        if matches!(done, Ok(Done::Failed { .. })) {
            // Before anything is reaped, see `liveness`.
            self.look_last();
        }
        if let Some(step) = self.step.take() {
            self.end_step(step, false);
        }
        match done {
            Ok(Done::Finished) => {
                self.end_scenario(true, false);
                Ok(())
            }
            Ok(Done::Died) => {
                self.end_scenario(false, false);
                Ok(())
            }
            Ok(Done::Failed { what, error, index }) => {
                self.end_scenario(false, true);
                // Recorded after the teardown, with the label of its own phase.
                self.refused(&error);
                self.fail_plan(index, format!("{what}: {error}"));
                Ok(())
            }
            Err(error) => {
                self.end_scenario(false, false);
                Err(error)
            }
        }
    }

    fn run_plan(&mut self, backdrop: &Backdrop, steps: &[StepPlan]) -> Result<Done> {
        if let Err(error) = self.set_backdrop(backdrop) {
            self.drain_all();
            return self.unfinished("backdrop setup failed".to_owned(), None, error);
        }
        for (index, plan) in steps.iter().enumerate() {
            if let Err(error) = self.run_step(plan) {
                // All of them, before anything else is torn down.
                self.drain_all();
                return self.unfinished(format!("step {index} failed"), Some(index), error);
            }
        }
        Ok(Done::Finished)
    }

    /// What the error means that ended a plan early.
    fn unfinished(&self, what: String, index: Option<usize>, error: Error) -> Result<Done> {
        match error {
            cancelled if self.cancelled.is_some() => Err(self.proceed().err().unwrap_or(cancelled)),
            death if self.death_of(&death).is_some() => Ok(Done::Died),
            error @ Error::Refused(_) => Ok(Done::Failed { what, index, error }),
            fault @ Error::Fault(_) => Err(fault),
        }
    }

    fn run_step(&mut self, plan: &StepPlan) -> Result<()> {
        let wanted = hold::duration(&plan.hold, self.settings.duration)?;
        let step = self.begin_step(plan.label.as_deref(), wanted)?;
        self.active(step)?.declare(&plan.ops);
        if let HoldSpec::Repeat(interval) = plan.hold {
            self.setup(step, &plan.setup)?;
            self.announce();
            self.repeat(&plan.ops, Duration::from_nanos(interval))?;
        } else {
            self.apply_ops(&plan.ops)?;
            self.setup(step, &plan.setup)?;
            self.announce();
            self.hold_for(wanted.unwrap_or_default())?;
        }
        self.finish(step)
    }

    fn fail_plan(&mut self, index: Option<usize>, message: String) {
        let phase = index.map_or(PhaseLabel::None, |index| {
            PhaseLabel::Step(u32::try_from(index).unwrap_or(u32::MAX))
        });
        self.record_in(phase, DetailKind::Other, Outcome::Fail, message);
    }
}

/// How the steps of a plan went.
enum Done {
    Finished,
    /// The scheduler under test is gone.
    Died,
    Failed {
        what: String,
        index: Option<usize>,
        error: Error,
    },
}
