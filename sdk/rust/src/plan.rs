//! A whole scenario as data: backdrop and steps. Capability: `stage`.
//!
//! Building is pure; [`Plan::execute`] hands it over. What must decide on what
//! it sees goes [`live`](crate::live) instead; both are one executor.

use std::time::Duration;

use crate::bindings::proscenium::scenario::ops::Op;
use crate::bindings::proscenium::scenario::stage;
pub use crate::bindings::proscenium::scenario::stage::Backdrop;
pub use crate::bindings::proscenium::scenario::stage::StepPlan as Step;
use crate::cgroup_def::CgroupDef;
use crate::error::Error;
use crate::time::to_nanos;
pub use crate::types::HoldSpec;
use crate::types::PayloadRun;

/// A backdrop, which lasts for the scenario, and steps, which follow each other.
///
/// ```
/// use proscenium_sdk::prelude::*;
///
/// let plan = Plan::new()
///     .backdrop(Backdrop::new().cgroup(CgroupDef::new("load").workers(2)))
///     .step(Step::new("wide").hold_fraction(0.5))
///     .step(Step::new("narrow").op(ops::set_cpuset("load", disjoint(0, 2))));
/// assert_eq!(plan.steps().len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    backdrop: Backdrop,
    steps: Vec<Step>,
}

impl Plan {
    /// An empty backdrop, no steps.
    #[must_use]
    pub fn new() -> Self {
        Self {
            backdrop: Backdrop::new(),
            steps: Vec::new(),
        }
    }

    /// What lasts for the whole scenario. The last call counts.
    #[must_use]
    pub fn backdrop(mut self, backdrop: Backdrop) -> Self {
        self.backdrop = backdrop;
        self
    }

    /// Appends a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The steps so far, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Hands the plan over and returns when it has run.
    ///
    /// # Errors
    ///
    /// What can be known beforehand (holds, names and their lifetimes,
    /// controllers, the grant) is an error, and nothing has been done. A step
    /// that fails later is no error here: it fails the run's verdict.
    pub fn execute(&self) -> Result<(), Error> {
        stage::execute(&self.backdrop, &self.steps)
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self::new()
    }
}

impl Backdrop {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            cgroups: Vec::new(),
            ops: Vec::new(),
            payloads: Vec::new(),
        }
    }

    /// Appends a cgroup.
    #[must_use]
    pub fn cgroup(mut self, def: CgroupDef) -> Self {
        self.cgroups.push(def.into());
        self
    }

    /// Appends an operation; they come after the cgroups.
    #[must_use]
    pub fn op(mut self, op: Op) -> Self {
        self.ops.push(op);
        self
    }

    /// Appends a payload beside the runtime; they come last.
    #[must_use]
    pub fn payload<A: Into<String>>(
        mut self,
        name: impl Into<String>,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        self.payloads.push(PayloadRun {
            payload: name.into(),
            args,
            cgroup: None,
        });
        self
    }
}

impl Default for Backdrop {
    fn default() -> Self {
        Self::new()
    }
}

impl Step {
    /// A step that does nothing and holds for what is left of the scenario.
    #[must_use]
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: Some(label.into()),
            setup: Vec::new(),
            ops: Vec::new(),
            hold: HoldSpec::FULL,
        }
    }

    /// Appends a cgroup that lives as long as the step. Cgroups come after the
    /// operations; with [`repeat`](Self::repeat) before them, once.
    #[must_use]
    pub fn cgroup(mut self, def: CgroupDef) -> Self {
        self.setup.push(def.into());
        self
    }

    /// Appends an operation.
    #[must_use]
    pub fn op(mut self, op: Op) -> Self {
        self.ops.push(op);
        self
    }

    /// Holds for this long; clipped to what is left of the scenario.
    #[must_use]
    pub fn hold(mut self, time: Duration) -> Self {
        self.hold = time.into();
        self
    }

    /// Holds for this share of the scenario's whole duration: above 0, at most 1.
    #[must_use]
    pub fn hold_fraction(mut self, fraction: f64) -> Self {
        self.hold = HoldSpec::Fraction(fraction);
        self
    }

    /// To the scenario's end, running the operations at this interval.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let churn = Step::new("churn")
    ///     .cgroup(CgroupDef::new("a").cpuset(disjoint(0, 2)))
    ///     .cgroup(CgroupDef::new("b").cpuset(disjoint(1, 2)))
    ///     .op(ops::swap_cpusets("a", "b"))
    ///     .repeat(Duration::from_millis(200));
    /// ```
    #[must_use]
    pub fn repeat(mut self, interval: Duration) -> Self {
        self.hold = HoldSpec::Repeat(to_nanos(interval));
        self
    }
}

impl HoldSpec {
    /// For what is left of the scenario.
    pub const FULL: Self = Self::Fraction(1.0);
}

impl From<Duration> for HoldSpec {
    fn from(time: Duration) -> Self {
        Self::Fixed(to_nanos(time))
    }
}
