//! What one worker did, as plain owned data. Reading it out of shared memory
//! is in `arena`; judging it is elsewhere.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use crate::setup::SetupStep;

/// What one worker did between the opening of the gate and its stop.
///
/// A worker that was killed leaves what it had published: `iterations` to the
/// last one, everything else to its last checkpoint (every 1,024 work units;
/// every iteration for types whose iteration blocks or takes long).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Its thread id, which is its process id too unless it shares a process; 0
    /// if it never came to run.
    pub tid: u32,
    /// It had finished its setup and reached the gate.
    pub ready: bool,
    /// It was asked to stop, and everything here is final.
    pub completed: bool,
    /// Work units; see [`WorkKind`](crate::WorkKind) for what one is.
    pub work_units: u64,
    /// Iterations; likewise.
    pub iterations: u64,
    /// CPU time of the worker's thread in its loop, in nanoseconds. Forked
    /// children are not in it.
    pub cpu_time_ns: u64,
    /// Wall time in its loop, in nanoseconds.
    pub wall_time_ns: u64,
    /// Wall time less CPU time: waiting for a CPU and voluntary waits alike.
    pub off_cpu_ns: u64,
    /// Checkpoints that found the worker on another CPU than the one before:
    /// a lower bound of its migrations.
    pub migrations: u64,
    /// CPUs on which checkpoints found it, ascending, below 1024.
    pub cpus_used: Vec<u32>,
    /// The stretch with the greatest shortfall of CPU time.
    pub max_gap: Gap,
    /// Longest wall time between two checkpoints, in nanoseconds.
    pub max_gap_wall_ns: u64,
    /// Wake samples of the whole run; empty for types that give none.
    pub wake: Samples,
    /// Cost samples of the whole run; likewise.
    pub cost: Samples,
    /// Timer samples of the whole run; likewise.
    pub timer: Samples,
    /// Nodes with the pages of the worker's buffer that were last seen there,
    /// ascending; empty for types that do not look.
    pub numa_pages: Vec<(u32, u64)>,
    /// Pages that were moved to another node.
    pub pages_migrated: u64,
    /// The kernel's scheduling statistics of the loop; `None` when the worker
    /// was killed or the kernel has none.
    pub schedstat: Option<Schedstat>,
    /// What failed before or in the loop, in the order of [`SetupStep`].
    pub failures: Vec<SetupFailure>,
    /// A loop that its component exports ended before it was told to.
    pub breakdown: Option<Breakdown>,
    /// What it did in each epoch, oldest first. An epoch that came twice is
    /// here twice. One that began and ended within a single blocking call is
    /// not here: its time is in the slice of the epoch before.
    pub phase_slices: Vec<PhaseSlice>,
    /// Older slices that were overwritten because there were more than fit.
    pub slices_lost: u64,
    /// How the process ended; filled in by who reaped it.
    pub exit: Option<ExitInfo>,
}

/// The greatest shortfall of CPU time: for each pair of neighbouring
/// checkpoints the wall time between them less the CPU time that the thread
/// got between them.
///
/// For types that only compute this is the time in which the scheduler kept
/// the worker waiting. For types that sleep or block it holds the voluntary
/// waits too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The shortfall in nanoseconds.
    pub ns: u64,
    /// CPU on which the later checkpoint was made.
    pub cpu: u32,
    /// When the later checkpoint was made, in nanoseconds after the gate.
    pub at_ns: u64,
}

/// Times that a worker measured. A *wake* sample is the time of a wait, a
/// *cost* sample that of a piece of work, a *timer* sample the lateness of a
/// timer; [`WorkKind::gives`](crate::WorkKind) says what exactly. Comparable
/// within one work type only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// A uniform choice of all samples (Algorithm R), in nanoseconds.
    pub samples: Vec<u64>,
    /// How many there were.
    pub total: u64,
    /// Sum of all, in nanoseconds.
    pub sum_ns: u64,
    /// Sum of the squares of all, in square nanoseconds.
    pub sum_of_squares: f64,
}

/// Differences of the thread's `schedstat` over the loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedstat {
    /// Time on a CPU, in nanoseconds.
    pub cpu_time_ns: u64,
    /// Time runnable but waiting for a CPU, in nanoseconds.
    pub run_delay_ns: u64,
    /// Times it was put on a CPU.
    pub run_count: u64,
}

/// What one worker did in one epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseSlice {
    /// The epoch, neither 0 nor `u32::MAX`.
    pub epoch: u32,
    /// The epoch ended (or the worker stopped); `false` when it was killed
    /// within it and the counts are those of its last checkpoint.
    pub closed: bool,
    /// As in [`Report`].
    pub work_units: u64,
    /// As in [`Report`], to the last checkpoint.
    pub iterations: u64,
    /// As in [`Report`].
    pub cpu_time_ns: u64,
    /// As in [`Report`].
    pub wall_time_ns: u64,
    /// As in [`Report`].
    pub migrations: u64,
    /// As in [`Report`]; `at_ns` too counts from the gate.
    pub max_gap: Gap,
    /// As in [`Report`].
    pub max_gap_wall_ns: u64,
    /// As in [`Report`], of this epoch.
    pub wake: Samples,
    /// As in [`Report`], of this epoch.
    pub cost: Samples,
    /// As in [`Report`], of this epoch.
    pub timer: Samples,
}

/// A call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupFailure {
    /// What was attempted.
    pub step: SetupStep,
    /// The kernel's answer.
    pub errno: i32,
}

impl fmt::Display for SetupFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} failed: {}",
            self.step,
            io::Error::from_raw_os_error(self.errno)
        )
    }
}

/// Why a loop that a component exports came to an end of its own. The worker
/// counts nothing more and waits for its stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakdown {
    /// In which way.
    pub kind: BreakdownKind,
    /// The circumstances, at most 504 bytes. The component's own words may be
    /// among them: clean it before it is shown.
    pub message: String,
}

/// In which way a loop broke down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BreakdownKind {
    /// It said that it cannot go on.
    Refused,
    /// It trapped.
    Trapped,
    /// A call did not return in time.
    OutOfTime,
    /// It wanted more memory, stack or the like than it may have.
    Limit,
    /// Not its fault: the runtime could not run it.
    Unable,
}

impl BreakdownKind {
    /// All, in the order of their numbers in shared memory.
    pub const ALL: [Self; 5] = [
        Self::Refused,
        Self::Trapped,
        Self::OutOfTime,
        Self::Limit,
        Self::Unable,
    ];
}

/// How a worker process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitInfo {
    /// It exited with this code; see [`exit_code`](crate::exit_code).
    Exited(i32),
    /// This signal ended it.
    Signaled(i32),
    /// It did not end before the deadline and was killed.
    TimedOut,
    /// Waiting for it failed with this errno.
    WaitFailed(i32),
}
