//! How much of what a guest says is kept: a guest may say anything, as often as
//! it likes.

/// How many of each kind are let through. What is beyond is counted, announced
/// once and left out; the raw frames keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Log lines.
    pub logs: u32,
    /// Marks of the plugin.
    pub marks: u32,
    /// Steps, each with a start and an end.
    pub steps: u32,
    /// Details, streamed and in the verdict, each.
    pub details: u32,
    /// Findings.
    pub findings: u32,
    /// Cgroup statistics, streamed and in the verdict, each.
    pub cgroups: u32,
    /// Payload records.
    pub payloads: u32,
    /// News and last words of schedulers.
    pub schedulers: u32,
    /// Everything else.
    pub others: u32,
}

impl Default for Bounds {
    /// The guest's own limits, with room for what the runtime adds.
    fn default() -> Self {
        Self {
            logs: 50_000,
            marks: 100_000,
            steps: 65_536,
            details: 10_000,
            findings: 1_000,
            cgroups: 50_000,
            payloads: 10_000,
            schedulers: 10_000,
            others: 200_000,
        }
    }
}
