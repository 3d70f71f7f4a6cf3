//! What happens in a run, as the host tells it.
//!
//! One stream of [`Record`]s is all that reports, logs and machines get to see,
//! whether the scenario ran in a VM or in the simulated world of `check`:
//!
//! ```text
//!   guest frames ─► Timeline ─┐
//!   console, QEMU, deadlines ─┼─► RunEvent ─► Record ─► events.jsonl, --json,
//!   the host's own verdict ───┘                         terminal, JUnit
//! ```
//!
//! As JSON a record is one line:
//! `{"seq":0,"at_ns":0,"guest_ms":null,"event":{"type":"run-started",…}}`.
//! The first record is always [`RunEvent::RunStarted`] with the
//! [`FORMAT_VERSION`], the last is always [`RunEvent::RunEnded`], and there is
//! exactly one of each. Fields may be added under the same version; the
//! version is raised when a field or a type goes away or changes its meaning.
//! Readers ignore what they do not know.
//!
//! Everything in here has passed through [`clean`] and the bounds of
//! [`Timeline`]: strings are single lines without control characters, floats
//! are finite or null. This module does no I/O and reads no clock.

mod bounds;
pub mod clean;
mod run;
mod scheduler;
mod tidy;
mod timeline;

use proscenium_wire::{
    CgroupStats, Detail, Finding, LogLevel, Mediation, PayloadRecord, Tasks, Verdict,
};
use serde::{Deserialize, Serialize};

pub use bounds::Bounds;
pub use run::{Acceleration, ExitNote, Reason, RunEnded, RunOutcome, RunStarted, Timings, World};
pub use scheduler::{Obituary, SchedulerChange, SchedulerNews, SchedulerWords};
pub use timeline::{Timeline, Told};

/// Version of the stream's format, in [`RunStarted::format_version`].
pub const FORMAT_VERSION: u32 = 1;

/// One event and when it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the stream, from 0, without gaps.
    pub seq: u64,
    /// Nanoseconds on the host's monotonic clock since the run began.
    pub at_ns: u64,
    /// Milliseconds since the scenario's start on the guest's clock, where the
    /// event carries it.
    pub guest_ms: Option<u64>,
    /// What happened.
    pub event: RunEvent,
}

/// One thing that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RunEvent {
    /// The first record: what is run, and on what.
    RunStarted(RunStarted),
    /// The VM is being started.
    Booting,
    /// The guest runtime is up.
    Booted(Booted),
    /// The scenario's clock starts.
    ScenarioStarted,
    /// A step became active.
    StepStarted(StepStarted),
    /// A step's hold is over, or the step is known to have been cut short.
    StepEnded(StepEnded),
    /// A running total, for live display.
    Progress(Progress),
    /// Load is not representative from here on: teardown.
    Paused,
    /// Load is representative again.
    Resumed,
    /// A mark that the plugin put on the timeline.
    Mark(Mark),
    /// A line for people.
    Log(Log),
    /// What one phase's workers in one cgroup did.
    Collected(CgroupStats),
    /// What became of a payload.
    Payload(PayloadRecord),
    /// A scheduler under test came, went or died.
    Scheduler(SchedulerNews),
    /// What the loader of a scheduler printed last.
    SchedulerWords(SchedulerWords),
    /// Where processes were put, moved, or found when the scenario asked.
    Tasks(Tasks),
    /// A reason, as soon as it is known.
    Detail(Detail),
    /// A remark on the scenario itself.
    Finding(Finding),
    /// What was done on the plugin's behalf.
    Mediation(Mediation),
    /// The scenario came to its regular end.
    ScenarioEnded {
        /// Milliseconds since the scenario's start.
        elapsed_ms: u64,
        /// Iterations of all workers.
        total_iterations: u64,
    },
    /// What the guest says of the scenario. The run's outcome is the host's and
    /// stands in [`RunEvent::RunEnded`].
    Verdict(Verdict),
    /// The runtime could not run the scenario.
    Fault {
        /// `what failed: why: what to do`.
        message: String,
    },
    /// Part of the guest's stream could not be read, so the record has a hole.
    Damaged {
        /// What was wrong.
        what: String,
    },
    /// The last lines of the guest's console, when something went wrong.
    ConsoleTail {
        /// The line in which the kernel announced its crash, if it did.
        crash: Option<String>,
        /// At most 100 lines, oldest first.
        lines: Vec<String>,
    },
    /// The last record: the host's verdict.
    RunEnded(RunEnded),
}

/// What the guest says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booted {
    /// Wire version that the guest speaks.
    pub wire_version: u16,
    /// Version of the guest runtime.
    pub runtime_version: String,
    /// `uname -r` of the guest.
    pub kernel_release: String,
    /// CPUs online.
    pub cpus: u32,
    /// `MemTotal`, in bytes.
    pub memory_bytes: u64,
    /// Nanoseconds from the start of the guest's kernel to its hello.
    pub guest_boot_ns: u64,
    /// Nanoseconds from [`RunEvent::Booting`] to here on the host's clock.
    pub boot_ns: Option<u64>,
}

/// A step became active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStarted {
    /// Phase number: step index + 1; 0 is the baseline.
    pub phase: u16,
    /// What the author calls it.
    pub label: Option<String>,
    /// How long it means to hold, in nanoseconds, if known.
    pub hold_ns: Option<u64>,
    /// Ops that it declared.
    pub op_count: u16,
    /// Bit *n* is set if op kind *n* is among them.
    pub op_kinds: u64,
    /// Tracked cgroups of step and backdrop.
    pub cgroups: u16,
    /// Workers of step and backdrop.
    pub workers: u16,
    /// Iterations of all workers at this instant.
    pub total_iterations: u64,
}

/// A step is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepEnded {
    /// Phase number.
    pub phase: u16,
    /// What the author calls it.
    pub label: Option<String>,
    /// How its end is known.
    pub ending: StepEnding,
    /// Milliseconds between its start and its end on the guest's clock.
    pub held_ms: Option<u64>,
    /// Iterations of all workers, backdrop included, in that time.
    pub iterations: Option<u64>,
    /// `iterations` per second of that time; null when there is nothing to
    /// divide by.
    pub rate_per_s: Option<f64>,
}

/// How a step's end is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepEnding {
    /// The guest said so, before anything was torn down.
    Clean,
    /// The end frame is missing and the scenario's own end closes the step.
    ScenarioEnd,
    /// No end is known; the figures are absent.
    CutShort,
}

/// A running total.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Phase number.
    pub phase: u16,
    /// Iterations of all workers so far.
    pub total_iterations: u64,
    /// Iterations per second since the last total.
    pub rate_per_s: Option<f64>,
}

/// A plugin's own mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Nanoseconds since the scenario's start.
    pub at_ns: u64,
    /// What the plugin calls it.
    pub name: String,
    /// Figures that belong to it; one that was not finite is null.
    pub fields: Vec<(String, Option<f64>)>,
}

/// A line for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Who said it.
    pub source: Speaker,
    /// How loud.
    pub level: LogLevel,
    /// One line.
    pub message: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaker {
    /// This program.
    Host,
    /// The emulator, on its standard error.
    Qemu,
    /// The guest runtime.
    Runtime,
    /// The scenario plugin.
    Plugin,
}

impl Speaker {
    /// Lower-case word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Qemu => "qemu",
            Self::Runtime => "runtime",
            Self::Plugin => "plugin",
        }
    }
}
