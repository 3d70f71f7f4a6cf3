//! A live step: begins, changes things, holds, ends. Capability: `stage`.

use std::time::Duration;

use crate::bindings::proscenium::scenario::ops::Op;
use crate::bindings::proscenium::scenario::stage;
use crate::cgroup_def::CgroupDef;
use crate::error::{Error, ErrorCode};
use crate::plan::Backdrop;
use crate::scheduler::Death;
use crate::time::from_nanos;
use crate::types::{CgroupDef as RawCgroupDef, HoldSpec};

/// Sets up what lasts for the whole scenario: at most once, before the first step.
///
/// # Errors
///
/// What the grant, the kernel or the names forbid; `already-exists` the second time.
pub fn set_backdrop(backdrop: &Backdrop) -> Result<(), Error> {
    stage::set_backdrop(backdrop)
}

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It lasted this long.
    Elapsed(Duration),
    /// The scheduler under test went away.
    SchedulerDied(Death),
}

/// One bounded phase; one at a time. What it made is torn down when it is
/// finished or dropped, so `?` is always safe.
#[derive(Debug)]
#[must_use = "a step that is dropped is over"]
pub struct Step(stage::Step);

impl Step {
    /// Begins a step under this label.
    ///
    /// # Errors
    ///
    /// If a step is running.
    pub fn begin(label: &str) -> Result<Self, Error> {
        stage::Step::begin(Some(label)).map(Self)
    }

    /// Carries out operations in order.
    ///
    /// # Errors
    ///
    /// The first that fails; those before it are done.
    pub fn apply(&self, ops: impl IntoIterator<Item = Op>) -> Result<(), Error> {
        let ops: Vec<Op> = ops.into_iter().collect();
        self.0.apply(&ops)
    }

    /// Creates cgroups that live as long as the step.
    ///
    /// # Errors
    ///
    /// The first that fails.
    pub fn setup(&self, defs: impl IntoIterator<Item = CgroupDef>) -> Result<(), Error> {
        let defs: Vec<RawCgroupDef> = defs.into_iter().map(Into::into).collect();
        self.0.setup(&defs)
    }

    /// Lets the load run for this long, or what is left of the scenario; says
    /// how long it really was.
    ///
    /// # Errors
    ///
    /// `scheduler-died` if the scheduler under test went away meanwhile, so
    /// that `?` ends the scenario, and whatever the host refuses.
    pub fn hold(&self, time: Duration) -> Result<Duration, Error> {
        self.hold_spec(time.into())
    }

    /// As [`hold`](Self::hold), for a share of the scenario's whole duration:
    /// above 0, at most 1.
    ///
    /// # Errors
    ///
    /// As [`hold`](Self::hold); `invalid` for other shares.
    pub fn hold_fraction(&self, fraction: f64) -> Result<Duration, Error> {
        self.hold_spec(HoldSpec::Fraction(fraction))
    }

    /// As [`hold`](Self::hold), for a scenario that has something left to say
    /// when the scheduler under test goes away. Figures can still be read then,
    /// nothing can be started any more, and the run fails whatever the scenario
    /// returns.
    ///
    /// # Errors
    ///
    /// Whatever the host refuses.
    ///
    /// ```no_run
    /// use proscenium_sdk::prelude::*;
    /// use proscenium_sdk::live::Held;
    ///
    /// fn until_it_breaks(step: &live::Step) -> Result<Duration, Error> {
    ///     match step.hold_or_death(Duration::from_secs(5))? {
    ///         Held::Elapsed(time) => Ok(time),
    ///         Held::SchedulerDied(death) => {
    ///             checks::note(format!("it {death} after {} iterations", step.iterations()));
    ///             Ok(Duration::ZERO)
    ///         }
    ///     }
    /// }
    /// ```
    pub fn hold_or_death(&self, time: Duration) -> Result<Held, Error> {
        self.held(time.into())
    }

    fn held(&self, spec: HoldSpec) -> Result<Held, Error> {
        Ok(match self.0.hold(spec)? {
            stage::HoldOutcome::Elapsed(nanos) => Held::Elapsed(from_nanos(nanos)),
            stage::HoldOutcome::SchedulerDied(exit) => Held::SchedulerDied(exit.into()),
        })
    }

    fn hold_spec(&self, spec: HoldSpec) -> Result<Duration, Error> {
        match self.held(spec)? {
            Held::Elapsed(time) => Ok(time),
            Held::SchedulerDied(death) => {
                let message = format!("the scheduler under test {death} during the hold");
                Err(Error::new(ErrorCode::SchedulerDied, message))
            }
        }
    }

    /// Live iteration count of all workers of this step and the backdrop.
    #[must_use]
    pub fn iterations(&self) -> u64 {
        self.0.iterations()
    }

    /// Stops, collects and removes what the step made.
    ///
    /// # Errors
    ///
    /// What could not be torn down.
    pub fn finish(self) -> Result<(), Error> {
        stage::Step::finish(self.0)
    }
}
