//! The operations of a step, as data: made here, carried out by a plan or a
//! live step. Making one needs no capability.
//!
//! Names are looked up in the step first, then in the backdrop. Operations
//! without a constructor here are variants of [`Op`].

use crate::bindings::proscenium::scenario::ops::{
    CaptureProcs, Irq, MoveAllTasks, SetAffinity, SetCpuset, Spawn, SteerIrq, SwapCpusets,
};
pub use crate::bindings::proscenium::scenario::ops::{Op, Placement};
use crate::cgroup_def::CgroupDef;
use crate::types::{Affinity, CpusetSpec, PayloadRef, PayloadRun, WorkSpec};

/// Creates an empty cgroup.
#[must_use]
pub fn add_cgroup(name: impl Into<String>) -> Op {
    Op::AddCgroup(name.into())
}

/// Creates a whole cgroup, workers included, in the middle of the list.
///
/// ```
/// use proscenium_sdk::prelude::*;
/// let late = ops::add_cgroup_def(CgroupDef::new("late").workers(2));
/// ```
#[must_use]
pub fn add_cgroup_def(def: CgroupDef) -> Op {
    Op::AddCgroupDef(def.into())
}

/// Stops what runs in a cgroup, collects it and removes it.
#[must_use]
pub fn remove_cgroup(name: impl Into<String>) -> Op {
    Op::RemoveCgroup(name.into())
}

/// Changes a cgroup's cpuset, under whatever runs in it.
///
/// ```
/// use proscenium_sdk::prelude::*;
/// let shrink = ops::set_cpuset("load", disjoint(0, 2));
/// # assert!(matches!(shrink, Op::SetCpuset(ref op) if op.cgroup == "load"));
/// ```
#[must_use]
pub fn set_cpuset(cgroup: impl Into<String>, cpus: CpusetSpec) -> Op {
    Op::SetCpuset(SetCpuset {
        cgroup: cgroup.into(),
        cpus,
    })
}

/// Gives a cgroup its parent's cpuset.
#[must_use]
pub fn clear_cpuset(cgroup: impl Into<String>) -> Op {
    Op::ClearCpuset(cgroup.into())
}

/// Exchanges two cgroups' cpusets, an empty one included.
#[must_use]
pub fn swap_cpusets(a: impl Into<String>, b: impl Into<String>) -> Op {
    Op::SwapCpusets(SwapCpusets {
        a: a.into(),
        b: b.into(),
    })
}

/// Starts workers in an existing cgroup. They end with the step, even where
/// the cgroup belongs to the backdrop.
///
/// ```
/// use proscenium_sdk::prelude::*;
/// let more = ops::spawn("hog", WorkSpec::new(SpinWait::new()).workers(1));
/// ```
#[must_use]
pub fn spawn(cgroup: impl Into<String>, work: WorkSpec) -> Op {
    Op::Spawn(Spawn {
        placement: Placement::Cgroup(cgroup.into()),
        work,
    })
}

/// Starts workers beside the runtime, in its own cgroup.
#[must_use]
pub fn spawn_beside_runner(work: WorkSpec) -> Op {
    Op::Spawn(Spawn {
        placement: Placement::Runner,
        work,
    })
}

/// Stops and collects what runs in a cgroup; the cgroup stays.
#[must_use]
pub fn stop_cgroup(name: impl Into<String>) -> Op {
    Op::StopCgroup(name.into())
}

/// Re-pins every worker of a cgroup.
#[must_use]
pub fn set_affinity(cgroup: impl Into<String>, affinity: Affinity) -> Op {
    Op::SetAffinity(SetAffinity {
        cgroup: cgroup.into(),
        affinity,
    })
}

/// Moves the workers of one cgroup into another.
#[must_use]
pub fn move_all_tasks(from: impl Into<String>, to: impl Into<String>) -> Op {
    Op::MoveAllTasks(MoveAllTasks {
        from: from.into(),
        to: to.into(),
    })
}

/// Starts a payload that the operator declared, in a cgroup or, with `None`,
/// beside the runtime. It ends with the step.
///
/// ```
/// use proscenium_sdk::prelude::*;
/// let start = ops::run_payload("hackbench", ["-l", "100"], Some("load"));
/// ```
#[must_use]
pub fn run_payload<A: Into<String>>(
    name: impl Into<String>,
    args: impl IntoIterator<Item = A>,
    cgroup: Option<&str>,
) -> Op {
    Op::RunPayload(PayloadRun {
        payload: name.into(),
        args: args.into_iter().map(Into::into).collect(),
        cgroup: cgroup.map(str::to_owned),
    })
}

/// Waits until a payload ends, at most to the scenario's end, which fails the
/// step. Without a cgroup it must be the only one of its name.
#[must_use]
pub fn wait_payload(name: impl Into<String>, cgroup: Option<&str>) -> Op {
    Op::WaitPayload(payload_ref(name, cgroup))
}

/// Kills a payload. Without a cgroup it must be the only one of its name.
#[must_use]
pub fn kill_payload(name: impl Into<String>, cgroup: Option<&str>) -> Op {
    Op::KillPayload(payload_ref(name, cgroup))
}

fn payload_ref(name: impl Into<String>, cgroup: Option<&str>) -> PayloadRef {
    PayloadRef {
        payload: name.into(),
        cgroup: cgroup.map(str::to_owned),
    }
}

/// Freezes a cgroup; does not wait until every task is.
#[must_use]
pub fn freeze_cgroup(name: impl Into<String>) -> Op {
    Op::FreezeCgroup(name.into())
}

/// Thaws a cgroup.
#[must_use]
pub fn unfreeze_cgroup(name: impl Into<String>) -> Op {
    Op::UnfreezeCgroup(name.into())
}

/// Attaches a scheduler that the operator declared, and waits until the kernel
/// has it enabled. It stays until it is detached or the scenario ends.
///
/// ```
/// use proscenium_sdk::prelude::*;
/// let steps = [
///     Step::new("old").op(ops::attach_scheduler("old")),
///     Step::new("new").op(ops::replace_scheduler("new")),
///     Step::new("kernel").op(ops::detach_scheduler()),
/// ];
/// ```
#[must_use]
pub fn attach_scheduler(name: impl Into<String>) -> Op {
    Op::AttachScheduler(name.into())
}

/// Has the attached scheduler leave; the kernel's own runs then.
#[must_use]
pub fn detach_scheduler() -> Op {
    Op::DetachScheduler
}

/// Detaches the attached scheduler and attaches it anew.
#[must_use]
pub fn restart_scheduler() -> Op {
    Op::RestartScheduler
}

/// Detaches the attached scheduler and attaches another.
#[must_use]
pub fn replace_scheduler(name: impl Into<String>) -> Op {
    Op::ReplaceScheduler(name.into())
}

/// Keeps a BPF map by its name, 1 to 15 bytes, to the scenario's end, whatever
/// becomes of its scheduler.
#[must_use]
pub fn pin_bpf_map(name: impl Into<String>) -> Op {
    Op::PinBpfMap(name.into())
}

/// Puts the process ids of a cgroup on the record, under `tag`.
#[must_use]
pub fn capture_procs(tag: impl Into<String>, cgroup: impl Into<String>) -> Op {
    Op::CaptureCgroupProcs(CaptureProcs {
        tag: tag.into(),
        cgroup: cgroup.into(),
    })
}

/// Has an interrupt, by its number, taken by one CPU. It stays there.
#[must_use]
pub fn steer_irq(number: u32, cpu: u32) -> Op {
    Op::SteerIrq(SteerIrq {
        irq: Irq::Number(number),
        cpu,
    })
}

/// As [`steer_irq`], by its label: the last word of its line in
/// `/proc/interrupts`.
#[must_use]
pub fn steer_irq_labelled(label: impl Into<String>, cpu: u32) -> Op {
    Op::SteerIrq(SteerIrq {
        irq: Irq::Label(label.into()),
        cpu,
    })
}
