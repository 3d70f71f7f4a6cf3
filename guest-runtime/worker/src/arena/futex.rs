//! Waiting on and waking words that are shared between processes.

use std::io;
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Woken, the word had changed already, or a signal came: look again.
    LookAgain,
    /// The time is over.
    TimedOut,
}

/// Sleeps while `word` is `expected`, at most for `timeout` (monotonic clock).
///
/// # Errors
/// What the kernel refuses.
pub fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> io::Result<Woken> {
    let timeout = timeout.map(|time| libc::timespec {
        tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    });
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the word is a live, aligned u32; the timeout is null or lives
    // on this stack frame; the kernel writes neither.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            expected,
            timeout,
        )
    };
    if result == 0 {
        return Ok(Woken::LookAgain);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR) => Ok(Woken::LookAgain),
        Some(libc::ETIMEDOUT) => Ok(Woken::TimedOut),
        _ => Err(error),
    }
}

/// Wakes everyone who waits on `word`.
pub fn wake_all(word: &AtomicU32) {
    wake(word, i32::MAX);
}

/// Wakes at most `count` of those who wait on `word`.
pub fn wake(word: &AtomicU32, count: i32) {
    // SAFETY: the word is a live, aligned u32. The call fails only for other
    // arguments than these, so there is nothing to hand on.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count) };
}

/// Takes the priority-inheriting lock `word`, which is 0 or its owner's thread
/// id; sleeps while it is taken. The kernel lets no signal end that sleep, but
/// the owner's death does.
///
/// # Errors
/// What the kernel refuses.
pub fn lock_inheriting(word: &AtomicU32) -> io::Result<()> {
    let none = ptr::null::<libc::timespec>();
    // SAFETY: the word is a live, aligned u32; without a timeout the kernel
    // reads nothing else.
    let result =
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_LOCK_PI, 0, none) };
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// Gives the priority-inheriting lock `word` to whoever waits for it.
///
/// # Errors
/// What the kernel refuses: `EPERM` if this thread does not own it.
pub fn unlock_inheriting(word: &AtomicU32) -> io::Result<()> {
    // SAFETY: as above.
    let result = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_UNLOCK_PI) };
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}
