//! The runtime before the load: what waits, and what ends things, does not
//! queue behind what it waits for.
//!
//! Owns the scheduling class of the calling thread for the length of such a
//! call: `SCHED_FIFO`, which is above every ordinary and every sched_ext task
//! (sched(7)). Without it a scheduler under test that starves others starves
//! the one who is to notice, and hundreds of spinning workers keep the one who
//! kills them from its next signal. Never raised while a component's code
//! runs, nor while a process is started, which would inherit it.

#![expect(unsafe_code, reason = "sched_setattr(2) has no safe wrapper")]

use std::io;
use std::mem::size_of;

use libc::sched_attr;
use nix::errno::Errno;

/// The lowest of the real-time priorities: it need not precede the kernel's own.
const PRIORITY: u32 = 1;

/// Whether a thread may be raised, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Urgency(Option<Classes>);

/// Raised until dropped.
#[must_use]
#[derive(Debug)]
pub(super) struct Urgent(Option<sched_attr>);

/// What the thread is as a rule, and what it is when raised.
#[derive(Debug, Clone, Copy)]
struct Classes {
    usual: sched_attr,
    urgent: sched_attr,
}

impl Urgency {
    /// Of the calling thread. On a machine where it may not be raised, for
    /// lack of `CAP_SYS_NICE` and of `RLIMIT_RTPRIO`, it never will be.
    pub(super) fn of_this_thread() -> Self {
        let classes = current().and_then(|usual| {
            let mut urgent = usual;
            urgent.sched_policy = libc::SCHED_FIFO.unsigned_abs();
            urgent.sched_priority = PRIORITY;
            become_of(&urgent)?;
            become_of(&usual)?;
            Ok(Classes { usual, urgent })
        });
        match classes {
            Ok(classes) => Self(Some(classes)),
            Err(error) => {
                tracing::debug!("waits are scheduled as everything else is: {error}");
                Self(None)
            }
        }
    }

    /// Raises the calling thread, which is the one that this was made on.
    pub(super) fn raise(self) -> Urgent {
        let raised = self.0.filter(|classes| become_of(&classes.urgent).is_ok());
        Urgent(raised.map(|classes| classes.usual))
    }
}

impl Drop for Urgent {
    fn drop(&mut self) {
        if let Some(usual) = &self.0
            && let Err(error) = become_of(usual)
        {
            tracing::error!("failed to give up real-time priority: {error}");
        }
    }
}

// By the system calls: musl's functions of these names only fail, since POSIX
// means processes by them and Linux threads.

fn current() -> io::Result<sched_attr> {
    // SAFETY: all-zero is a valid value of this plain struct.
    let mut attributes: sched_attr = unsafe { std::mem::zeroed() };
    let size = size_of::<sched_attr>();
    // SAFETY: valid for a write of `size` bytes; the first 0 is this thread.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0)
    })?;
    Ok(attributes)
}

fn become_of(class: &sched_attr) -> io::Result<()> {
    // SAFETY: the struct says its size and is only read.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_sched_setattr, 0, std::ptr::from_ref(class), 0)
    })?;
    Ok(())
}
