//! What is judged, by the runtime and by the plugin. Capability: `checks`.
//!
//! Nothing is asserted unless somebody asks: the operator, a threshold here,
//! or [`check`].

use std::time::Duration;

use crate::bindings::proscenium::scenario::checks;
pub use crate::bindings::proscenium::scenario::checks::Thresholds;
use crate::time::{from_nanos, to_nanos};

/// Fails the run with `message` unless `holds`, and goes on. Says whether it held.
///
/// ```no_run
/// use proscenium_sdk::prelude::*;
/// let (used, cap) = (0.9, 0.5);
/// check(used <= cap, || format!("{used} CPUs used, {cap} allowed"));
/// ```
pub fn check(holds: bool, message: impl FnOnce() -> String) -> bool {
    if !holds {
        checks::fail(&message());
    }
    holds
}

/// Fails the run with `message`, and goes on.
pub fn fail(message: impl AsRef<str>) {
    checks::fail(message.as_ref());
}

/// A remark for the report.
pub fn note(message: impl AsRef<str>) {
    checks::note(message.as_ref());
}

/// Has the workers that are collected from now on judged by these.
///
/// ```no_run
/// use proscenium_sdk::prelude::*;
/// checks::set(Thresholds::new().not_starved().max_gap(Duration::from_millis(500)));
/// ```
pub fn set(thresholds: Thresholds) {
    checks::set(thresholds);
}

impl Thresholds {
    /// None: what the operator configured stays.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            not_starved: None,
            isolation: None,
            max_gap: None,
            max_spread_percent: None,
            max_throughput_cv: None,
            min_work_rate: None,
            max_p99_wake_latency: None,
            max_wake_latency_cv: None,
            min_iteration_rate: None,
            max_migration_ratio: None,
            min_page_locality: None,
            max_cross_node_migration_ratio: None,
            max_slow_tier_ratio: None,
        }
    }

    /// Every worker makes progress, none goes without CPU time for 2 s, and a
    /// cgroup's workers get like shares (within 15 percent points).
    #[must_use]
    pub const fn not_starved(mut self) -> Self {
        self.not_starved = Some(true);
        self
    }

    /// No worker is seen on a CPU outside its cpuset.
    #[must_use]
    pub const fn isolation(mut self) -> Self {
        self.isolation = Some(true);
        self
    }

    /// The longest stretch a worker may go without CPU time.
    #[must_use]
    pub fn max_gap(mut self, gap: Duration) -> Self {
        self.max_gap = Some(to_nanos(gap));
        self
    }

    /// How far the off-CPU shares of a cgroup's workers may lie apart.
    #[must_use]
    pub const fn max_spread_percent(mut self, percent: f64) -> Self {
        self.max_spread_percent = Some(percent);
        self
    }

    /// Coefficient of variation over workers of work units per CPU second.
    #[must_use]
    pub const fn max_throughput_cv(mut self, cv: f64) -> Self {
        self.max_throughput_cv = Some(cv);
        self
    }

    /// Work units per CPU second, at least.
    #[must_use]
    pub const fn min_work_rate(mut self, rate: f64) -> Self {
        self.min_work_rate = Some(rate);
        self
    }

    /// The 99th percentile of the wake-up latency, at most.
    #[must_use]
    pub fn max_p99_wake_latency(mut self, latency: Duration) -> Self {
        self.max_p99_wake_latency = Some(to_nanos(latency));
        self
    }

    /// Coefficient of variation of the wake-up latency, at most.
    #[must_use]
    pub const fn max_wake_latency_cv(mut self, cv: f64) -> Self {
        self.max_wake_latency_cv = Some(cv);
        self
    }

    /// Iterations per CPU second, at least.
    #[must_use]
    pub const fn min_iteration_rate(mut self, rate: f64) -> Self {
        self.min_iteration_rate = Some(rate);
        self
    }

    /// Migrations per iteration, at most.
    #[must_use]
    pub const fn max_migration_ratio(mut self, ratio: f64) -> Self {
        self.max_migration_ratio = Some(ratio);
        self
    }

    /// Share of the pages that work looks at on the nodes of the cpuset's CPUs,
    /// 0 to 1, at least. No pages at all fail; without a cpuset nothing is judged.
    #[must_use]
    pub const fn min_page_locality(mut self, share: f64) -> Self {
        self.min_page_locality = Some(share);
        self
    }

    /// Pages that a worker moved to another node per page that it has, at most.
    #[must_use]
    pub const fn max_cross_node_migration_ratio(mut self, ratio: f64) -> Self {
        self.max_cross_node_migration_ratio = Some(ratio);
        self
    }

    /// Share of the pages on nodes without CPUs, 0 to 1, at most.
    #[must_use]
    pub const fn max_slow_tier_ratio(mut self, share: f64) -> Self {
        self.max_slow_tier_ratio = Some(share);
        self
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::new()
    }
}

/// What the workers of one group did in one step.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerStats {
    /// Step number from 1; 0 before the first step.
    pub phase: u32,
    /// Name of their cgroup.
    pub cgroup: String,
    /// How many they are.
    pub workers: u32,
    /// Iterations of all of them.
    pub iterations: u64,
    /// CPU time of all of them.
    pub cpu_time: Duration,
    /// How far their off-CPU shares lie apart, in percent points.
    pub spread_percent: Option<f64>,
    /// The longest stretch that one went without CPU time.
    pub worst_gap: Duration,
    /// Changes of CPU seen.
    pub migrations: u64,
    /// 99th percentile, where the work type waits for wake-ups.
    pub p99_wake_latency: Option<Duration>,
    /// Median lateness of timers, where the work type has them.
    pub median_timer_latency: Option<Duration>,
    /// 99th percentile of the lateness of timers, likewise.
    pub p99_timer_latency: Option<Duration>,
    /// Median cost of a piece of work, where the work type measures it.
    pub median_cost: Option<Duration>,
    /// 99th percentile of that cost, likewise.
    pub p99_cost: Option<Duration>,
    /// Mean time runnable but waiting for a CPU; none of workers that outlive
    /// the step.
    pub mean_run_delay: Option<Duration>,
    /// The same of the worker for which it is longest.
    pub worst_run_delay: Option<Duration>,
    /// Share of pages on the nodes of the cpuset's CPUs, 0 to 1.
    pub page_locality: Option<f64>,
    /// Pages that a worker moved per page that it has, of the worst worker.
    pub cross_node_migration_ratio: Option<f64>,
    /// Share of pages on nodes without CPUs, 0 to 1.
    pub slow_tier_ratio: Option<f64>,
}

/// Statistics of the steps that are over.
#[must_use]
pub fn collected() -> Vec<WorkerStats> {
    checks::collected()
        .into_iter()
        .map(WorkerStats::from)
        .collect()
}

impl From<checks::WorkerStats> for WorkerStats {
    fn from(raw: checks::WorkerStats) -> Self {
        Self {
            phase: raw.phase,
            cgroup: raw.cgroup,
            workers: raw.workers,
            iterations: raw.iterations,
            cpu_time: from_nanos(raw.cpu_time),
            spread_percent: raw.spread_percent,
            worst_gap: from_nanos(raw.worst_gap),
            migrations: raw.migrations,
            p99_wake_latency: raw.p99_wake_latency.map(from_nanos),
            median_timer_latency: raw.median_timer_latency.map(from_nanos),
            p99_timer_latency: raw.p99_timer_latency.map(from_nanos),
            median_cost: raw.median_cost.map(from_nanos),
            p99_cost: raw.p99_cost.map(from_nanos),
            mean_run_delay: raw.mean_run_delay.map(from_nanos),
            worst_run_delay: raw.worst_run_delay.map(from_nanos),
            page_locality: raw.page_locality,
            cross_node_migration_ratio: raw.cross_node_migration_ratio,
            slow_tier_ratio: raw.slow_tier_ratio,
        }
    }
}
