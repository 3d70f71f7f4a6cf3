//! Applies a worker's [`Setup`] in its order. Nothing here stops a worker: a
//! step that fails is recorded with its errno and the next one is done.

use std::ffi::CString;
use std::io;
use std::sync::atomic::Ordering::Relaxed;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl::set_name;
use nix::unistd::Pid;

use crate::arena::layout::Facts;
use crate::process::sys;
use crate::setup::{Policy, Setup, SetupStep};

pub(super) fn apply(setup: &Setup, facts: &Facts) {
    for step in SetupStep::ALL {
        if let Err(error) = one(setup, step) {
            record(facts, step, &error);
        }
    }
}

/// Files the first failure of a step.
pub fn record(facts: &Facts, step: SetupStep, error: &io::Error) {
    let place = SetupStep::ALL
        .iter()
        .zip(&facts.errnos)
        .find(|(each, _)| **each == step);
    let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
    if let Some((_, place)) = place
        && place.load(Relaxed) == 0
    {
        place.store(errno.unsigned_abs(), Relaxed);
    }
}

/// Takes on the identity alone, for a thread that does no work.
pub(super) fn identity(setup: &Setup) -> io::Result<()> {
    one(setup, SetupStep::Gid)?;
    one(setup, SetupStep::Uid)
}

fn one(setup: &Setup, step: SetupStep) -> io::Result<()> {
    match step {
        SetupStep::Affinity => setup.affinity.as_deref().map_or(Ok(()), affinity),
        SetupStep::Policy if setup.policy == Policy::Normal => Ok(()),
        SetupStep::Policy => sys::set_policy(setup.policy),
        SetupStep::MemPolicy => setup.mem_policy.as_ref().map_or(Ok(()), |policy| {
            sys::set_mem_policy(policy.mode, &policy.nodes)
        }),
        SetupStep::Nice => setup.nice.map_or(Ok(()), sys::set_nice),
        SetupStep::Comm => setup.comm.as_deref().map_or(Ok(()), comm),
        SetupStep::Gid => setup.gid.map_or(Ok(()), sys::set_gid),
        SetupStep::Uid => setup.uid.map_or(Ok(()), sys::set_uid),
        SetupStep::Work => Ok(()),
    }
}

fn affinity(cpus: &[u32]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(usize::try_from(*cpu).map_err(|_| Errno::EINVAL)?)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Names this thread.
pub(super) fn comm(name: &str) -> io::Result<()> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    Ok(set_name(&name)?)
}
