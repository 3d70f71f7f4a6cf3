//! What a scenario says about itself before it runs.

use std::time::Duration;

pub use crate::bindings::exports::proscenium::scenario::scenario::{Manifest, Needs, Parameter};
use crate::request::Request;
use crate::time::to_nanos;

impl Manifest {
    /// Needs one CPU, has no parameters, lasts 2 s unless the operator says
    /// otherwise, and asks for what [`crate::request`] says.
    ///
    /// `name`: lower-case letters, digits and dashes, 1 to 64 bytes. `version`
    /// is usually `env!("CARGO_PKG_VERSION")`. `summary` is one line.
    ///
    /// ```
    /// use proscenium_sdk::Manifest;
    /// use std::time::Duration;
    ///
    /// let manifest = Manifest::new("steady", "0.1.0", "Two equal loads on two halves")
    ///     .parameter("workers", "1", "workers in each cgroup")
    ///     .min_cpus(2)
    ///     .default_duration(Duration::from_secs(4));
    /// assert_eq!(manifest.needs.min_cpus, 2);
    /// assert_eq!(manifest.default_duration, 4_000_000_000);
    /// ```
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        summary: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            summary: summary.into(),
            parameters: Vec::new(),
            needs: Needs {
                min_cpus: 1,
                min_llcs: 1,
                min_nodes: 1,
                smt: false,
                scheduler: false,
                min_kernel: None,
            },
            default_duration: to_nanos(Duration::from_secs(2)),
            request: Request::default(),
        }
    }

    /// A knob that always has a value: `--param NAME=VALUE` or the default.
    #[must_use]
    pub fn parameter(
        mut self,
        name: impl Into<String>,
        default: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        self.parameters.push(Parameter {
            name: name.into(),
            default: Some(default.into()),
            help: help.into(),
        });
        self
    }

    /// A knob that has a value only where the operator gives one; read it with
    /// [`Context::optional_param`](crate::Context::optional_param).
    ///
    /// ```
    /// let manifest = proscenium_sdk::Manifest::new("a", "0.1.0", "s").optional_parameter("seed", "s");
    /// assert_eq!(manifest.parameters[0].default, None);
    /// ```
    #[must_use]
    pub fn optional_parameter(mut self, name: impl Into<String>, help: impl Into<String>) -> Self {
        self.parameters.push(Parameter {
            name: name.into(),
            default: None,
            help: help.into(),
        });
        self
    }

    /// At least so many CPUs online. Fewer is a skip.
    #[must_use]
    pub fn min_cpus(mut self, count: u32) -> Self {
        self.needs.min_cpus = count;
        self
    }

    /// At least so many last-level caches.
    #[must_use]
    pub fn min_llcs(mut self, count: u32) -> Self {
        self.needs.min_llcs = count;
        self
    }

    /// At least so many NUMA nodes.
    #[must_use]
    pub fn min_nodes(mut self, count: u32) -> Self {
        self.needs.min_nodes = count;
        self
    }

    /// A core with two hardware threads.
    #[must_use]
    pub fn needs_smt(mut self) -> Self {
        self.needs.smt = true;
        self
    }

    /// A scheduler under test: the scenario says nothing about the kernel's own.
    #[must_use]
    pub fn needs_scheduler(mut self) -> Self {
        self.needs.scheduler = true;
        self
    }

    /// A kernel of this version or newer, such as `6.12`.
    #[must_use]
    pub fn min_kernel(mut self, version: impl Into<String>) -> Self {
        self.needs.min_kernel = Some(version.into());
        self
    }

    /// How long it lasts where the operator does not say: 1 ms to 24 h.
    #[must_use]
    pub fn default_duration(mut self, duration: Duration) -> Self {
        self.default_duration = to_nanos(duration);
        self
    }
}
