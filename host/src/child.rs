//! A child process that this value owns, held by its pidfd.
//!
//! The child dies with the thread that started it (`PR_SET_PDEATHSIG`), has a
//! session of its own so that Ctrl-C at the terminal reaches us only, and is
//! killed and reaped when the value is dropped. Never decides what is started
//! and never reads what it says.

#![expect(
    unsafe_code,
    reason = "the child's side of a spawn, and pidfds, which nix does not wrap"
)]

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus};
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// See the module.
#[derive(Debug)]
pub struct Owned {
    child: Child,
    pidfd: OwnedFd,
}

impl Owned {
    /// Starts `command` with `inherited` open in it. Start it on the thread
    /// that will wait for it: when that thread ends, the kernel kills the child.
    ///
    /// # Errors
    ///
    /// What the system said; nothing is left running then.
    pub fn start(mut command: Command, inherited: Vec<RawFd>) -> io::Result<Self> {
        let parent = nix::unistd::getpid();
        // SAFETY: the closure makes system calls only and allocates nothing.
        unsafe { command.pre_exec(move || prepare(parent, &inherited)) };
        let mut child = command.spawn()?;
        match pidfd_open(child.id()) {
            Ok(pidfd) => Ok(Self { child, pidfd }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Becomes readable when it has ended.
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Its standard error, non-blocking, where it was piped and not taken yet.
    ///
    /// # Errors
    ///
    /// What the system said, or that there is none.
    pub fn take_stderr(&mut self) -> io::Result<ChildStderr> {
        let stderr = self.child.stderr.take().ok_or(io::ErrorKind::NotFound)?;
        nonblocking(&stderr).map(|()| stderr)
    }

    /// Its standard output, likewise.
    ///
    /// # Errors
    ///
    /// What the system said, or that there is none.
    pub fn take_stdout(&mut self) -> io::Result<ChildStdout> {
        let stdout = self.child.stdout.take().ok_or(io::ErrorKind::NotFound)?;
        nonblocking(&stdout).map(|()| stdout)
    }

    /// Kills it. Killing what has ended is no error.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// Whether it has ended, and how, without waiting.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until it has ended, for at most `patience`; then kills it.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn end_within(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
        let ended = poll(
            &mut [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)],
            timeout,
        );
        // An interrupted wait is one that is over: it was for courtesy only.
        if ended != Ok(1) {
            self.child.kill()?;
        }
        self.child.wait()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A pair of connected sockets, ours first, which does not block.
///
/// # Errors
///
/// What the system said.
pub fn channel() -> io::Result<(UnixStream, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((ours, theirs))
}

/// A file in memory with `bytes` in it, at its beginning, to hand over.
///
/// # Errors
///
/// What the system said.
pub fn in_memory(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create(c"proscenium", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

fn nonblocking(fd: impl AsFd) -> io::Result<()> {
    Ok(fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map(drop)?)
}

/// Kills and reaps. Both fail only for a child that has been reaped already.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Runs in the child between fork and exec.
fn prepare(parent: nix::unistd::Pid, inherited: &[RawFd]) -> io::Result<()> {
    nix::unistd::setsid()?;
    // SAFETY: the call takes two numbers.
    let done = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    // The parent may have died before the line above; nobody would signal then.
    if nix::unistd::getppid() != parent {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    for &fd in inherited {
        // SAFETY: the descriptors are open in the parent for the whole spawn.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty()))?;
    }
    Ok(())
}

fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and returns a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = RawFd::try_from(fd).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
