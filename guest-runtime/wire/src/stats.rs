//! Figures about phases and the workers in them.

use serde::{Deserialize, Serialize};

/// What the kernel's own accounting (`cpu.stat`) says of a cgroup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuTime {
    /// `usage_usec`, in microseconds.
    pub usage_us: u64,
    /// `user_usec`.
    pub user_us: u64,
    /// `system_usec`.
    pub system_us: u64,
    /// `nr_periods`; 0 without the cpu controller.
    pub nr_periods: u64,
    /// `nr_throttled`.
    pub nr_throttled: u64,
    /// `throttled_usec`.
    pub throttled_us: u64,
}

/// What the workers of one handle did in one phase. Absent figures were not
/// measured, which is not the same as zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CgroupStats {
    /// Phase number; 0 is the baseline.
    pub phase: u16,
    /// Name of the cgroup; empty for workers beside the runtime.
    pub cgroup: String,
    /// Work type.
    pub work: String,
    /// Workers.
    pub workers: u32,
    /// Workers that gave a complete report.
    pub completed: u32,
    /// CPUs on which they were seen, ascending.
    pub cpus: Vec<u32>,
    /// Work units of all workers.
    pub work_units: u64,
    /// Iterations of all workers.
    pub iterations: u64,
    /// CPU time of all workers, in nanoseconds.
    pub cpu_time_ns: u64,
    /// Longest wall time of a worker, in nanoseconds.
    pub wall_time_ns: u64,
    /// Least share of wall time off CPU, percent.
    pub off_cpu_min_percent: Option<f64>,
    /// Mean share of wall time off CPU, percent.
    pub off_cpu_avg_percent: Option<f64>,
    /// Greatest share of wall time off CPU, percent.
    pub off_cpu_max_percent: Option<f64>,
    /// Greatest less least, percent points.
    pub spread_percent: Option<f64>,
    /// Longest stretch without CPU time, in nanoseconds.
    pub max_gap_ns: u64,
    /// CPU after that stretch.
    pub max_gap_cpu: u32,
    /// Migrations of all workers.
    pub migrations: u64,
    /// Migrations per iteration.
    pub migration_ratio: Option<f64>,
    /// 99th percentile of wake samples (nearest rank), in nanoseconds.
    pub wake_p99_ns: Option<u64>,
    /// Median of wake samples (nearest rank), in nanoseconds.
    pub wake_median_ns: Option<u64>,
    /// Coefficient of variation of wake samples.
    pub wake_cv: Option<f64>,
    /// Wake samples seen (more than are kept).
    pub wake_samples: u64,
    /// Coefficient of variation of units per CPU second over workers.
    pub throughput_cv: Option<f64>,
    /// Mean time runnable but waiting (`schedstat`), in nanoseconds.
    pub run_delay_mean_ns: Option<u64>,
    /// The kernel's accounting of the cgroup when the workers were collected.
    pub cpu_stat: Option<CpuTime>,
    /// 99th percentile of cost samples (nearest rank), in nanoseconds.
    pub cost_p99_ns: Option<u64>,
    /// Median of cost samples (nearest rank), in nanoseconds.
    pub cost_median_ns: Option<u64>,
    /// 99th percentile of timer samples (nearest rank), in nanoseconds.
    pub timer_p99_ns: Option<u64>,
    /// Median of timer samples (nearest rank), in nanoseconds.
    pub timer_median_ns: Option<u64>,
    /// NUMA nodes with the pages of the workers' buffers that were last seen
    /// there, ascending; empty for work that does not look.
    pub numa_pages: Vec<(u32, u64)>,
    /// Pages that the workers moved to another node.
    pub pages_migrated: u64,
    /// Longest time that a worker was runnable but waiting (`schedstat`), in
    /// nanoseconds.
    pub run_delay_worst_ns: Option<u64>,
    /// Share of the pages on nodes of the CPUs of the cgroup's cpuset, 0 to 1;
    /// none without a cpuset.
    pub page_locality: Option<f64>,
    /// Pages that a worker moved per page that it has, of the worst worker.
    pub cross_node_ratio: Option<f64>,
    /// Share of the pages on nodes without CPUs, 0 to 1.
    pub slow_tier_ratio: Option<f64>,
}

/// One phase: what the host needs for the per-step table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseStats {
    /// Phase number; 0 is the baseline.
    pub phase: u16,
    /// `BASELINE` or `Step[k]`.
    pub name: String,
    /// What the author calls it.
    pub label: Option<String>,
    /// Milliseconds since the scenario's start at which the phase became active.
    pub start_ms: u64,
    /// Milliseconds at which its hold ended, if it ended cleanly.
    pub end_ms: Option<u64>,
    /// Iterations of all workers, backdrop included, between the two.
    pub iterations: Option<u64>,
}
