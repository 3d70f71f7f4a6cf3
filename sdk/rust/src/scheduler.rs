//! Schedulers that the operator declared, by name. Capability: `scheduler`.
//!
//! A plan can attach and swap them without it: see
//! [`ops::attach_scheduler`](crate::ops::attach_scheduler) and its neighbours.
//! What is here is for scenarios that decide as they go.
//!
//! ```no_run
//! use proscenium_sdk::prelude::*;
//!
//! /// Iterations in `hold` under each declared scheduler, one after another.
//! fn compare(hold: Duration) -> Result<Vec<(String, u64)>, Error> {
//!     let mut figures = Vec::new();
//!     for name in scheduler::declared() {
//!         match scheduler::current() {
//!             Some(_) => scheduler::replace(&name)?,
//!             None => scheduler::attach(&name)?,
//!         }
//!         let step = live::Step::begin(&name)?;
//!         step.setup([CgroupDef::new("load").workers(2)])?;
//!         step.hold(hold)?;
//!         figures.push((name, step.iterations()));
//!         step.finish()?;
//!     }
//!     Ok(figures)
//! }
//! ```

use std::fmt;

use crate::bindings::proscenium::scenario::scheduler;
pub use crate::bindings::proscenium::scenario::scheduler::State;
use crate::bindings::proscenium::scenario::stage::SchedulerExit;
use crate::error::Error;

/// What the kernel says of sched_ext now.
#[must_use]
pub fn kernel_state() -> State {
    scheduler::kernel_state()
}

/// Name of the scheduler that is attached; `None`: the kernel's own runs.
#[must_use]
pub fn current() -> Option<String> {
    scheduler::current()
}

/// Names that can be attached.
#[must_use]
pub fn declared() -> Vec<String> {
    scheduler::declared()
}

/// Starts one, and waits until the kernel has it enabled: at most for its
/// ready time, which the operator sets. It stays until it is detached or the
/// scenario ends.
///
/// # Errors
///
/// `not-found` if it is not declared, `invalid` while another is attached,
/// `unavailable` on a kernel without sched_ext, `timed-out` if it does not get
/// there, `kernel` if it ends before. The kernel's own runs then.
pub fn attach(name: &str) -> Result<(), Error> {
    scheduler::attach(name)
}

/// Asks it to leave, and waits until the kernel's own is back; after 10 s it
/// is killed.
///
/// # Errors
///
/// `invalid` if none is attached, `timed-out` if the kernel does not get back.
pub fn detach() -> Result<(), Error> {
    scheduler::detach()
}

/// Detaches it and attaches it anew.
///
/// # Errors
///
/// As [`detach`] and [`attach`].
pub fn restart() -> Result<(), Error> {
    scheduler::restart()
}

/// Detaches it and attaches another, or the same. Where that fails, the
/// kernel's own runs.
///
/// # Errors
///
/// As [`detach`] and [`attach`].
pub fn replace(name: &str) -> Result<(), Error> {
    scheduler::replace(name)
}

/// Keeps the BPF map of this name, 1 to 15 bytes, to the scenario's end,
/// whatever becomes of its scheduler. A second time changes nothing.
///
/// # Errors
///
/// `not-found`, listing the maps there are.
pub fn pin_map(name: &str) -> Result<(), Error> {
    scheduler::pin_map(name)
}

/// How a scheduler under test went without having been asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The kernel threw it out, or its process ended badly.
    Crashed,
    /// It left of its own accord.
    ExitedCleanly,
    /// Neither the kernel nor its process say.
    Unknown,
}

/// In the past tense: `it {death}`.
///
/// ```
/// use proscenium_sdk::scheduler::Death;
/// assert_eq!(format!("it {}", Death::Crashed), "it crashed");
/// ```
impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crashed => "crashed",
            Self::ExitedCleanly => "left of its own accord",
            Self::Unknown => "went away",
        })
    }
}

impl From<SchedulerExit> for Death {
    fn from(exit: SchedulerExit) -> Self {
        match exit {
            SchedulerExit::Crashed => Self::Crashed,
            SchedulerExit::ExitedCleanly => Self::ExitedCleanly,
            SchedulerExit::Unknown => Self::Unknown,
        }
    }
}
