//! What a worker is asked to do, and the memory in which it answers.
//!
//! A *crew* is a set of equal worker processes behind one handle. The runtime
//! parses a [`Work`], writes it with one [`Setup`] per worker into an
//! [`Arena`] (a memfd), starts the processes inside their cgroup, opens the
//! gate, reads counters without a system call and at the end collects one
//! [`Report`] per worker, also from those that were killed.
//!
//! ```text
//!   runtime                      arena (memfd)                worker
//!   Arena::create ─────────────▶ header │ spec
//!   clone3 + exec ───────────────────────────────────────────▶ Seat::attach
//!                                slot: facts, ready ◀───────── setup
//!   open_gate ─────────────────▶ gate ───────────────────────▶ loop
//!   iterations ◀──────────────── slot: live counter ◀───────── every iteration
//!   set_epoch ─────────────────▶ epoch ──────────────────────▶ phase slice
//!   request_stop, then SIGTERM ▶ stop ───────────────────────▶ last checkpoint
//!   report ◀──────────────────── slot: totals, samples, slices
//! ```
//!
//! The library owns the vocabulary, the parser, the layout and the life of a
//! worker up to its loop ([`process`]). It starts no worker, signals and reaps
//! none: that is the runtime's.
#![deny(unsafe_code)]

pub mod arena;
pub mod burst;
pub mod process;
mod report;
mod setup;
mod work;

pub use arena::{Arena, ArenaOptions, Seat};
pub use report::{
    Breakdown, BreakdownKind, ExitInfo, Gap, PhaseSlice, Report, Schedstat, SetupFailure,
    WakeSamples,
};
pub use setup::{CrewSpec, MemPolicy, Policy, Setup, SetupStep};
pub use work::{Demand, Parameter, Phase, PhaseKind, Work, WorkError, WorkKind};

/// Exit codes of a worker.
///
/// A worker that was asked to stop exits with [`STOPPED`](exit_code::STOPPED),
/// whatever failed in its setup: that is in its report.
pub mod exit_code {
    /// It was asked to stop and wrote its report.
    pub const STOPPED: u8 = 0;
    /// Its arguments are not the numbers that its program takes.
    pub const USAGE: u8 = 64;
    /// The descriptor is not an arena of this version, or the index is not in it.
    pub const ARENA: u8 = 65;
    /// The process that made the arena is not its parent (any more).
    pub const ORPHAN: u8 = 66;
}
