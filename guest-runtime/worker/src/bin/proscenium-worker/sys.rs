//! System calls of single work types without a safe wrapper elsewhere. No
//! policy.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::process;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask,
};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

mod memory;

pub(crate) use memory::{PAGE, PageList, Pages, allowed_nodes, migrate_self};

/// Opens the `cgroup.procs` of a cgroup's directory.
pub(crate) fn procs(directory: &File, to_write: bool) -> io::Result<File> {
    let access = if to_write {
        OFlag::O_WRONLY
    } else {
        OFlag::O_RDONLY
    };
    let file = openat(
        directory,
        "cgroup.procs",
        access | OFlag::O_CLOEXEC,
        Mode::empty(),
    )?;
    Ok(File::from(file))
}

/// Makes a child in the cgroup of that directory; it exits at once.
pub(crate) fn fork_into(cgroup: BorrowedFd<'_>) -> io::Result<Pid> {
    /// `CLONE_INTO_CGROUP` of the kernel's `sched.h`; libc's constant overflows.
    const CLONE_INTO_CGROUP: u64 = 1 << 33;
    // SAFETY: all-zero is a valid value of this plain struct.
    let mut request: libc::clone_args = unsafe { std::mem::zeroed() };
    request.flags = CLONE_INTO_CGROUP;
    request.exit_signal = u64::try_from(libc::SIGCHLD).map_err(|_| Errno::EINVAL)?;
    request.cgroup = u64::try_from(cgroup.as_raw_fd()).map_err(|_| Errno::EBADF)?;
    // SAFETY: the struct lives through the call and has the size given. Without
    // CLONE_VM the child has memory of its own.
    let child = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw mut request,
            size_of::<libc::clone_args>(),
        )
    };
    if child == 0 {
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(0) }
    }
    let child = Errno::result(child)?;
    Ok(Pid::from_raw(
        i32::try_from(child).map_err(|_| Errno::EOVERFLOW)?,
    ))
}

/// Waits for a child that perhaps the kernel has reaped already.
pub(crate) fn wait_or_gone(child: Pid) -> io::Result<()> {
    loop {
        match waitpid(child, None) {
            Ok(_) | Err(Errno::ECHILD) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Has the kernel reap children by itself.
pub(crate) fn ignore_children() -> io::Result<()> {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler.
    unsafe { sigaction(Signal::SIGCHLD, &ignore) }?;
    Ok(())
}

extern "C" fn nothing(_: libc::c_int) {}

/// Takes the signals of [`interrupt`] with a handler that does nothing.
pub(crate) fn ignore_by_handler() -> io::Result<()> {
    let action = SigAction::new(
        SigHandler::Handler(nothing),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    // SAFETY: the handler does nothing, which is async-signal-safe.
    unsafe { sigaction(Signal::SIGUSR1, &action) }?;
    Ok(())
}

/// A worker that takes signals.
pub(crate) enum Partner {
    /// A process of its own.
    Process(OwnedFd),
    /// A thread of this process. Nothing else can come by its number without
    /// being a thread of this process too.
    Thread(u32),
}

/// A handle on the worker with this thread id: a thread of this process, or
/// else a child of `parent`.
pub(crate) fn hold(tid: u32, parent: u32) -> io::Result<Partner> {
    if signal_thread(tid, 0)? {
        return Ok(Partner::Thread(tid));
    }
    hold_process(tid, parent).map(Partner::Process)
}

/// Sends a signal, or with 0 only looks. `false`: this process has no such thread.
fn signal_thread(tid: u32, signal: libc::c_int) -> io::Result<bool> {
    // SAFETY: plain numbers.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, process::id(), tid, signal) };
    match Errno::result(sent) {
        Ok(_) => Ok(true),
        Err(Errno::ESRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A handle on the process `pid`, which must be a child of `parent`.
fn hold_process(pid: u32, parent: u32) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: just made, owned by nobody else.
    let held = unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).map_err(|_| Errno::EBADF)?) };
    // It is held now: if it is the right one at this moment, it always was.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    match rest.split(' ').nth(1).map(str::parse::<u32>) {
        Some(Ok(found)) if found == parent => Ok(held),
        _ => Err(Errno::ESRCH.into()),
    }
}

/// Sends a signal that [`ignore_by_handler`] takes. `false`: it is gone.
pub(crate) fn interrupt(partner: &Partner) -> io::Result<bool> {
    let process = match partner {
        Partner::Process(process) => process,
        Partner::Thread(tid) => return signal_thread(*tid, libc::SIGUSR1),
    };
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is open; a null `info` asks for an ordinary signal.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            libc::SIGUSR1,
            none,
            0,
        )
    };
    match Errno::result(sent) {
        Ok(_) => Ok(true),
        Err(Errno::ESRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The signal that goes with a stop request is held back except while this
/// waits, so that a request just before the wait still ends it.
pub(crate) struct TermHeld(SigSet);

impl TermHeld {
    pub(crate) fn new() -> io::Result<Self> {
        let mut term = SigSet::empty();
        term.add(Signal::SIGTERM);
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&term), Some(&mut before))?;
        Ok(Self(before))
    }

    /// Waits until there is something to read. `false`: a signal came.
    pub(crate) fn readable(&self, from: BorrowedFd<'_>) -> io::Result<bool> {
        let mut poll = [PollFd::new(from, PollFlags::POLLIN)];
        match ppoll(&mut poll, None, Some(self.0)) {
            Ok(_) => Ok(true),
            Err(Errno::EINTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for TermHeld {
    fn drop(&mut self) {
        // It cannot fail with a mask that the kernel gave.
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.0), None);
    }
}

/// Adds to an eventfd. One that is full has woken everybody already.
pub(crate) fn post(event: &File) -> io::Result<()> {
    let mut event: &File = event;
    match event.write(&1_u64.to_ne_bytes()) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}

/// An eventfd with an epoll instance of this process's own.
pub(crate) struct Reader {
    event: File,
    epoll: Epoll,
}

/// One that is ready to wait; see [`TermHeld`].
pub(crate) struct Waiting<'a> {
    reader: &'a Reader,
    term: TermHeld,
}

impl Reader {
    pub(crate) fn new(event: File) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&event, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        Ok(Self { event, epoll })
    }

    pub(crate) fn enter(&self) -> io::Result<Waiting<'_>> {
        Ok(Waiting {
            reader: self,
            term: TermHeld::new()?,
        })
    }
}

impl Waiting<'_> {
    /// Waits for an event. `false`: a signal came.
    pub(crate) fn wait(&self) -> io::Result<bool> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        let mask: &libc::sigset_t = self.term.0.as_ref();
        let epoll = self.reader.epoll.0.as_fd().as_raw_fd();
        // SAFETY: room for one event, and a mask, which live through the call.
        let got = unsafe { libc::epoll_pwait(epoll, &raw mut event, 1, -1, mask) };
        match Errno::result(got) {
            Ok(_) => Ok(true),
            Err(Errno::EINTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes all events, unless another one was faster.
    pub(crate) fn drain(&self) -> io::Result<()> {
        let mut event = &self.reader.event;
        match event.read(&mut [0; 8]) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }
}
