//! The two system calls that no crate wraps: `clone3` into a cgroup, and a
//! signal by pidfd.
//!
//! Between `clone3` and `execveat` the child does nothing but system calls on
//! data that was prepared before: the runtime has a second thread, so the
//! child's heap may be locked for ever.
#![expect(
    unsafe_code,
    reason = "clone3 and pidfd_send_signal have no safe wrapper"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{null, null_mut};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::{Pid, getpid};

use super::process::Process;

/// What a child says with its exit code when it could not become its program.
pub(super) const EXEC_FAILED: c_int = 127;

/// `CLONE_INTO_CGROUP` of the kernel's `sched.h`; libc's constant overflows.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// A child to start.
#[derive(Debug)]
pub(super) struct Image<'a> {
    /// The program.
    pub(super) program: Program<'a>,
    /// Its arguments, its name first.
    pub(super) arguments: &'a [CString],
    /// All of its environment, as `NAME=VALUE`.
    pub(super) environment: &'a [CString],
    /// Standard input, output and error, each above 2; `None`: the runtime's own.
    pub(super) standard: Option<[RawFd; 3]>,
    /// Descriptors, besides the standard ones, that it inherits.
    pub(super) inherited: &'a [RawFd],
    /// The cgroup that it starts in; `None`: the runtime's own.
    pub(super) cgroup: Option<BorrowedFd<'a>>,
    /// It starts with SIGTERM blocked, and unblocks it once it can take one.
    pub(super) holds_term: bool,
}

/// What a child becomes.
#[derive(Debug)]
pub(super) enum Program<'a> {
    /// A file that is open.
    File(BorrowedFd<'a>),
    /// The file at this path, which may be a script, started in this folder.
    Path(&'a CStr, &'a CStr),
}

/// Starts a child in a process group of its own, with no signal blocked but what
/// it asks for, that dies with the runtime.
pub(super) fn spawn(image: &Image<'_>) -> nix::Result<Process> {
    let arguments = pointers(image.arguments);
    let environment = pointers(image.environment);
    let parent = getpid().as_raw();

    let mut pidfd: RawFd = -1;
    let mut flags = libc::CLONE_PIDFD as u64;
    let mut cgroup = 0;
    if let Some(directory) = image.cgroup {
        flags |= CLONE_INTO_CGROUP;
        cgroup = u64::try_from(directory.as_raw_fd()).map_err(|_| Errno::EBADF)?;
    }
    let mut request = libc::clone_args {
        flags,
        pidfd: (&raw mut pidfd) as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup,
    };
    // From its first instruction on: what is sent before it has a mask of its
    // own waits for that.
    let mut term = SigSet::empty();
    term.add(Signal::SIGTERM);
    let before = term.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    // SAFETY: `request` is a valid `clone_args` of the size given, and `pidfd`
    // outlives the call. Without CLONE_VM the child has memory of its own, so
    // it returns here on a copy of this stack.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw mut request,
            size_of::<libc::clone_args>(),
        )
    };
    if pid == 0 {
        // SAFETY: this is the child, which has one thread; the pointers were
        // made before the fork, point to NUL-terminated strings and end in null.
        unsafe { become_program(parent, image, &arguments, &environment) }
    }
    let pid = Errno::result(pid);
    // It cannot fail with a mask that the kernel gave.
    let _ = before.thread_set_mask();
    let pid = pid?;
    let pid = i32::try_from(pid).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: the kernel has just made this descriptor for us alone.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Process::new(Pid::from_raw(pid), pidfd))
}

/// Never returns. Calls only what async-signal-safe functions call.
///
/// # Safety
/// Only in the child of a fork; `arguments` and `environment` are arrays of
/// NUL-terminated strings that end in null.
unsafe fn become_program(
    parent: c_int,
    image: &Image<'_>,
    arguments: &[*const c_char],
    environment: &[*const c_char],
) -> ! {
    let term = 1_u64 << (libc::SIGTERM - 1);
    let blocked = if image.holds_term { term } else { 0 };
    // SAFETY: plain system calls on integers, on one local and on the
    // pointers that the caller vouches for.
    unsafe {
        libc::setpgid(0, 0);
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // A parent that died before that cannot signal; seen from another pid
        // namespace it is 0, which is as good as dead.
        if libc::getppid() == parent {
            libc::syscall(
                libc::SYS_rt_sigprocmask,
                libc::SIG_SETMASK,
                &raw const blocked,
                null_mut::<u64>(),
                size_of::<u64>(),
            );
            for fd in image.inherited {
                libc::fcntl(*fd, libc::F_SETFD, 0);
            }
            if let Some(standard) = image.standard {
                for (fd, target) in standard.into_iter().zip(0..) {
                    libc::dup2(fd, target);
                }
                // What we ignore, a program out of the box does not expect ignored.
                libc::signal(libc::SIGPIPE, libc::SIG_DFL);
                ordinary_open_files();
            }
            let (folder, path, flags) = match image.program {
                Program::File(file) => (file.as_raw_fd(), c"", libc::AT_EMPTY_PATH),
                Program::Path(path, folder) => {
                    libc::chdir(folder.as_ptr());
                    (libc::AT_FDCWD, path, 0)
                }
            };
            libc::syscall(
                libc::SYS_execveat,
                folder,
                path.as_ptr(),
                arguments.as_ptr(),
                environment.as_ptr(),
                flags,
            );
        }
        libc::_exit(EXEC_FAILED)
    }
}

/// The soft limit that programs expect: there are some that close every
/// descriptor that they could have, one by one.
///
/// # Safety
/// Only in the child of a fork.
unsafe fn ordinary_open_files() {
    const SOFT: libc::rlim_t = 1_024;
    // SAFETY: two system calls on one local.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = SOFT.min(limit.rlim_max);
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// As `exec` wants them: ended by null.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    let pointers = strings.iter().map(|string| string.as_ptr());
    pointers.chain([null()]).collect()
}

/// `pidfd_send_signal(2)`.
pub(super) fn pidfd_send_signal(pidfd: BorrowedFd<'_>, signal: Signal) -> nix::Result<()> {
    // SAFETY: the descriptor is open; a null `info` asks for an ordinary signal.
    let result: c_long = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal as c_int,
            null::<libc::siginfo_t>(),
            0,
        )
    };
    Errno::result(result).map(drop)
}
