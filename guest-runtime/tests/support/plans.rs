//! Short ways to say what a plan is. Shared by the conformance suites in the
//! simulated world and on a real kernel.

use proscenium_guest_runtime::contract::ops::{Op, Placement, Spawn};
use proscenium_guest_runtime::contract::stage::{Backdrop, StepPlan};
use proscenium_guest_runtime::contract::types::{
    Affinity, BuiltinWork, CgroupDef, CpusetSpec, HoldSpec, MemPolicy, MemPolicyFlags, SchedPolicy,
    Work, WorkSpec, WorkerCount,
};

pub(crate) const MS: u64 = 1_000_000;

pub(crate) fn nothing() -> Backdrop {
    backdrop(vec![], vec![])
}

pub(crate) fn backdrop(cgroups: Vec<CgroupDef>, ops: Vec<Op>) -> Backdrop {
    Backdrop {
        cgroups,
        ops,
        payloads: vec![],
    }
}

pub(crate) fn step(setup: Vec<CgroupDef>, ops: Vec<Op>, hold: HoldSpec) -> StepPlan {
    StepPlan {
        label: None,
        setup,
        ops,
        hold,
    }
}

pub(crate) fn ms(ms: u64) -> HoldSpec {
    HoldSpec::Fixed(ms * MS)
}

/// A cgroup with one spinning worker and no limits.
pub(crate) fn def(name: &str) -> CgroupDef {
    CgroupDef {
        name: name.to_owned(),
        cpuset: None,
        cpuset_mems: None,
        cpu: None,
        memory: None,
        io_weight: None,
        pids_max: None,
        work: vec![],
        swappable: false,
        payload: None,
    }
}

pub(crate) fn def_on(name: &str, cpus: &[u32]) -> CgroupDef {
    CgroupDef {
        cpuset: Some(CpusetSpec::Exact(cpus.to_vec())),
        ..def(name)
    }
}

pub(crate) fn spins(workers: u32) -> WorkSpec {
    work("spin-wait", WorkerCount::Exactly(workers))
}

pub(crate) fn work(name: &str, workers: WorkerCount) -> WorkSpec {
    WorkSpec {
        work: Work::Builtin(BuiltinWork {
            name: name.to_owned(),
            parameters: vec![],
        }),
        workers,
        policy: SchedPolicy::Normal,
        affinity: Affinity::Inherit,
        mem_policy: MemPolicy::Default,
        mem_policy_flags: MemPolicyFlags::empty(),
        nice: None,
        comm: None,
        pcomm: None,
        gid: None,
        uid: None,
        numa_node: None,
    }
}

pub(crate) fn spawn(cgroup: &str, work: WorkSpec) -> Op {
    Op::Spawn(Spawn {
        placement: Placement::Cgroup(cgroup.to_owned()),
        work,
    })
}
