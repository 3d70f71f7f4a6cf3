//! Programs that the operator declared, started by name. Capability: `payloads`.
//!
//! Payloads can be part of a plan without it: see
//! [`ops::run_payload`](crate::ops::run_payload) and
//! [`CgroupDef::payload`](crate::CgroupDef::payload). What is here gives their
//! figures to the scenario, which can decide on them.
//!
//! ```no_run
//! use proscenium_sdk::prelude::*;
//! use proscenium_sdk::payloads::Payload;
//!
//! fn messages_per_second() -> Result<Option<f64>, Error> {
//!     let hackbench = Payload::run("hackbench", ["-l", "100"], Some("load"))?;
//!     let report = hackbench.wait(Some(Duration::from_secs(10)))?;
//!     Ok(report.metric("time").map(|seconds| 100.0 / seconds))
//! }
//! ```

use std::time::Duration;

use crate::bindings::proscenium::scenario::payloads;
pub use crate::bindings::proscenium::scenario::payloads::{CheckResult, Exit, Metric};
use crate::error::Error;
use crate::time::{from_nanos, to_nanos};
use crate::types::{PayloadRef, PayloadRun};

/// Names of the declared payloads that can run in a scenario.
#[must_use]
pub fn declared() -> Vec<String> {
    payloads::declared()
}

/// A handle to one payload that runs. It belongs to the step that it was
/// started in, and ends with it; dropping the handle changes nothing.
#[derive(Debug)]
pub struct Payload(payloads::Payload);

/// What became of a payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How it ended.
    pub exit: Exit,
    /// It ran until it was ended by the runtime.
    pub killed: bool,
    /// How long it ran.
    pub elapsed: Duration,
    /// Figures that it printed.
    pub metrics: Vec<Metric>,
    /// What came of the operator's checks.
    pub checks: Vec<CheckResult>,
}

/// Every method fails with `not-found` once the payload was waited for, killed,
/// or ended with its step.
impl Payload {
    /// Starts a declared payload, in a cgroup or beside the runtime. Fails with
    /// `not-found` if it is not declared, with `already-exists` if it runs in
    /// that cgroup already, and with `invalid` for flags that the operator did
    /// not allow.
    pub fn run<A: Into<String>>(
        name: &str,
        args: impl IntoIterator<Item = A>,
        cgroup: Option<&str>,
    ) -> Result<Self, Error> {
        payloads::Payload::run(&PayloadRun {
            payload: name.to_owned(),
            args: args.into_iter().map(Into::into).collect(),
            cgroup: cgroup.map(str::to_owned),
        })
        .map(Self)
    }

    /// One that runs, however it was started. Without a cgroup it must be the
    /// only one of its name.
    pub fn open(name: &str, cgroup: Option<&str>) -> Result<Self, Error> {
        payloads::Payload::open(&PayloadRef {
            payload: name.to_owned(),
            cgroup: cgroup.map(str::to_owned),
        })
        .map(Self)
    }

    /// Waits until it ends by itself, at most this long and at most to the
    /// scenario's end. Fails with `timed-out` after that; it still runs then.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Report, Error> {
        self.0.wait(timeout.map(to_nanos)).map(Report::from)
    }

    /// Kills it.
    pub fn kill(&self) -> Result<Report, Error> {
        self.0.kill().map(Report::from)
    }
}

impl Report {
    /// Whether it ended by itself with code 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        matches!(self.exit, Exit::Code(0))
    }

    /// One figure by its name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        let metric = self.metrics.iter().find(|metric| metric.name == name);
        metric.map(|metric| metric.value)
    }
}

impl From<payloads::Report> for Report {
    fn from(report: payloads::Report) -> Self {
        Self {
            exit: report.exit,
            killed: report.killed,
            elapsed: from_nanos(report.elapsed),
            metrics: report.metrics,
            checks: report.checks,
        }
    }
}
