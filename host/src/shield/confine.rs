//! What the child gives up before it reads a byte that is not ours.
//!
//! - Limits on computing time, on memory that can be written to, on files.
//! - Rights that a program which it starts could gain; it can start none.
//! - Every descriptor but standard input, output and error.
//! - Every system call that is not on a short list. What is not on it does not
//!   exist: no file can be opened, no socket made, no program started, no other
//!   process reached. This needs no privilege and no namespace, so it is the same
//!   on every machine; a kernel that cannot do it is an error and not a shrug.
//!
//! It is a one-way street: nothing here can be taken back.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::prctl::set_no_new_privs;
use nix::sys::resource::{Resource, setrlimit};
use proscenium_guest_runtime::descriptors::close_all_but;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::Bounds;

/// Address space, in bytes: what is merely reserved costs nothing, and wasmtime
/// reserves 4 GiB for each linear memory.
const ADDRESS_SPACE: u64 = 1 << 40;
/// Files in memory, in which wasmtime keeps initial memories, in bytes.
const FILE_SIZE: u64 = 256 << 20;
/// Descriptors, those files among them.
const DESCRIPTORS: u64 = 256;

/// The part of [`Bounds`] that the child itself sees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    cpu_s: u64,
    memory_bytes: u64,
}

impl From<&Bounds> for Allowance {
    fn from(bounds: &Bounds) -> Self {
        Self {
            cpu_s: bounds.cpu.max(Duration::from_secs(1)).as_secs(),
            memory_bytes: bounds.memory_bytes,
        }
    }
}

impl Allowance {
    /// As arguments of the child.
    pub(super) fn arguments(&self) -> [String; 2] {
        [self.cpu_s.to_string(), self.memory_bytes.to_string()]
    }

    /// From arguments of the child.
    pub(super) fn from_arguments(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut number = || arguments.next()?.to_str()?.parse().ok();
        Some(Self {
            cpu_s: number()?,
            memory_bytes: number()?,
        })
    }
}

/// Confines this process, which has one thread. `out` stays open.
pub(super) fn confine(out: &impl AsRawFd, allowance: &Allowance) -> io::Result<()> {
    let Allowance {
        cpu_s,
        memory_bytes,
    } = *allowance;
    for (resource, soft, hard) in [
        // The first is a signal that says what it is about, the second the end.
        (Resource::RLIMIT_CPU, cpu_s, cpu_s + 1),
        (Resource::RLIMIT_DATA, memory_bytes, memory_bytes),
        (Resource::RLIMIT_AS, ADDRESS_SPACE, ADDRESS_SPACE),
        (Resource::RLIMIT_FSIZE, FILE_SIZE, FILE_SIZE),
        (Resource::RLIMIT_NOFILE, DESCRIPTORS, DESCRIPTORS),
        (Resource::RLIMIT_CORE, 0, 0),
    ] {
        setrlimit(resource, soft, hard)?;
    }
    set_no_new_privs()?;
    close_all_but(&[out.as_raw_fd()])?;
    allow_calls()
}

/// System calls that need no look at their arguments: memory, threads, waiting,
/// time, and descriptors that are open already.
const CALLS: [i64; 45] = [
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_eventfd2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_getrusage,
    libc::SYS_gettimeofday,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_memfd_create,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_uname,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Removes all other system calls from this thread and those that it starts.
fn allow_calls() -> io::Result<()> {
    let failed = |error: &dyn std::fmt::Display| io::Error::other(format!("no seccomp: {error}"));
    let program: BpfProgram = filter()
        .and_then(BpfProgram::try_from)
        .map_err(|e| failed(&e))?;
    apply_filter(&program).map_err(|e| failed(&e))
}

fn filter() -> Result<SeccompFilter, seccompiler::BackendError> {
    let is = |argument, mask: u64, value| {
        let op = SeccompCmpOp::MaskedEq(mask);
        SeccompCondition::new(argument, SeccompCmpArgLen::Qword, op, value)
    };
    let only = |condition| Ok(vec![SeccompRule::new(vec![condition?])?]);
    let thread = u64::try_from(libc::CLONE_THREAD).unwrap_or_default();
    let ourselves = u64::from(std::process::id());
    let mut rules: Vec<(i64, Vec<SeccompRule>)> = CALLS.map(|call| (call, vec![])).into();
    // Threads, and no processes. `clone3` hides its flags behind a pointer; where
    // it does not exist the C library takes `clone`.
    rules.push((libc::SYS_clone, only(is(0, thread, thread))?));
    // A thread's name, and the name of memory.
    let name = u64::try_from(libc::PR_SET_NAME).unwrap_or_default();
    rules.push((libc::SYS_prctl, only(is(0, u64::MAX, name))?));
    // The end that Rust comes to without memory is a signal to itself.
    rules.push((libc::SYS_tgkill, only(is(0, u64::MAX, ourselves))?));
    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(
        rules.into_iter().collect(),
        missing,
        SeccompAction::Allow,
        TargetArch::x86_64,
    )
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::{TcpListener, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::process::Command;
    use std::thread;

    use nix::sys::signal::kill;
    use nix::unistd::getppid;

    use super::*;

    /// A filter is a thread's and its children's, so the test's own thread keeps its calls.
    fn confined<T: Send>(what: impl FnOnce() -> T + Send) -> T {
        let run = || {
            set_no_new_privs().unwrap();
            allow_calls().unwrap();
            what()
        };
        thread::scope(|scope| scope.spawn(run).join().unwrap())
    }

    #[test]
    fn what_is_confined_opens_nothing_connects_to_nothing_and_starts_nothing() {
        let refused = confined(|| {
            [
                File::open("/proc/self/status").map(drop),
                File::create("/tmp/proscenium-confined").map(drop),
                std::fs::read_dir("/").map(drop),
                std::fs::remove_file("/nowhere"),
                TcpListener::bind("127.0.0.1:0").map(drop),
                UdpSocket::bind("127.0.0.1:0").map(drop),
                UnixStream::pair().map(drop),
                Command::new("/bin/true").status().map(drop),
                kill(getppid(), None).map_err(io::Error::from),
            ]
        });
        for (at, result) in refused.into_iter().enumerate() {
            let errno = result.unwrap_err().raw_os_error();
            assert_eq!(errno, Some(libc::ENOSYS), "attempt {at}");
        }
    }

    #[test]
    fn what_is_confined_has_memory_threads_and_time() {
        let sum: usize = confined(|| {
            let begun = std::time::Instant::now();
            let pages = vec![1_u8; 8 << 20];
            let add = || pages.iter().map(|&byte| usize::from(byte)).sum::<usize>();
            let sum = thread::scope(|scope| {
                let threads: Vec<_> = (0..3).map(|_| scope.spawn(add)).collect();
                threads.into_iter().map(|one| one.join().unwrap()).sum()
            });
            assert!(begun.elapsed() > Duration::ZERO);
            sum
        });
        assert_eq!(sum, 3 * (8 << 20));
    }

    #[test]
    fn an_allowance_survives_its_way_through_the_arguments() {
        let allowance = Allowance::from(&Bounds::default());
        let arguments = allowance.arguments().map(OsString::from);
        assert_eq!(
            Allowance::from_arguments(arguments.into_iter()),
            Some(allowance)
        );
        let wrong = ["60", "lots"].map(OsString::from);
        assert_eq!(Allowance::from_arguments(wrong.into_iter()), None);
    }
}
