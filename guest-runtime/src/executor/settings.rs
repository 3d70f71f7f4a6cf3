//! What the operator decided for one run, as the executor needs it.

use std::time::Duration;

use proscenium_wire::{
    Job, Limits, PayloadSpec, Permissions, SchedulerSpec, SwapWork, Thresholds, WorkerDefaults,
};

/// See the module.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The scenario's time budget.
    pub duration: Duration,
    /// Workers where a definition leaves it open.
    pub workers_per_cgroup: u32,
    /// Work for all definitions that let theirs be replaced.
    pub swap_work: Option<SwapWork>,
    /// For whatever is drawn at random.
    pub seed: u64,
    /// What the scenario may do.
    pub permissions: Permissions,
    /// How much of it; what the component's own code may use is not looked at here.
    pub limits: Limits,
    /// Checks that are on.
    pub thresholds: Thresholds,
    /// Programs that the scenario may start, by name.
    pub payloads: Vec<PayloadSpec>,
    /// Schedulers that the scenario may attach, by name.
    pub schedulers: Vec<SchedulerSpec>,
    /// How often the running total is reported during holds.
    pub progress: Option<Duration>,
}

/// One second, nothing declared, nothing allowed, no check on.
impl Default for Settings {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(1),
            workers_per_cgroup: WorkerDefaults::default().workers_per_cgroup,
            swap_work: None,
            seed: 0,
            permissions: Permissions::default(),
            limits: Limits::default(),
            thresholds: Thresholds::default(),
            payloads: Vec::new(),
            schedulers: Vec::new(),
            progress: None,
        }
    }
}

impl From<&Job> for Settings {
    fn from(job: &Job) -> Self {
        let progress = Duration::from_millis(u64::from(job.progress_ms));
        Self {
            duration: Duration::from_nanos(job.duration_ns),
            workers_per_cgroup: job.defaults.workers_per_cgroup,
            swap_work: job.defaults.swap_work.clone(),
            seed: job.seed,
            permissions: job.permissions.clone(),
            limits: job.limits,
            thresholds: job.thresholds,
            payloads: job.payloads.clone(),
            schedulers: job.schedulers.clone(),
            progress: (!progress.is_zero()).then_some(progress),
        }
    }
}
