//! The budgets of a run by name: the key in a grant, the unit, and the kind of
//! detail that says that one was used up. The numbers are in [`crate::Limits`].

use crate::{DetailKind, Limits};

/// What can be used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "each is the field of `Limits` that `value` names"
)]
pub enum Budget {
    Compute,
    Memory,
    Tables,
    Instances,
    Handles,
    CallBytes,
    ReportBytes,
    HostCalls,
    CallRate,
    Frames,
    LogBytes,
    Marks,
    Steps,
    Ops,
    Cgroups,
    Workers,
    Payloads,
    Processes,
    RootMemory,
    Duration,
}

/// What a budget's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
}

impl Budget {
    /// All of them, those of the component first.
    pub const ALL: [Self; 20] = [
        Self::Compute,
        Self::Memory,
        Self::Tables,
        Self::Instances,
        Self::Handles,
        Self::CallBytes,
        Self::ReportBytes,
        Self::HostCalls,
        Self::CallRate,
        Self::Frames,
        Self::LogBytes,
        Self::Marks,
        Self::Steps,
        Self::Ops,
        Self::Cgroups,
        Self::Workers,
        Self::Payloads,
        Self::Processes,
        Self::RootMemory,
        Self::Duration,
    ];

    /// Its key below `limits` in a grant.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Memory => "memory",
            Self::Tables => "tables",
            Self::Instances => "instances",
            Self::Handles => "handles",
            Self::CallBytes => "call-bytes",
            Self::ReportBytes => "report-bytes",
            Self::HostCalls => "host-calls",
            Self::CallRate => "calls-per-second",
            Self::Frames => "frames",
            Self::LogBytes => "log-bytes",
            Self::Marks => "marks",
            Self::Steps => "steps",
            Self::Ops => "ops",
            Self::Cgroups => "cgroups",
            Self::Workers => "workers",
            Self::Payloads => "payloads",
            Self::Processes => "processes",
            Self::RootMemory => "root-memory",
            Self::Duration => "duration",
        }
    }

    /// The budget with this key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|budget| budget.key() == key)
    }

    /// What its number counts.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Compute | Self::Duration => Unit::Milliseconds,
            Self::Memory
            | Self::CallBytes
            | Self::ReportBytes
            | Self::LogBytes
            | Self::RootMemory => Unit::Bytes,
            _ => Unit::Count,
        }
    }

    /// The most that a grant can give.
    #[must_use]
    pub fn ceiling(self) -> u64 {
        match self {
            Self::Compute | Self::Duration => 24 * 60 * 60 * 1_000,
            // Linear memory has 32-bit addresses.
            Self::Memory => 4 << 30,
            Self::Tables => 10_000_000,
            Self::Instances => 10_000,
            Self::Handles => 1_000_000,
            Self::CallBytes => 64 << 20,
            // A verdict has to fit into one frame.
            Self::ReportBytes => crate::MAX_PAYLOAD as u64 / 4 * 3,
            Self::HostCalls => 1_000_000_000_000,
            // Far more than any machine makes.
            Self::CallRate => 100_000_000,
            Self::Frames => 1_000_000_000,
            Self::LogBytes => 256 << 20,
            Self::Marks => 10_000_000,
            Self::Steps | Self::Cgroups | Self::Workers => 65_535,
            Self::Ops => 1_000_000,
            Self::Payloads => 1_024,
            // `PID_MAX_LIMIT` of the kernel.
            Self::Processes => 4_194_304,
            Self::RootMemory => 1 << 50,
        }
    }

    /// The kind of detail that says that it was used up.
    #[must_use]
    pub fn kind(self) -> DetailKind {
        match self {
            Self::Compute => DetailKind::PluginTimeout,
            Self::Memory => DetailKind::MemoryLimit,
            Self::Tables => DetailKind::TableLimit,
            Self::Instances => DetailKind::InstanceLimit,
            Self::Handles => DetailKind::HandleLimit,
            Self::CallBytes => DetailKind::CallBytesLimit,
            Self::ReportBytes => DetailKind::ReportLimit,
            Self::HostCalls => DetailKind::HostCallLimit,
            Self::CallRate => DetailKind::CallRateLimit,
            Self::Frames => DetailKind::FrameLimit,
            Self::LogBytes => DetailKind::LogLimit,
            Self::Marks => DetailKind::MarkLimit,
            Self::Steps => DetailKind::StepLimit,
            Self::Ops => DetailKind::OpLimit,
            Self::Cgroups => DetailKind::CgroupLimit,
            Self::Workers => DetailKind::WorkerLimit,
            Self::Payloads => DetailKind::PayloadLimit,
            Self::Processes => DetailKind::ProcessLimit,
            Self::RootMemory => DetailKind::RootMemoryLimit,
            Self::Duration => DetailKind::DurationLimit,
        }
    }
}

impl Limits {
    /// The number for one budget, in its [`Budget::unit`].
    #[must_use]
    pub fn get(&self, budget: Budget) -> u64 {
        match budget {
            Budget::Compute => self.compute_ms,
            Budget::Memory => self.memory_bytes,
            Budget::Tables => self.table_elements.into(),
            Budget::Instances => self.instances.into(),
            Budget::Handles => self.handles.into(),
            Budget::CallBytes => self.call_bytes.into(),
            Budget::ReportBytes => self.report_bytes.into(),
            Budget::HostCalls => self.host_calls,
            Budget::CallRate => self.calls_per_second.into(),
            Budget::Frames => self.frames,
            Budget::LogBytes => self.log_bytes,
            Budget::Marks => self.marks.into(),
            Budget::Steps => self.steps.into(),
            Budget::Ops => self.ops_per_step.into(),
            Budget::Cgroups => self.cgroups.into(),
            Budget::Workers => self.workers.into(),
            Budget::Payloads => self.payloads.into(),
            Budget::Processes => self.processes.into(),
            Budget::RootMemory => self.root_memory_bytes,
            Budget::Duration => self.duration_ms,
        }
    }

    /// Sets the number for one budget, at most its [`Budget::ceiling`].
    pub fn set(&mut self, budget: Budget, value: u64) {
        let value = value.min(budget.ceiling());
        let small = u32::try_from(value).unwrap_or(u32::MAX);
        match budget {
            Budget::Compute => self.compute_ms = value,
            Budget::Memory => self.memory_bytes = value,
            Budget::Tables => self.table_elements = small,
            Budget::Instances => self.instances = small,
            Budget::Handles => self.handles = small,
            Budget::CallBytes => self.call_bytes = small,
            Budget::ReportBytes => self.report_bytes = small,
            Budget::HostCalls => self.host_calls = value,
            Budget::CallRate => self.calls_per_second = small,
            Budget::Frames => self.frames = value,
            Budget::LogBytes => self.log_bytes = value,
            Budget::Marks => self.marks = small,
            Budget::Steps => self.steps = small,
            Budget::Ops => self.ops_per_step = small,
            Budget::Cgroups => self.cgroups = small,
            Budget::Workers => self.workers = small,
            Budget::Payloads => self.payloads = small,
            Budget::Processes => self.processes = small,
            Budget::RootMemory => self.root_memory_bytes = value,
            Budget::Duration => self.duration_ms = value,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_budget_has_a_key_and_a_kind_of_its_own_and_its_default_fits() {
        let keys: BTreeSet<_> = Budget::ALL.map(Budget::key).into();
        assert_eq!(keys.len(), Budget::ALL.len());
        for (at, budget) in Budget::ALL.into_iter().enumerate() {
            assert_eq!(Budget::of_key(budget.key()), Some(budget));
            let other = |one: &Budget| one.kind() == budget.kind();
            assert!(!Budget::ALL[..at].iter().any(other), "{budget:?}");
            let default = Limits::default().get(budget);
            assert!((1..=budget.ceiling()).contains(&default), "{budget:?}");
        }
    }

    #[test]
    fn what_is_set_is_read_and_never_beyond_the_ceiling() {
        for budget in Budget::ALL {
            let mut limits = Limits::default();
            limits.set(budget, 7);
            assert_eq!(limits.get(budget), 7, "{budget:?}");
            limits.set(budget, u64::MAX);
            assert_eq!(limits.get(budget), budget.ceiling(), "{budget:?}");
        }
    }
}
