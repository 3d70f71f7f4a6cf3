//! What is set on a worker before its loop, with everything already resolved
//! to numbers. Resolving intents (LLCs, fractions, random picks) is the
//! runtime's; applying is the worker's.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::work::Work;

/// Everything the workers of one crew need to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrewSpec {
    /// What each does.
    pub work: Work,
    /// One per worker; as many as there are workers, a multiple of the work's
    /// group size.
    pub workers: Vec<Setup>,
    /// Directory for the unnamed files of work types that write, `/tmp` in
    /// the guest. Its file system must know `O_TMPFILE`.
    pub io_dir: String,
}

/// One worker's attributes, applied in the order of [`SetupStep`]. `None`
/// means that no call is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// CPUs for `sched_setaffinity`, below 1024.
    pub affinity: Option<Vec<u32>>,
    /// Scheduling policy.
    pub policy: Policy,
    /// Memory policy.
    pub mem_policy: Option<MemPolicy>,
    /// -20 to 19; the kernel clamps.
    pub nice: Option<i32>,
    /// Process name, 1 to 15 bytes, no NUL.
    pub comm: Option<String>,
    /// Group id.
    pub gid: Option<u32>,
    /// User id.
    pub uid: Option<u32>,
}

/// Scheduling policy of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    /// What the worker inherits; no call is made.
    #[default]
    Normal,
    /// `SCHED_BATCH`.
    Batch,
    /// `SCHED_IDLE`.
    Idle,
    /// `SCHED_FIFO` with this priority, clamped to 1 to 99.
    Fifo(u8),
    /// `SCHED_RR` with this priority, clamped to 1 to 99.
    RoundRobin(u8),
    /// `SCHED_DEADLINE` in nanoseconds, with the reset-on-fork flag, without
    /// which such a task cannot fork.
    Deadline {
        /// CPU time per period, at least 1024 ns.
        runtime: u64,
        /// Relative deadline.
        deadline: u64,
        /// Period; 0 means the deadline.
        period: u64,
    },
    /// `SCHED_EXT` (policy number 7).
    Ext,
}

/// Arguments of `set_mempolicy(2)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemPolicy {
    /// Mode with its flag bits, as the kernel numbers them.
    pub mode: u32,
    /// Nodes, below 1024; may be empty.
    pub nodes: Vec<u32>,
}

/// What can fail between a worker's start and its loop, in the order in which
/// it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SetupStep {
    /// `sched_setaffinity`.
    Affinity,
    /// `sched_setattr`.
    Policy,
    /// `set_mempolicy`.
    MemPolicy,
    /// `setpriority`.
    Nice,
    /// `prctl(PR_SET_NAME)`.
    Comm,
    /// `setgid`.
    Gid,
    /// `setuid`.
    Uid,
    /// What the work itself needs, such as its file, or the work under way.
    /// The worker then counts nothing more and waits for its stop, except that
    /// fork-exit tries again. `EPIPE`: its partner was lost.
    Work,
}

impl SetupStep {
    /// All, in order.
    pub const ALL: [Self; 8] = [
        Self::Affinity,
        Self::Policy,
        Self::MemPolicy,
        Self::Nice,
        Self::Comm,
        Self::Gid,
        Self::Uid,
        Self::Work,
    ];
}

impl fmt::Display for SetupStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Affinity => "setting the CPU affinity",
            Self::Policy => "setting the scheduling policy",
            Self::MemPolicy => "setting the memory policy",
            Self::Nice => "setting the nice value",
            Self::Comm => "setting the process name",
            Self::Gid => "setting the group id",
            Self::Uid => "setting the user id",
            Self::Work => "doing the work",
        })
    }
}
