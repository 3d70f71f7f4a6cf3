//! What the loop needs of a VM, or of what stands in for one, and how its descriptors are read.
//!
//! Owns the contract between the loop and what it watches. Starts nothing and
//! decides nothing.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::unistd::read;

use crate::event::ExitNote;

/// Lines of a console that are kept for the report.
pub(super) const KEEP: usize = 100;

/// What the loop needs of a VM. Descriptors that are read are non-blocking.
/// Dropping it must kill and reap.
pub trait Guest {
    /// Frames of the guest.
    fn events(&self) -> BorrowedFd<'_>;
    /// Frames for the guest; non-blocking.
    fn control(&self) -> BorrowedFd<'_>;
    /// The guest's console.
    fn console(&self) -> BorrowedFd<'_>;
    /// The emulator's standard error.
    fn stderr(&self) -> BorrowedFd<'_>;
    /// Readable when the process has ended.
    fn pidfd(&self) -> BorrowedFd<'_>;
    /// Kills it. Killing what has ended is no error.
    ///
    /// # Errors
    ///
    /// What the system said.
    fn kill(&mut self) -> io::Result<()>;
    /// Reaps it; called once [`Guest::pidfd`] is readable.
    ///
    /// # Errors
    ///
    /// What the system said.
    fn reap(&mut self) -> io::Result<ExitNote>;
    /// Takes what the console printed.
    fn console_printed(&mut self, bytes: &[u8]);
    /// The console's last lines, and whether its kernel crashed.
    fn console_tail(&mut self) -> ConsoleTail;
}

/// The last words of a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsoleTail {
    /// The line in which the kernel announced its crash.
    pub crash: Option<String>,
    /// The last lines, oldest first.
    pub lines: Vec<String>,
}

/// What one read gave.
pub(super) enum Piece<'b> {
    Bytes(&'b [u8]),
    NotYet,
    Closed,
}

pub(super) fn read_piece<'b>(fd: BorrowedFd<'_>, buffer: &'b mut [u8]) -> Piece<'b> {
    match read(fd.as_fd(), buffer) {
        Ok(0) => Piece::Closed,
        Ok(count) => Piece::Bytes(buffer.get(..count).unwrap_or_default()),
        Err(Errno::EAGAIN | Errno::EINTR) => Piece::NotYet,
        Err(_) => Piece::Closed,
    }
}
