//! Programs of the operator's: started by path, and what they print.
//!
//! Payloads and schedulers' loaders are started alike. Owns the way there and
//! the reading end of a pipe; how much is kept, and when the process ends, is
//! its owner's business.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{AccessFlags, access, pipe2, read};
use proscenium_wire::PayloadExit;
use proscenium_worker::ExitInfo;

use super::files::errno;
use super::process::Process;
use super::reactor::Reactor;
use super::spawn::{Image, Program, spawn};
use crate::world::ProgramPlan;

/// Bytes that are taken from a pipe at a time; as many as one holds by default.
pub(super) const PIECE: usize = 64 << 10;
/// Pieces that are taken from the pipe of a program that has ended: as much as
/// a pipe can hold. Who still writes then is no longer listened to.
pub(super) const LAST_PIECES: usize = 16;

/// The reading end of a pipe, which never blocks.
#[derive(Debug)]
pub(super) struct Pipe {
    /// `None` once everybody has closed the other end.
    fd: Option<OwnedFd>,
}

/// Starts a program with nothing to read, and these as standard output and errors.
pub(super) fn start(
    plan: &ProgramPlan,
    [stdout, stderr]: [&OwnedFd; 2],
    cgroup: Option<BorrowedFd<'_>>,
) -> nix::Result<Process> {
    let text = |text: &str| CString::new(text).map_err(|_| Errno::EINVAL);
    let program = text(&plan.program)?;
    let folder = text(&plan.folder)?;
    let arguments = [&plan.program]
        .into_iter()
        .chain(&plan.arguments)
        .map(|argument| text(argument))
        .collect::<nix::Result<Vec<_>>>()?;
    let environment = plan
        .environment
        .iter()
        .map(|(name, value)| text(&format!("{name}={value}")))
        .collect::<nix::Result<Vec<_>>>()?;
    // Said here, by the kernel's own word, and not by a child that exits.
    access(program.as_c_str(), AccessFlags::X_OK)?;
    let nothing = File::open("/dev/null").map_err(|error| errno(&error))?;
    let ends = [
        above_standard(&nothing)?,
        above_standard(stdout)?,
        above_standard(stderr)?,
    ];
    spawn(&Image {
        program: Program::Path(&program, &folder),
        arguments: &arguments,
        environment: &environment,
        standard: Some(ends.each_ref().map(AsRawFd::as_raw_fd)),
        inherited: &[],
        cgroup,
        holds_term: false,
    })
}

impl Pipe {
    /// A pipe: our end, and the program's, which does block.
    pub(super) fn new() -> nix::Result<(Self, OwnedFd)> {
        let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
        fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok((Self { fd: Some(ours) }, theirs))
    }

    /// What the reactor watches, as long as there is somebody at the other end.
    pub(super) fn fd(&self) -> Option<&OwnedFd> {
        self.fd.as_ref()
    }

    /// Takes one piece. `None`: there is no more just now, or for ever, and
    /// then it is watched no more.
    pub(super) fn take_in<'a>(
        &mut self,
        buffer: &'a mut [u8],
        reactor: &Reactor,
    ) -> Option<&'a [u8]> {
        let fd = self.fd.as_ref()?;
        match read(fd, buffer) {
            Ok(count) if count > 0 => buffer.get(..count),
            Err(Errno::EAGAIN | Errno::EINTR) => None,
            Ok(_) | Err(_) => {
                self.close(reactor);
                None
            }
        }
    }

    /// Listens no longer.
    pub(super) fn close(&mut self, reactor: &Reactor) {
        if let Some(fd) = self.fd.take() {
            reactor.unwatch(&fd);
        }
    }
}

/// How a program ended, as reports say it; `None`: it has not.
pub(super) fn payload_exit(process: &Process) -> Option<PayloadExit> {
    process.exit().map(|exit| match exit {
        ExitInfo::Exited(code) => PayloadExit::Code(code),
        ExitInfo::Signaled(signal) => PayloadExit::Signal(signal),
        _ => PayloadExit::Unknown,
    })
}

/// The same descriptor above the standard ones, which is where the child puts
/// it: a PID 1 that was started without a console has pipes down there.
fn above_standard(fd: &impl AsFd) -> nix::Result<OwnedFd> {
    fd.as_fd()
        .try_clone_to_owned()
        .map_err(|error| errno(&error))
}
