//! Guest to host: what happens, as it happens.

use serde::{Deserialize, Serialize};

use crate::{
    AuditCall, AuditTotals, CgroupStats, Detail, Finding, PayloadRecord, SchedulerNews, Verdict,
};

/// One thing that happened in the guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "events are made, encoded and dropped one at a time; the large one is as common as the others"
)]
pub enum Event {
    /// The first frame of every run.
    Hello(Hello),
    /// A line for people.
    Log {
        /// Who said it.
        source: LogSource,
        /// How loud.
        level: LogLevel,
        /// One line; cleaned and bounded by the sender, and again by the receiver.
        message: String,
    },
    /// The scenario's clock starts: all elapsed times count from here.
    ScenarioStart,
    /// A step is over and is being torn down; load is not representative.
    Pause,
    /// Load is representative again.
    Resume,
    /// Names the step that the next [`Event::StepStart`] is about.
    StepInfo(StepInfo),
    /// A step became active: its ops and setup are done.
    StepStart(StepMark),
    /// A step's hold ended cleanly; taken before anything is torn down.
    StepEnd(StepMark),
    /// The running total, for live display; at most one a second.
    Progress(StepMark),
    /// The scenario ended on the finish path.
    ScenarioEnd {
        /// Milliseconds since [`Event::ScenarioStart`].
        elapsed_ms: u64,
        /// Iterations of all workers at that moment.
        total_iterations: u64,
    },
    /// A named mark that the plugin put on the timeline.
    Mark(Mark),
    /// What one phase's workers in one cgroup did; sent when they are collected.
    Collected(CgroupStats),
    /// Where processes were put, moved, or found when the scenario asked.
    Tasks(Tasks),
    /// A detail, as soon as it is known; it is in the verdict as well.
    Detail(Detail),
    /// A remark on the scenario itself, as soon as it is known.
    Finding(Finding),
    /// The last word on the scenario.
    Verdict(Verdict),
    /// What the gateway did for the plugin.
    Mediation(Mediation),
    /// The runtime could not run the scenario; not the scenario's fault.
    Fault {
        /// `what failed: why: what to do`.
        message: String,
    },
    /// The last frame. Without it the guest did not end, whatever else says so.
    End,
    /// What became of a payload; sent when it is waited for, killed or drained.
    Payload(PayloadRecord),
    /// A scheduler under test came, went or died.
    Scheduler(SchedulerNews),
    /// What the process of a scheduler printed, as it came; at most
    /// [`crate::MAX_SCHEDULER_LOG`] bytes.
    SchedulerLog {
        /// Which start, see [`SchedulerNews::start`].
        start: u32,
        /// Anything.
        bytes: Vec<u8>,
        /// Bytes before these that were not kept.
        dropped: u64,
    },
    /// Calls of the component, in order, a batch at a time.
    AuditCalls(Vec<AuditCall>),
    /// All calls of the component, counted; sent when its code has ended.
    AuditTotals(AuditTotals),
}

/// Who speaks and what this guest is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of this protocol that the guest speaks. First for ever.
    pub wire_version: u16,
    /// Version of the guest runtime.
    pub runtime_version: String,
    /// `uname -r` of the guest.
    pub kernel_release: String,
    /// CPUs online in the guest.
    pub cpus: u32,
    /// `MemTotal` of the guest, in bytes.
    pub memory_bytes: u64,
    /// Nanoseconds from the start of the guest's kernel to this frame.
    pub booted_ns: u64,
}

/// Who said a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogSource {
    /// The guest runtime.
    Runtime,
    /// The scenario plugin.
    Plugin,
}

/// Severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is odd; the run goes on.
    Warn,
    /// Worth knowing.
    Info,
    /// For the author of the scenario.
    Debug,
    /// Everything.
    Trace,
}

/// Names a step before its numbers arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// 0-based index; its phase number is one more.
    pub index: u32,
    /// What the author calls it.
    pub label: Option<String>,
    /// How long it means to hold, in nanoseconds, if known beforehand.
    pub hold_ns: Option<u64>,
}

/// A point in time of one step. Fixed layout on the wire;
/// made from wider counts by [`StepMark::saturating`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepMark {
    /// Milliseconds since the scenario's start; saturates.
    pub elapsed_ms: u32,
    /// Phase number: step index + 1, 0 is the baseline; saturates.
    pub phase: u16,
    /// Ops that the step declared; saturates.
    pub op_count: u16,
    /// Bit *n* is set if op kind *n* is among them (case order of `op` in the contract).
    pub op_kinds: u64,
    /// Tracked cgroups of step and backdrop; saturates.
    pub cgroup_count: u16,
    /// Workers of step and backdrop; saturates.
    pub worker_count: u16,
    /// Worker handles of step and backdrop; saturates.
    pub handle_count: u16,
    /// Sum of all live iteration counters at this instant.
    pub total_iterations: u64,
}

/// A plugin's own mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Nanoseconds since the scenario's start, stamped by the runtime.
    pub at_ns: u64,
    /// What the plugin calls it.
    pub name: String,
    /// Figures that belong to it.
    pub fields: Vec<(String, f64)>,
}

/// Processes of one cgroup at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tasks {
    /// Nanoseconds since the scenario's start.
    pub at_ns: u64,
    /// Number of the last phase that began; 0 is the baseline.
    pub phase: u16,
    /// Name of the cgroup; empty beside the runtime.
    pub cgroup: String,
    /// Their ids, as the guest numbers them.
    pub pids: Vec<u32>,
    /// How they came to be told.
    pub why: TasksReason,
}

/// How processes came to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TasksReason {
    /// Workers of this type were started there.
    Placed {
        /// Work type.
        work: String,
    },
    /// They were moved there.
    Moved {
        /// Name of the cgroup they were in; empty beside the runtime.
        from: String,
    },
    /// The scenario captured the cgroup's processes.
    Captured {
        /// What the plugin calls the capture.
        tag: String,
    },
}

/// Counts of what the runtime did on the plugin's behalf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mediation {
    /// Calls from the component into the runtime.
    pub host_calls: u64,
    /// Writes to cgroup files.
    pub writes: u64,
    /// Reads of cgroup files.
    pub reads: u64,
    /// Waits: holds, stops, reaping.
    pub waits: u64,
    /// Processes started.
    pub spawns: u64,
    /// Calls refused.
    pub denied: u64,
    /// Frames sent to the host so far.
    pub frames: u64,
}
