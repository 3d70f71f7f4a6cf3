//! Payloads: real programs that the operator declared, and what became of
//! each that was started.
//!
//! A declaration travels in the [`crate::Job`], a record in
//! [`crate::Event::Payload`]. A scenario knows of a payload only its name.

use serde::{Deserialize, Serialize};

/// Most payloads that one job declares.
pub const MAX_PAYLOADS: usize = 64;

/// One declared payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PayloadSpec {
    /// What scenarios call it.
    pub name: String,
    /// What kind of program it is.
    pub kind: PayloadKind,
    /// Absolute path of the program in the guest.
    pub program: String,
    /// Absolute path of the folder that it starts in, in the guest.
    pub folder: String,
    /// Arguments before those of the scenario.
    pub args: Vec<String>,
    /// Its environment, all of it.
    pub environment: Vec<(String, String)>,
    /// Long flags that a scenario may pass; none: any.
    pub known_flags: Option<Vec<String>>,
    /// How to find figures in what it prints.
    pub output: PayloadOutput,
    /// What its figures mean.
    pub hints: Vec<MetricHint>,
    /// What the operator expects of it.
    pub checks: Vec<PayloadCheck>,
}

/// What a declared program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadKind {
    /// An ordinary program: it may run inside a scenario.
    Binary,
    /// A sched_ext scheduler: it never runs as a payload.
    Scheduler,
}

/// How figures are found in a payload's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadOutput {
    /// There are none; the exit code says all.
    ExitCode,
    /// JSON documents, among other text or not.
    Json,
    /// Lines of `key: value` or `key = value`.
    KeyValue,
    /// What `stress-ng --metrics` prints.
    StressNg,
    /// What `hackbench` prints.
    Hackbench,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Polarity {
    /// Nobody said.
    #[default]
    Unknown,
    /// More is better.
    HigherBetter,
    /// Less is better.
    LowerBetter,
    /// There is one right value.
    TargetValue,
    /// Neither.
    Informational,
}

/// What one figure means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricHint {
    /// Its name, as extraction gives it.
    pub metric: String,
    /// Which way it is better.
    pub polarity: Polarity,
    /// Its unit, for people.
    pub unit: Option<String>,
}

/// What the operator expects of a payload that ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadCheck {
    /// It ends with this code; a signal counts as -1.
    ExitCode(i32),
    /// The figure is there.
    Exists(String),
    /// The figure is at least this.
    Min(String, f64),
    /// The figure is at most this.
    Max(String, f64),
    /// The figure is between these, both included.
    Range(String, f64, f64),
}

/// How a payload's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadExit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Nobody can say.
    Unknown,
}

impl PayloadExit {
    /// The exit code; -1 unless it ended by itself.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(_) | Self::Unknown => -1,
        }
    }
}

/// What became of one payload. Every payload that was started has exactly one
/// record, however it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PayloadRecord {
    /// Counts the records of a run, from 0.
    pub index: u32,
    /// Which payload.
    pub name: String,
    /// Its cgroup; empty beside the runtime.
    pub cgroup: String,
    /// Label of the phase in which it was recorded, if any.
    pub phase: Option<String>,
    /// How it ended.
    pub exit: PayloadExit,
    /// It ran until the runtime ended it.
    pub killed: bool,
    /// How long it ran, in nanoseconds.
    pub elapsed_ns: u64,
    /// Bytes that it printed.
    pub output_bytes: u64,
    /// Bytes of them that were not kept, from the middle.
    pub dropped_bytes: u64,
    /// Figures found in its output.
    pub metrics: Vec<Metric>,
    /// There were more figures, or deeper ones, than a record holds.
    pub metrics_cut: bool,
    /// What came of the operator's checks.
    pub checks: Vec<PayloadCheckResult>,
    /// The end of what it printed to standard error, where it did not end well.
    pub stderr_tail: Option<String>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Such as `jobs.0.read.iops`.
    pub name: String,
    /// Finite.
    pub value: f64,
    /// Which way it is better.
    pub polarity: Polarity,
    /// Its unit, for people.
    pub unit: Option<String>,
}

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PayloadCheckResult {
    /// Whether it held.
    pub passed: bool,
    /// What was expected and what was found.
    pub message: String,
}
