//! Schedulers under test: what the operator declared, and what became of each
//! start of one.
//!
//! A declaration travels in the [`crate::Job`], news in
//! [`crate::Event::Scheduler`] and [`crate::Event::SchedulerLog`]. A scenario
//! knows of a scheduler only its name.

use serde::{Deserialize, Serialize};

use crate::PayloadExit;

/// Most schedulers that one job declares.
pub const MAX_SCHEDULERS: usize = 16;
/// Most bytes of one [`crate::Event::SchedulerLog`].
pub const MAX_SCHEDULER_LOG: usize = 16 << 10;

/// One declared scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerSpec {
    /// What scenarios call it.
    pub name: String,
    /// Absolute path of the program that loads it, in the guest.
    pub program: String,
    /// Absolute path of the folder that it starts in, in the guest.
    pub folder: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment, all of it.
    pub environment: Vec<(String, String)>,
    /// Name under which the kernel must know it once it is enabled, as in
    /// `/sys/kernel/sched_ext/root/ops`; none: any.
    pub ops: Option<String>,
    /// Milliseconds from its start until the kernel must say `enabled`.
    pub ready_ms: u32,
}

/// How a scheduler under test came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchedulerExit {
    /// The kernel threw it out for an error, or its process was ended by a signal.
    Crashed,
    /// It left of its own accord.
    ExitedCleanly,
    /// Neither the kernel nor its process say.
    Unknown,
}

/// News of one start of a scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerNews {
    /// Counts the starts of a run, from 0.
    pub start: u32,
    /// Which scheduler.
    pub name: String,
    /// Nanoseconds since the scenario's start; 0 before it.
    pub at_ns: u64,
    /// Number of the last phase that began; 0 is the baseline.
    pub phase: u16,
    /// What happened.
    pub change: SchedulerChange,
}

/// What happened to a scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchedulerChange {
    /// The kernel says that it is enabled.
    Attached {
        /// Name under which the kernel knows it.
        ops: String,
        /// Nanoseconds from the start of its process.
        took_ns: u64,
    },
    /// It did not get there; its process is gone.
    Refused {
        /// Why, in one line.
        reason: String,
    },
    /// It was asked to leave, and the kernel's own scheduler is back.
    Detached {
        /// How its process ended.
        exit: PayloadExit,
        /// It had to be killed.
        killed: bool,
        /// Nanoseconds from the request.
        took_ns: u64,
    },
    /// It went without being asked.
    Died(Obituary),
}

/// What is known about a scheduler that died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obituary {
    /// In which way.
    pub kind: SchedulerExit,
    /// How its process ended; `Unknown` where it still ran.
    pub process: PayloadExit,
    /// The kernel's reason, such as `runnable task stall`.
    pub reason: Option<String>,
    /// The kernel's words on it, such as `watchdog failed to check in for 5.001s`.
    pub message: Option<String>,
    /// What the kernel dumped about it: lines of its log.
    pub dump: String,
}
