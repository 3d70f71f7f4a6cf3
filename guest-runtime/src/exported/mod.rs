//! Loops that a component brings itself, for its own workers.
//!
//! ```text
//!   worker process                    check
//!   process ── confine, cpu_clock     rehearsal
//!        └────────┬──── pace ─────────────┘
//!               body: one instance, one loop
//! ```
//!
//! Owns the instance, its bounds and the size of its batches. Starts no
//! process: that is the kernel world's affair, as with every worker. Nothing
//! that such an instance does reaches a host function: there are none in it.

mod body;
#[cfg(feature = "kernel")]
mod confine;
#[cfg(feature = "kernel")]
#[expect(unsafe_code, reason = "a signal handler, which no crate can make safe")]
mod cpu_clock;
mod names;
mod pace;
#[cfg(feature = "kernel")]
mod process;
#[cfg(feature = "compiler")]
mod rehearsal;

pub use names::check_works;
#[cfg(feature = "kernel")]
pub use process::{run, seal};
#[cfg(feature = "compiler")]
pub use rehearsal::Rehearsal;
