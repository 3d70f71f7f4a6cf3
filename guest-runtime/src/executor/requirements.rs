//! What a plan needs: the smallest set of controllers, and which ops this
//! runtime offers. Pure; walks plans, never carries anything out.

use crate::bindings::ops::Op;
use crate::bindings::stage::{Backdrop, StepPlan};
use crate::bindings::types::CgroupDef;
use crate::executor::{Error, Result};
use crate::world::{Controllers, World};

/// Controllers that one definition needs.
pub(super) fn of_def(def: &CgroupDef) -> Controllers {
    let mut needed = Controllers::empty();
    needed.set(
        Controllers::CPUSET,
        def.cpuset.is_some() || def.cpuset_mems.is_some(),
    );
    needed.set(Controllers::CPU, def.cpu.is_some());
    needed.set(Controllers::MEMORY, def.memory.is_some());
    needed.set(Controllers::IO, def.io_weight.is_some());
    needed.set(Controllers::PIDS, def.pids_max.is_some());
    needed
}

/// Controllers that one op needs.
pub(super) fn of_op(op: &Op) -> Controllers {
    match op {
        Op::AddCgroupDef(def) => of_def(def),
        Op::SetCpuset(_) | Op::ClearCpuset(_) | Op::SwapCpusets(_) | Op::SetAffinity(_) => {
            Controllers::CPUSET
        }
        _ => Controllers::empty(),
    }
}

/// Union over a whole plan.
pub(super) fn of_plan(backdrop: &Backdrop, steps: &[StepPlan]) -> Controllers {
    let defs = backdrop
        .cgroups
        .iter()
        .chain(steps.iter().flat_map(|step| &step.setup));
    let ops = backdrop
        .ops
        .iter()
        .chain(steps.iter().flat_map(|step| &step.ops));
    defs.map(of_def).chain(ops.map(of_op)).collect()
}

/// The op's case in the contract, which is its bit in a step's frame.
#[must_use]
pub fn op_bit(op: &Op) -> u32 {
    match op {
        Op::AddCgroup(_) => 0,
        Op::AddCgroupDef(_) => 1,
        Op::RemoveCgroup(_) => 2,
        Op::SetCpuset(_) => 3,
        Op::ClearCpuset(_) => 4,
        Op::SwapCpusets(_) => 5,
        Op::Spawn(_) => 6,
        Op::StopCgroup(_) => 7,
        Op::SetAffinity(_) => 8,
        Op::MoveAllTasks(_) => 9,
        Op::RunPayload(_) => 10,
        Op::WaitPayload(_) => 11,
        Op::KillPayload(_) => 12,
        Op::FreezeCgroup(_) => 13,
        Op::UnfreezeCgroup(_) => 14,
        Op::CaptureSnapshot(_) => 15,
        Op::WatchSnapshot(_) => 16,
        Op::WriteKernelHot(_) => 17,
        Op::WriteKernelCold(_) => 18,
        Op::ReadKernelHot(_) => 19,
        Op::ReadKernelCold(_) => 20,
        Op::AttachScheduler(_) => 21,
        Op::DetachScheduler => 22,
        Op::RestartScheduler => 23,
        Op::ReplaceScheduler(_) => 24,
        Op::PinBpfMap(_) => 25,
        Op::CaptureCgroupProcs(_) => 26,
        Op::SteerIrq(_) => 27,
    }
}

/// The contract's names of the ops, in the order of their cases.
const OP_NAMES: [&str; 28] = [
    "add-cgroup",
    "add-cgroup-def",
    "remove-cgroup",
    "set-cpuset",
    "clear-cpuset",
    "swap-cpusets",
    "spawn",
    "stop-cgroup",
    "set-affinity",
    "move-all-tasks",
    "run-payload",
    "wait-payload",
    "kill-payload",
    "freeze-cgroup",
    "unfreeze-cgroup",
    "capture-snapshot",
    "watch-snapshot",
    "write-kernel-hot",
    "write-kernel-cold",
    "read-kernel-hot",
    "read-kernel-cold",
    "attach-scheduler",
    "detach-scheduler",
    "restart-scheduler",
    "replace-scheduler",
    "pin-bpf-map",
    "capture-cgroup-procs",
    "steer-irq",
];

/// The op's case as the contract writes it.
pub(super) fn op_name(op: &Op) -> &'static str {
    OP_NAMES[op_bit(op) as usize]
}

/// Refuses what a world without some of the controllers cannot do.
///
/// # Errors
/// `unavailable`, naming the controllers that are missing.
pub(super) fn lacking(needed: Controllers, world: &dyn World) -> Result<()> {
    let absent = needed - world.controllers();
    if absent.is_empty() {
        return Ok(());
    }
    Err(Error::unavailable(format!(
        "it needs controllers that are not available: {absent}"
    ))
    .remedy(world.absent_controllers()))
}

/// Refuses an op that this version of the runtime does not carry out.
///
/// # Errors
/// `unavailable`, naming what it needs.
pub(super) fn offered(op: &Op) -> Result<()> {
    match op_bit(op) {
        15..=20 => Err(not_offered("kernel memory and captures")),
        _ => Ok(()),
    }
}

/// The answer for a part of the contract that this version does not carry out.
pub(super) fn not_offered(family: &str) -> Error {
    Error::unavailable(format!(
        "this version of the runtime does not offer {family}"
    ))
    .remedy("leave it out, or use a newer version")
}
