//! Descriptors that a process did not ask for.
#![expect(unsafe_code, reason = "close_range has no safe wrapper")]

use std::io;
use std::os::fd::RawFd;

/// The standard ones are below.
const FIRST: RawFd = 3;

/// Closes what is open beyond the standard descriptors and `kept`: whoever
/// started this process may have left something open in it. For its beginning,
/// while nothing in it owns another descriptor.
///
/// # Errors
/// What the kernel says.
pub fn close_all_but(kept: &[RawFd]) -> io::Result<()> {
    let mut kept: Vec<RawFd> = kept.iter().copied().filter(|fd| *fd >= FIRST).collect();
    kept.sort_unstable();
    let mut first = FIRST;
    for fd in kept {
        close(first, fd - 1)?;
        first = first.max(fd + 1);
    }
    close(first, RawFd::MAX)
}

fn close(first: RawFd, last: RawFd) -> io::Result<()> {
    if first > last {
        return Ok(());
    }
    // SAFETY: the call takes three numbers, and the caller owns no descriptor
    // between them.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
