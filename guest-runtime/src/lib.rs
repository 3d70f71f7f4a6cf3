//! Mediates what a scenario plugin does.
//!
//! A scenario is a WebAssembly component that touches nothing itself. This
//! library is everything between it and a kernel:
//!
//! ```text
//!   component ──► interface/ ──► executor/ ──► world/ ──► kernel, or simulated
//!                 may it?        what, when     how
//!                                   │
//!                                   └──► verdict/ ──► sink (a port, or a report)
//! ```
//!
//! 1. One interface of the contract is one capability is one file.
//! 2. The executor decides and touches nothing; a world touches and decides nothing.
//! 3. Whatever was made has an owner, and one way out.
//! 4. Everything from a plugin is bounded before it is used.
//!
//! The same code is PID 1 in the guest (feature `kernel`), and `check` and
//! `inspect` on the host (feature `compiler`).

#![deny(unsafe_code)]

#[cfg(feature = "kernel")]
pub mod allocator;
pub mod audit;
mod bindings;
pub mod capability;
pub mod cpuset;
pub mod descriptors;
pub mod executor;
pub mod exported;
#[cfg(feature = "kernel")]
pub mod guest;
#[cfg(feature = "kernel")]
pub mod init;
mod interface;
#[cfg(feature = "kernel")]
pub mod link;
#[cfg(feature = "kernel")]
pub mod local;
pub mod machine;
pub mod name;
pub mod payload;
pub mod plugin;
pub mod sandbox;
pub mod scenario;
pub mod sink;
mod time;
pub mod verdict;
pub mod world;

/// The contract's data types, as the executor takes them, and the work types
/// that its names stand for.
pub mod contract {
    pub use proscenium_worker::work::{Gives, WorkKind};

    pub use crate::bindings::{cgroups, ops, payloads, scenario, stage, types};
    pub use crate::executor::swap_work;
}
