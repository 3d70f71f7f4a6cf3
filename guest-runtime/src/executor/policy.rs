//! Scheduling and memory policies of workers: validation, in the order that
//! the semantics give (sections 2.7 and 2.8). Pure.

use std::collections::BTreeSet;

use proscenium_worker::{MemPolicy, Policy};

use crate::bindings::types::{self, MemPolicyFlags, SchedPolicy, WorkSpec};
use crate::cpuset::CpuSet;
use crate::executor::crew::Place;
use crate::executor::{Error, Result};
use crate::name::quote;

/// Least runtime of SCHED_DEADLINE, in nanoseconds (`DL_SCALE` in the kernel).
const DEADLINE_MIN_RUNTIME: u64 = 1_024;

/// `MPOL_*` modes of set_mempolicy(2).
mod mode {
    pub(super) const PREFERRED: u32 = 1;
    pub(super) const BIND: u32 = 2;
    pub(super) const INTERLEAVE: u32 = 3;
    pub(super) const LOCAL: u32 = 4;
    pub(super) const PREFERRED_MANY: u32 = 5;
    pub(super) const WEIGHTED_INTERLEAVE: u32 = 6;
    /// `MPOL_F_NUMA_BALANCING`
    pub(super) const NUMA_BALANCING: u32 = 1 << 13;
    /// `MPOL_F_RELATIVE_NODES`
    pub(super) const RELATIVE_NODES: u32 = 1 << 14;
    /// `MPOL_F_STATIC_NODES`
    pub(super) const STATIC_NODES: u32 = 1 << 15;
}

/// Checks a scheduling policy.
pub(super) fn scheduling(policy: &SchedPolicy) -> Result<Policy> {
    Ok(match policy {
        SchedPolicy::Normal => Policy::Normal,
        SchedPolicy::Batch => Policy::Batch,
        SchedPolicy::Idle => Policy::Idle,
        SchedPolicy::Fifo(priority) => Policy::Fifo(real_time(*priority)?),
        SchedPolicy::RoundRobin(priority) => Policy::RoundRobin(real_time(*priority)?),
        SchedPolicy::Deadline(d) => {
            let period = if d.period == 0 { d.deadline } else { d.period };
            let ordered = DEADLINE_MIN_RUNTIME <= d.runtime
                && d.runtime <= d.deadline
                && d.deadline <= period
                && i64::try_from(period).is_ok();
            if !ordered {
                return Err(Error::invalid(format!(
                    "deadline({}, {}, {}) ns is not possible: {DEADLINE_MIN_RUNTIME} ≤ runtime ≤ deadline ≤ period < 2^63",
                    d.runtime, d.deadline, d.period
                )));
            }
            Policy::Deadline {
                runtime: d.runtime,
                deadline: d.deadline,
                period,
            }
        }
        SchedPolicy::Ext => Policy::Ext,
    })
}

fn real_time(priority: u32) -> Result<u8> {
    match u8::try_from(priority) {
        Ok(priority @ 1..=99) => Ok(priority),
        _ => Err(Error::invalid(format!(
            "real-time priority {priority} is out of range: 1 to 99"
        ))),
    }
}

/// Checks a memory policy against its place.
pub(super) fn memory(spec: &WorkSpec, place: Place<'_>) -> Result<Option<MemPolicy>> {
    let flags = spec.mem_policy_flags;
    if flags.contains(MemPolicyFlags::STATIC_NODES | MemPolicyFlags::RELATIVE_NODES) {
        return Err(Error::invalid(
            "memory policy flags static-nodes (node ids as given) and relative-nodes (positions \
             within the allowed nodes) exclude each other",
        ));
    }
    let (mode, nodes) = match &spec.mem_policy {
        types::MemPolicy::Default => return Ok(None),
        types::MemPolicy::Local => (mode::LOCAL, &[][..]),
        types::MemPolicy::Preferred(node) => (mode::PREFERRED, std::slice::from_ref(node)),
        types::MemPolicy::Bind(nodes) => (mode::BIND, &nodes[..]),
        types::MemPolicy::Interleave(nodes) => (mode::INTERLEAVE, &nodes[..]),
        types::MemPolicy::PreferredMany(nodes) => (mode::PREFERRED_MANY, &nodes[..]),
        types::MemPolicy::WeightedInterleave(nodes) => (mode::WEIGHTED_INTERLEAVE, &nodes[..]),
    };
    let wanted: BTreeSet<u32> = nodes.iter().copied().collect();
    if wanted.is_empty() && mode != mode::LOCAL {
        return Err(Error::invalid(
            "a memory policy with a node set needs at least one node",
        ));
    }
    check_nodes(&wanted, flags, place)?;
    let mut bits = 0;
    for (flag, bit) in [
        (MemPolicyFlags::STATIC_NODES, mode::STATIC_NODES),
        (MemPolicyFlags::RELATIVE_NODES, mode::RELATIVE_NODES),
        (MemPolicyFlags::NUMA_BALANCING, mode::NUMA_BALANCING),
    ] {
        if flags.contains(flag) {
            bits |= bit;
        }
    }
    Ok(Some(MemPolicy {
        mode: mode | bits,
        nodes: wanted.into_iter().collect(),
    }))
}

fn check_nodes(wanted: &BTreeSet<u32>, flags: MemPolicyFlags, place: Place<'_>) -> Result<()> {
    let Some(name) = place.group.map(quote) else {
        return Ok(());
    };
    if wanted.is_empty() || flags.contains(MemPolicyFlags::RELATIVE_NODES) {
        return Ok(());
    }
    if flags.contains(MemPolicyFlags::STATIC_NODES) {
        let missing: Vec<_> = wanted.difference(&place.machine.nodes).collect();
        if missing.is_empty() {
            return Ok(());
        }
        return Err(Error::invalid(format!(
            "memory policy of cgroup {name} names nodes {missing:?} that do not exist: the machine has {:?}",
            place.machine.nodes
        )));
    }
    // `cpuset.mems` decides where it is set, else the nodes that the cpuset covers.
    let covered: BTreeSet<u32> = match (place.mems, place.cpuset) {
        (Some(mems), _) => mems.iter().collect(),
        (None, Some(cpus)) => place.machine.nodes_of(cpus),
        (None, None) => return Ok(()),
    };
    let uncovered: Vec<_> = wanted.difference(&covered).collect();
    if uncovered.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "memory policy of cgroup {name} names nodes {uncovered:?} outside {covered:?}, which its \
         cpuset covers: set static-nodes, or widen the cpuset{}",
        place
            .cpuset
            .map_or_else(String::new, |cpus: &CpuSet| format!(" ({cpus})"))
    )))
}
