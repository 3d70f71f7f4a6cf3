//! Where pages lie: the three ratios of section 8.4 of the semantics. Pure.
//!
//! Pages are those that work looks at, as it last saw them. Absent: there are
//! none, or nothing is known to compare them with.

use std::collections::BTreeSet;

use proscenium_wire::CgroupStats;
use proscenium_worker::Report;

use crate::cpuset::CpuSet;
use crate::machine::Machine;

/// What is near to a cgroup's workers, and what is slow for everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Nodes of the CPUs of the cgroup's cpuset; `None` without a cpuset.
    pub near: Option<BTreeSet<u32>>,
    /// Nodes without CPUs.
    pub slow: BTreeSet<u32>,
}

impl Memory {
    /// That of a cgroup with this cpuset.
    #[must_use]
    pub fn around(machine: &Machine, cpuset: Option<&CpuSet>) -> Self {
        let with_cpus = machine.nodes_of(&machine.cpus);
        Self {
            near: cpuset.map(|cpus| machine.nodes_of(cpus)),
            slow: machine.nodes.difference(&with_cpus).copied().collect(),
        }
    }
}

/// The statistics with the three ratios of a whole crew.
#[must_use]
pub fn placed(stats: CgroupStats, reports: &[Report], memory: &Memory) -> CgroupStats {
    let pages = &stats.numa_pages;
    CgroupStats {
        page_locality: memory.near.as_ref().and_then(|near| share(pages, near)),
        cross_node_ratio: reports
            .iter()
            .filter_map(|report| ratio(report.pages_migrated, total(&report.numa_pages)))
            .reduce(f64::max),
        slow_tier_ratio: share(pages, &memory.slow),
        ..stats
    }
}

/// Share of the pages that are on one of these nodes.
fn share(pages: &[(u32, u64)], nodes: &BTreeSet<u32>) -> Option<f64> {
    let there: Vec<_> = pages
        .iter()
        .filter(|(node, _)| nodes.contains(node))
        .copied()
        .collect();
    ratio(total(&there), total(pages))
}

fn total(pages: &[(u32, u64)]) -> u64 {
    let counts = pages.iter().map(|(_, pages)| *pages);
    counts.fold(0, u64::saturating_add)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for thresholds")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
