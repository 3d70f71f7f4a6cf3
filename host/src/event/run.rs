//! How a run begins and ends: what is run on what, and what the host decided.

use serde::{Deserialize, Serialize};

/// What is run, and on what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStarted {
    /// [`super::FORMAT_VERSION`].
    pub format_version: u32,
    /// Version of this program.
    pub host_version: String,
    /// Name of the scenario.
    pub plugin: String,
    /// Version of the scenario, if it has one.
    pub plugin_version: Option<String>,
    /// Digest of the component, such as `sha256:…`.
    pub digest: String,
    /// Where it runs.
    pub world: World,
    /// The kernel, as the operator knows it: a release or a path.
    pub kernel: Option<String>,
    /// How the CPU is provided; none without a VM.
    pub acceleration: Option<Acceleration>,
    /// The topology, such as `1n2l4c1t`.
    pub topology: Option<String>,
    /// Schedulers that are staged.
    #[serde(default)]
    pub schedulers: Vec<String>,
    /// The one of them that is attached before the scenario starts; none: the
    /// kernel's own runs then.
    #[serde(default)]
    pub scheduler: Option<String>,
    /// The scenario's time budget, in nanoseconds.
    pub duration_ns: u64,
    /// For whatever the scenario randomises.
    pub seed: u64,
    /// The scenario's parameters as the operator set them.
    pub parameters: Vec<(String, String)>,
    /// Milliseconds since the Unix epoch at which the run began.
    pub started_unix_ms: u64,
    /// Where the evidence is kept, if anywhere.
    pub run_dir: Option<String>,
}

/// Where a scenario runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// In a VM with a real kernel.
    Vm,
    /// In a delegated cgroup subtree of this machine.
    Local,
    /// In memory, in virtual time: no kernel has been asked.
    Simulated,
}

/// How the guest's CPUs are provided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceleration {
    /// Such as `kvm` or `tcg`.
    pub name: String,
    /// Why this one.
    pub why: String,
}

/// How a run ended: the host's word, of which there is exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// The scenario held.
    Passed,
    /// The scenario does not apply here.
    Skipped,
    /// The scenario did not hold.
    Failed,
    /// It could not be decided.
    Inconclusive,
    /// The input or a grant forbids the run; nothing was run.
    Refused,
    /// The machine, the guest or the runtime failed, not the scenario.
    CouldNotRun,
    /// The user ended it before there was a verdict.
    Interrupted,
}

impl RunOutcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Passed,
        Self::Skipped,
        Self::Failed,
        Self::Inconclusive,
        Self::Refused,
        Self::CouldNotRun,
        Self::Interrupted,
    ];

    /// In words, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Refused => "refused",
            Self::CouldNotRun => "could not run",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One reason for the outcome, most important first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// A word for machines: the kind of a detail, such as `unfair`, or one of
    /// the host's own, such as `guest-crashed`.
    pub kind: String,
    /// The phase in which it arose, if any.
    pub phase: Option<String>,
    /// For people.
    pub message: String,
}

impl Reason {
    /// A reason that belongs to no phase.
    #[must_use]
    pub fn new(kind: &str, message: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            phase: None,
            message: message.into(),
        }
    }
}

/// How the VM's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitNote {
    /// By itself, with this code. QEMU exits with 0 on a guest's panic too.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Where the time went, in nanoseconds on the host's clock. Absent: the run
/// did not get there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// From the run's begin to the start of the VM.
    pub prepare_ns: Option<u64>,
    /// From there to the guest's hello.
    pub boot_ns: Option<u64>,
    /// From there to the scenario's verdict.
    pub run_ns: Option<u64>,
    /// From there to the end of the VM.
    pub teardown_ns: Option<u64>,
    /// All of it.
    pub total_ns: u64,
}

/// The host's verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnded {
    /// How the run ended.
    pub outcome: RunOutcome,
    /// What the process exits with, see [`crate::exit_code`].
    pub exit_code: u8,
    /// Why, most important first. Empty if it passed.
    pub reasons: Vec<Reason>,
    /// Remarks of the host that change nothing.
    pub notes: Vec<String>,
    /// False: no check was active and the plugin judged nothing.
    pub asserted: bool,
    /// How the VM's process ended, if there was one.
    pub vm_exit: Option<ExitNote>,
    /// Where the evidence lies.
    pub run_dir: Option<String>,
    /// Where the time went.
    pub timings: Timings,
}
