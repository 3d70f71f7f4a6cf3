//! How a scenario ended, in the vocabulary that guest, host and reports share.

use serde::{Deserialize, Serialize};

use crate::{CgroupStats, PhaseStats};

/// The four outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Did not apply here.
    Skip,
    /// Held.
    Pass,
    /// Could not be decided.
    Inconclusive,
    /// Did not hold.
    Fail,
}

impl Outcome {
    /// The outcome of two together: fail, then inconclusive, then pass, then skip.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        if self.rank() >= other.rank() {
            self
        } else {
            other
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Skip => 0,
            Self::Pass => 1,
            Self::Inconclusive => 2,
            Self::Fail => 3,
        }
    }

    /// Lower-case word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// Why an outcome is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DetailKind {
    /// A worker did no work at all.
    NoProgress,
    /// A worker was off CPU for too long at a stretch.
    Stuck,
    /// Workers that should have got equal shares did not.
    Unfair,
    /// A worker ran on a CPU outside its cpuset.
    Isolation,
    /// A throughput or latency threshold was missed.
    Benchmark,
    /// Migrations beyond the threshold.
    Migration,
    /// What the plugin itself reported.
    Plugin,
    /// The plugin trapped: a panic or an illegal access.
    PluginTrap,
    /// The plugin used up its computing time.
    PluginTimeout,
    /// The plugin hit a limit that no grant moves, such as that of its stack,
    /// or a loop of its own hit one.
    PluginLimit,
    /// A call was refused.
    Denied,
    /// The scheduler under test crashed.
    SchedulerCrashed,
    /// The scheduler under test left of its own accord.
    SchedulerExitedCleanly,
    /// The scheduler under test is gone and nobody can say why.
    SchedulerDiedUnknownReason,
    /// A worker made no progress in kernel or user mode.
    WorkerStalled,
    /// Interrupted from outside.
    Cancelled,
    /// Does not apply on this machine.
    Skip,
    /// The runtime or the guest failed, not the scenario.
    Environment,
    /// Anything else; the message says what.
    Other,
    /// The plugin's linear memory: as much as the run allows.
    MemoryLimit,
    /// The plugin's tables: as much as the run allows.
    TableLimit,
    /// The plugin's core instances, memories and tables: as much as the run allows.
    InstanceLimit,
    /// The plugin's resource handles: as much as the run allows.
    HandleLimit,
    /// The data of one call: as much as the run allows.
    CallBytesLimit,
    /// What is kept for the verdict: as much as the run allows.
    ReportLimit,
    /// Calls into the runtime: as much as the run allows.
    HostCallLimit,
    /// Frames to the host: as much as the run allows.
    FrameLimit,
    /// Log lines and notes: as much as the run allows.
    LogLimit,
    /// Marks: as much as the run allows.
    MarkLimit,
    /// Steps: as much as the run allows.
    StepLimit,
    /// Ops of one step: as much as the run allows.
    OpLimit,
    /// Cgroups alive at a time: as much as the run allows.
    CgroupLimit,
    /// Workers alive at a time: as much as the run allows.
    WorkerLimit,
    /// Payloads alive at a time: as much as the run allows.
    PayloadLimit,
    /// Processes in the scenario's root: as much as the run allows.
    ProcessLimit,
    /// Memory of the scenario's root: as much as the run allows.
    RootMemoryLimit,
    /// The scenario's duration: as much as the run allows.
    DurationLimit,
    /// Too few pages near the CPUs that use them.
    PageLocality,
    /// Too many pages moved from node to node.
    CrossNodeMigration,
    /// Too many pages on nodes without CPUs.
    SlowTier,
    /// Calls into the runtime per second: as much as the run allows.
    CallRateLimit,
}

/// One recorded reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// What kind of reason.
    pub kind: DetailKind,
    /// What it does to the outcome.
    pub outcome: Outcome,
    /// Label of the phase in which it arose: `BASELINE`, `Step[k]`, or none.
    pub phase: Option<String>,
    /// For people; names what is at fault.
    pub message: String,
}

/// Everything that is known when a scenario is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The worst of what plugin, checks and runtime said.
    pub outcome: Outcome,
    /// The reasons, in order.
    pub details: Vec<Detail>,
    /// Remarks that change nothing.
    pub notes: Vec<String>,
    /// False: no check was active and the plugin judged nothing. Said aloud in every report.
    pub asserted: bool,
    /// Per cgroup and phase, in order of collection.
    pub cgroups: Vec<CgroupStats>,
    /// Per phase.
    pub phases: Vec<PhaseStats>,
}
