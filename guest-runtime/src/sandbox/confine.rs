//! What the component's process gives up before foreign code runs in it.
//!
//! In this order, each behind the ones before it:
//!
//! 1. limits on memory, computing time, files, and no core dump;
//! 2. namespaces of its own where the kernel lets it: no network, no mounts;
//! 3. the user, where it was root: `nobody`, and with it all capabilities;
//! 4. system calls: those that computing, waiting and talking to the runtime
//!    take, see `calls`.
//!
//! The last is not optional: what cannot give it up does not run.

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::{set_no_new_privs, set_pdeathsig};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};
use proscenium_wire::Limits;
use seccompiler::BackendError;

use super::calls::{Rule, allow_only, bits_are};

/// User and group `nobody`, as the kernel's overflow ids.
const NOBODY: u32 = 65_534;
/// Memory beyond the component's own: wasmtime, stacks, messages, in bytes.
pub(crate) const OVERHEAD: u64 = 256 << 20;
/// Descriptors: the socket, the standard ones, two for each watchdog.
const OPEN_FILES: u64 = 32;
/// Computing time beyond the component's own, in seconds: start, answers.
const GRACE: u64 = 30;

/// What could not be given up.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what}: {why}: the component was not run")]
pub(super) struct ConfineError {
    what: &'static str,
    why: String,
}

fn failed<E: ToString>(what: &'static str) -> impl Fn(E) -> ConfineError {
    move |error| ConfineError {
        what,
        why: error.to_string(),
    }
}

/// See the module. The process must have one thread.
pub(super) fn give_up(limits: &Limits) -> Result<(), ConfineError> {
    limit(limits).map_err(failed("limit the component's process"))?;
    separate();
    become_nobody().map_err(failed("give up the user"))?;
    set_no_new_privs().map_err(failed("give up new privileges"))?;
    // A change of user has cleared it.
    set_pdeathsig(Signal::SIGKILL).map_err(failed("end with the runtime"))?;
    let rules = rules().map_err(failed("make the filter of system calls"))?;
    allow_only(&CALLS, rules).map_err(failed("give up system calls"))
}

fn limit(limits: &Limits) -> nix::Result<()> {
    let memory = limits.memory_bytes.saturating_add(OVERHEAD);
    let seconds = (limits.compute_ms / 1_000).saturating_add(GRACE);
    for (resource, most) in [
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, OPEN_FILES),
        (Resource::RLIMIT_DATA, memory),
        (Resource::RLIMIT_CPU, seconds),
    ] {
        setrlimit(resource, most, most)?;
    }
    Ok(())
}

/// Only root may. For others the filter does, and a user namespace would bring
/// capabilities that are not there now.
fn separate() {
    let apart = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if let Err(errno) = unshare(apart) {
        tracing::debug!("no namespaces of its own for the component's process: {errno}");
    }
}

fn become_nobody() -> nix::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)
}

/// Talking to the runtime, the watchdog's two descriptors and its thread.
const CALLS: [i64; 11] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_eventfd2,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
];

fn rules() -> Result<Vec<Rule>, BackendError> {
    // Another thread, and no process.
    let thread = bits_are(0, libc::CLONE_THREAD, libc::CLONE_THREAD)?;
    let name = bits_are(0, -1, libc::PR_SET_NAME)?;
    Ok(vec![(libc::SYS_clone, thread), (libc::SYS_prctl, name)])
}
