//! System calls without a safe wrapper elsewhere. No policy.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::process;

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask,
};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getppid, setpgid};

use crate::setup::Policy;

const NODES: usize = 1024;

/// Takes over a descriptor that the parent left open for this process.
///
/// # Errors
/// What the kernel refuses.
pub fn inherit(number: usize) -> io::Result<OwnedFd> {
    let number = RawFd::try_from(number).map_err(|_| Errno::EBADF)?;
    // SAFETY: the call only asks; any number is allowed.
    Errno::result(unsafe { libc::fcntl(number, libc::F_GETFD) })?;
    // SAFETY: it is open, and by the contract with the parent nobody else in
    // this process uses that number.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// A descriptor of its own for what the parent left open for several workers.
///
/// # Errors
/// What the kernel refuses.
pub fn share(number: usize) -> io::Result<OwnedFd> {
    const ABOVE_STANDARD: libc::c_int = 3;
    let number = RawFd::try_from(number).map_err(|_| Errno::EBADF)?;
    // SAFETY: the call makes a new descriptor; any number is allowed.
    let made = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, ABOVE_STANDARD) };
    let made = Errno::result(made)?;
    // SAFETY: just made, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}

/// Does nothing: a stop request is in shared memory. A handler there must be,
/// so that the signal ends a blocking call instead of the process.
extern "C" fn interrupt(_: libc::c_int) {}

/// Makes this process a proper child of `owner`: dies with it, has a process
/// group of its own, takes signals.
pub(super) fn enter(owner: u32) -> io::Result<()> {
    die_with_parent()?;
    if u32::try_from(getppid().as_raw()) != Ok(owner) {
        return Err(io::Error::other(
            "the process that made its memory is not its parent",
        ));
    }
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    let interrupting = SigAction::new(
        SigHandler::Handler(interrupt),
        SaFlags::empty(),
        SigSet::empty(),
    );
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing, which is async-signal-safe.
    unsafe { sigaction(Signal::SIGTERM, &interrupting) }?;
    // SAFETY: no handler. With an inherited "ignore", children could not be waited for.
    unsafe { sigaction(Signal::SIGCHLD, &default) }?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    Ok(())
}

/// Asks the kernel to kill this process when its parent ends.
pub(super) fn die_with_parent() -> io::Result<()> {
    Ok(set_pdeathsig(Signal::SIGKILL)?)
}

/// Sets the scheduling policy of this thread, and keeps its nice value.
///
/// # Errors
/// What the kernel refuses.
pub fn set_policy(policy: Policy) -> io::Result<()> {
    const RESET_ON_FORK: u64 = 1;
    // SAFETY: all-zero is a valid value of this plain struct.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    attributes.size = u32::try_from(size_of::<libc::sched_attr>()).map_err(|_| Errno::EINVAL)?;
    let (number, priority) = match policy {
        Policy::Normal => (0, 0),
        Policy::Batch => (3, 0),
        Policy::Idle => (5, 0),
        Policy::Fifo(priority) => (1, priority),
        Policy::RoundRobin(priority) => (2, priority),
        Policy::Deadline {
            runtime,
            deadline,
            period,
        } => {
            attributes.sched_flags = RESET_ON_FORK;
            attributes.sched_runtime = runtime;
            attributes.sched_deadline = deadline;
            attributes.sched_period = period;
            (6, 0)
        }
        Policy::Ext => (7, 0),
    };
    attributes.sched_policy = number;
    // SAFETY: plain numbers. A nice value of -1 looks like a failure, of which
    // this call knows none for the calling process.
    attributes.sched_nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    if matches!(policy, Policy::Fifo(_) | Policy::RoundRobin(_)) {
        attributes.sched_priority = u32::from(priority.clamp(1, 99));
    }
    // SAFETY: the struct lives through the call, which only reads it.
    Errno::result(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) })?;
    Ok(())
}

/// Sets the memory policy of this thread; `mode` with its flag bits.
pub(super) fn set_mem_policy(mode: u32, nodes: &[u32]) -> io::Result<()> {
    let mut mask = [0_u64; NODES / 64];
    for node in nodes {
        let word = mask.get_mut(*node as usize / 64).ok_or(Errno::EINVAL)?;
        *word |= 1 << (node % 64);
    }
    // The kernel takes one bit less than it is told.
    let bits = nodes
        .iter()
        .max()
        .map_or(0, |highest| u64::from(*highest) + 2);
    // SAFETY: the mask lives through the call, which reads at most `bits` of it.
    Errno::result(unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, mask.as_ptr(), bits) })?;
    Ok(())
}

/// Sets the nice value of this thread.
///
/// # Errors
/// What the kernel refuses.
pub fn set_nice(nice: i32) -> io::Result<()> {
    // SAFETY: plain numbers.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) })?;
    Ok(())
}

/// Sets the group id of this thread alone: its siblings may still need theirs.
pub(super) fn set_gid(gid: u32) -> io::Result<()> {
    // SAFETY: plain numbers. Not through libc, which would do it to all threads.
    Errno::result(unsafe { libc::syscall(libc::SYS_setgid, gid) })?;
    Ok(())
}

/// Sets the user id of this thread alone, as above.
pub(super) fn set_uid(uid: u32) -> io::Result<()> {
    // SAFETY: as above.
    Errno::result(unsafe { libc::syscall(libc::SYS_setuid, uid) })?;
    Ok(())
}

/// Sends the signal that goes with a stop request to a thread of this process.
/// One that has ended, or has not begun, is success.
pub(super) fn interrupt_thread(tid: u32) {
    // SAFETY: plain numbers; the kernel looks for the thread in this process only.
    unsafe { libc::syscall(libc::SYS_tgkill, process::id(), tid, libc::SIGTERM) };
}

/// Makes a child that exits at once.
///
/// # Errors
/// What the kernel refuses.
pub fn fork() -> io::Result<Pid> {
    // SAFETY: the child calls nothing but `_exit`, so nothing of this
    // process, the shared counters included, is touched twice.
    match Errno::result(unsafe { libc::fork() })? {
        // SAFETY: ends the child without running anything of the parent's.
        0 => unsafe { libc::_exit(0) },
        child => Ok(Pid::from_raw(child)),
    }
}

/// Waits for a child of [`fork`]; a signal does not cut it short.
///
/// # Errors
/// What the kernel refuses.
pub fn wait(child: Pid) -> io::Result<()> {
    loop {
        match waitpid(child, None) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
