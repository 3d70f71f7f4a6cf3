//! One run of one scenario: from a VM that has been started to a verdict.
//!
//! ```text
//!   pidfd, frames, console,      ┌────────┐ Input  ┌───────┐
//!   QEMU stderr, Ctrl-C, ───────►│ driver │◄──────►│ state │ pure
//!   deadlines                    └───┬────┘ Action └───────┘
//!                                    │ frames, bytes, the ending
//!                                    ▼
//!                              ┌───────────┐ Evidence ┌───────┐
//!   `check` feeds events ─────►│ recording │─────────►│ judge │ pure
//!   straight in                └─────┬─────┘          └───────┘
//!                                    ▼
//!                        Records ─► run directory, reporters
//! ```
//!
//! - [`state`] decides what to do next. It knows neither descriptors nor time.
//! - [`driver`] is the one loop: it waits, reads, and does what `state` says.
//! - [`Guest`] is what it watches: QEMU's process, a runtime on this machine,
//!   or a fake one in tests.
//! - [`Recording`] numbers and stamps what happens, and fans it out. It works
//!   without a VM, which is what `check` and refusals before boot use.
//! - [`judge()`] turns what is known into exactly one outcome.
//!
//! The guest is hostile throughout: whatever it sends, or fails to send, there
//! is one outcome, within the deadlines, and without an end frame it is never
//! *passed*.

pub mod clock;
pub mod deadlines;
pub mod driver;
pub mod evidence;
#[cfg(test)]
mod fake_guest;
pub mod guest;
#[cfg(test)]
mod interrupt_tests;
pub mod judge;
pub mod local;
pub mod qemu;
mod readiness;
mod recording;
#[cfg(test)]
mod scheduler_tests;
pub mod state;

pub use clock::{Clock, Monotonic};
pub use deadlines::Deadlines;
pub use driver::{SessionError, run};
pub use evidence::Evidence;
pub use guest::{ConsoleTail, Guest};
pub use judge::{Judgement, judge};
pub use local::Local;
pub use qemu::Qemu;
pub use recording::Recording;
pub use state::Ending;
