//! What the guest is to do, decided by the host before it boots, and the file
//! in which it gets there.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec::{Corruption, PayloadWriter, compact, leading_version};
use crate::frame::EncodeError;
use crate::hello::{VersionMismatch, check_version};
use crate::{PayloadSpec, Permissions, SchedulerSpec, WIRE_VERSION};

/// Longest encoded [`Job`], in bytes (1 MiB).
pub const MAX_JOB: usize = 1 << 20;

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JobError {
    /// Longer than a job may be.
    #[error(
        "job not read: it has {found} bytes, at most {MAX_JOB} are allowed: give the scenario fewer or shorter parameters and payloads"
    )]
    TooLong {
        /// Its length, in bytes.
        found: usize,
    },
    /// Written by another version; what follows the version was not looked at.
    #[error(transparent)]
    Version(#[from] VersionMismatch),
    /// The right version, but no job.
    #[error("job not read: {0}: the image is damaged, build it again")]
    Corrupt(Corruption),
}

/// The job as the file at [`crate::JOB_PATH`].
///
/// # Errors
///
/// [`EncodeError::TooLong`] above [`MAX_JOB`].
pub fn encode_job(job: &Job) -> Result<Vec<u8>, EncodeError> {
    let mut file = Vec::new();
    PayloadWriter::new(&mut file, MAX_JOB).compact(job)?;
    Ok(file)
}

/// Reads what [`encode_job`] wrote. The version comes first in every version
/// and is checked before anything else is read.
///
/// # Errors
///
/// [`JobError`]; no byte of `file` can cause anything worse.
pub fn decode_job(file: &[u8]) -> Result<Job, JobError> {
    if file.len() > MAX_JOB {
        return Err(JobError::TooLong { found: file.len() });
    }
    check_version(leading_version(file).map_err(JobError::Corrupt)?)?;
    compact(file).map_err(JobError::Corrupt)
}

/// One scenario to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Version of this protocol; a guest refuses any other. First for ever.
    pub wire_version: u16,
    /// Name of the scenario, for messages.
    pub name: String,
    /// The scenario's parameters as the operator set them.
    pub parameters: Vec<(String, String)>,
    /// The scenario's time budget, in nanoseconds.
    pub duration_ns: u64,
    /// For whatever the scenario randomises.
    pub seed: u64,
    /// What load is unless a definition says otherwise.
    pub defaults: WorkerDefaults,
    /// What the scenario may do.
    pub permissions: Permissions,
    /// How much of it.
    pub limits: Limits,
    /// Checks that the operator turned on.
    pub thresholds: Thresholds,
    /// Link imports that are not ours as traps instead of refusing them.
    pub trap_foreign_imports: bool,
    /// Send [`crate::Event::Progress`] this often, in milliseconds; 0: never.
    pub progress_ms: u32,
    /// Programs that the scenario may start, by name; at most
    /// [`crate::MAX_PAYLOADS`].
    pub payloads: Vec<PayloadSpec>,
    /// Schedulers under test, by name; at most [`crate::MAX_SCHEDULERS`].
    pub schedulers: Vec<SchedulerSpec>,
    /// The one of them that is attached before the scenario starts; none: the
    /// kernel's own.
    pub scheduler: Option<String>,
}

impl Job {
    /// A scenario of one second that may do this, within the usual limits, and
    /// is told nothing else.
    #[must_use]
    pub fn new(name: impl Into<String>, permissions: Permissions) -> Self {
        Self {
            wire_version: WIRE_VERSION,
            name: name.into(),
            parameters: Vec::new(),
            duration_ns: 1_000_000_000,
            seed: 1,
            defaults: WorkerDefaults::default(),
            permissions,
            limits: Limits::default(),
            thresholds: Thresholds::default(),
            trap_foreign_imports: false,
            progress_ms: 0,
            payloads: Vec::new(),
            schedulers: Vec::new(),
            scheduler: None,
        }
    }
}

/// Defaults for definitions that leave them open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerDefaults {
    /// Workers per cgroup.
    pub workers_per_cgroup: u32,
    /// Work for all definitions that let theirs be replaced.
    pub swap_work: Option<SwapWork>,
}

/// A built-in work type with parameters, as the operator says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapWork {
    /// Name of the type.
    pub name: String,
    /// Parameters by name; the others have their defaults.
    pub parameters: Vec<(String, SwapValue)>,
}

/// Value of a parameter of a work type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SwapValue {
    /// A quantity in the parameter's unit.
    Number(u64),
    /// A word or a list.
    Text(String),
}

impl Default for WorkerDefaults {
    fn default() -> Self {
        Self {
            workers_per_cgroup: 1,
            swap_work: None,
        }
    }
}

/// How much of everything one run may use; [`crate::Budget`] names each. One
/// that is used up is a detail of the verdict, of a kind of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Computing time of `run`, host calls that wait excluded, in milliseconds.
    pub compute_ms: u64,
    /// Linear memory of all instances, in bytes.
    pub memory_bytes: u64,
    /// Elements of all tables.
    pub table_elements: u32,
    /// Core instances, memories and tables, each.
    pub instances: u32,
    /// Resource handles held at a time.
    pub handles: u32,
    /// Bytes that one call may make the runtime allocate for lists and strings.
    pub call_bytes: u32,
    /// Bytes of details, notes and figures that the runtime keeps for the verdict.
    pub report_bytes: u32,
    /// Calls into the runtime over the whole run.
    pub host_calls: u64,
    /// Calls into the runtime per second, on average; a second's worth of them
    /// may come at once.
    pub calls_per_second: u32,
    /// Frames sent to the host over the whole run.
    pub frames: u64,
    /// Cgroups alive at a time.
    pub cgroups: u32,
    /// Worker processes alive at a time.
    pub workers: u32,
    /// Payloads alive at a time.
    pub payloads: u32,
    /// Steps of a scenario.
    pub steps: u32,
    /// Ops of one step or the backdrop.
    pub ops_per_step: u32,
    /// Log lines and notes, in bytes, over the whole run.
    pub log_bytes: u64,
    /// Marks over the whole run.
    pub marks: u32,
    /// Processes and threads in the scenario's root (`pids.max`).
    pub processes: u32,
    /// Memory of the scenario's root, in bytes (`memory.max`). A quarter of the
    /// machine's, or 256 MiB if that is less, is left to the runtime in any case.
    pub root_memory_bytes: u64,
    /// Longest duration of a scenario, in milliseconds.
    pub duration_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            compute_ms: 10_000,
            memory_bytes: 64 << 20,
            table_elements: 100_000,
            instances: 64,
            handles: 4_096,
            call_bytes: 1 << 20,
            report_bytes: 3 << 20,
            host_calls: 100_000_000,
            calls_per_second: 1_000_000,
            frames: 1_000_000,
            cgroups: 1_024,
            workers: 4_096,
            payloads: 64,
            steps: 4_096,
            ops_per_step: 16_384,
            log_bytes: 1 << 20,
            marks: 100_000,
            processes: 32_768,
            root_memory_bytes: 1 << 50,
            duration_ms: 60 * 60 * 1_000,
        }
    }
}

/// Opt-in checks (none is active by default). In what one side says again and
/// again, a later `Some` wins; of what two sides say, the stricter counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Thresholds {
    /// Every worker makes progress, fairly and without long gaps.
    pub not_starved: Option<bool>,
    /// No worker runs outside its cpuset.
    pub isolation: Option<bool>,
    /// Longest stretch without CPU time, in nanoseconds.
    pub max_gap_ns: Option<u64>,
    /// Greatest spread of off-CPU shares, in percent points.
    pub max_spread_percent: Option<f64>,
    /// Greatest coefficient of variation of units per CPU second.
    pub max_throughput_cv: Option<f64>,
    /// Least work units per CPU second.
    pub min_work_rate: Option<f64>,
    /// Greatest 99th percentile of wake samples, in nanoseconds.
    pub max_p99_wake_ns: Option<u64>,
    /// Greatest coefficient of variation of wake samples.
    pub max_wake_cv: Option<f64>,
    /// Least iterations per CPU second.
    pub min_iteration_rate: Option<f64>,
    /// Most migrations per iteration.
    pub max_migration_ratio: Option<f64>,
    /// Least share of pages on the nodes of the cpuset's CPUs, 0 to 1.
    pub min_page_locality: Option<f64>,
    /// Most pages that a worker moved to another node, per page that it has.
    pub max_cross_node_migration_ratio: Option<f64>,
    /// Greatest share of pages on nodes without CPUs, 0 to 1.
    pub max_slow_tier_ratio: Option<f64>,
}

impl Thresholds {
    /// Lays `over` on top: what it sets wins, what it leaves open stays.
    #[must_use]
    pub fn overlaid(self, over: Self) -> Self {
        Self {
            not_starved: over.not_starved.or(self.not_starved),
            isolation: over.isolation.or(self.isolation),
            max_gap_ns: over.max_gap_ns.or(self.max_gap_ns),
            max_spread_percent: over.max_spread_percent.or(self.max_spread_percent),
            max_throughput_cv: over.max_throughput_cv.or(self.max_throughput_cv),
            min_work_rate: over.min_work_rate.or(self.min_work_rate),
            max_p99_wake_ns: over.max_p99_wake_ns.or(self.max_p99_wake_ns),
            max_wake_cv: over.max_wake_cv.or(self.max_wake_cv),
            min_iteration_rate: over.min_iteration_rate.or(self.min_iteration_rate),
            max_migration_ratio: over.max_migration_ratio.or(self.max_migration_ratio),
            min_page_locality: over.min_page_locality.or(self.min_page_locality),
            max_cross_node_migration_ratio: over
                .max_cross_node_migration_ratio
                .or(self.max_cross_node_migration_ratio),
            max_slow_tier_ratio: over.max_slow_tier_ratio.or(self.max_slow_tier_ratio),
        }
    }

    /// Whether any check is active.
    #[must_use]
    pub fn any(self) -> bool {
        self.not_starved == Some(true)
            || self.isolation == Some(true)
            || Self {
                not_starved: None,
                isolation: None,
                ..self
            } != Self::default()
    }
}
