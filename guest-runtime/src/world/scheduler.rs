//! Schedulers under test as a world sees them: a loader's process, and what
//! the kernel says of sched_ext. Data only; what to make of it is the
//! executor's.

use std::time::Duration;

use proscenium_wire::PayloadExit;

/// One start of a scheduler's loader. Ids are never reused within a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchedulerId(pub u32);

/// `/sys/kernel/sched_ext/state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtState {
    /// This kernel has no sched_ext.
    Absent,
    /// The kernel's own scheduler runs.
    Disabled,
    /// One is being loaded.
    Enabling,
    /// One runs.
    Enabled,
    /// One is being thrown out.
    Disabling,
}

/// What the kernel says of sched_ext at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedExt {
    /// Its state.
    pub state: ExtState,
    /// `/sys/kernel/sched_ext/root/ops`: name of the scheduler that is loaded.
    pub ops: Option<String>,
}

/// How the watched scheduler is down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Down {
    /// Its process has ended.
    Exited(PayloadExit),
    /// The kernel is disabling it, or has.
    Disabled,
    /// Another one is enabled in its place; under this name.
    Replaced(String),
}

/// What is known of a scheduler that came to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// How its process ended; `None`: it still runs.
    pub exit: Option<PayloadExit>,
    /// The kernel's reason: what stands in parentheses in its line
    /// `sched_ext: BPF scheduler "…" disabled (…)`.
    pub reason: Option<String>,
    /// The line after that, if it belongs to it: the scheduler's own words.
    pub message: Option<String>,
    /// All lines of the kernel's log on it since it was started, bounded.
    pub dump: String,
}

/// A piece of what a loader printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// Anything, standard output and errors as they came.
    pub bytes: Vec<u8>,
    /// Bytes before these that were not kept.
    pub dropped: u64,
}

/// How a scheduler was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// How its process ended.
    pub exit: PayloadExit,
    /// It did not leave in time and was killed.
    pub killed: bool,
    /// From the request to the kernel's own scheduler being back.
    pub took: Duration,
    /// sched_ext is disabled now. False: the kernel did not get there in time.
    pub restored: bool,
}

/// Why a map was not pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinError {
    /// No map has the name; these names were there, bounded.
    NotFound(Vec<String>),
    /// The kernel's answer.
    World(super::WorldError),
}

impl From<super::WorldError> for PinError {
    fn from(error: super::WorldError) -> Self {
        Self::World(error)
    }
}
