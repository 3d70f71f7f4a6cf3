//! A run on this machine's own kernel: `proscenium run --local`.
//!
//! ```text
//!   Hierarchy ─► Base ─► Subtree ─► Runtime
//!   what is      where    BASE/proscenium-run-XXXXXXXX/   locked while its owner lives
//!   mounted      may        host/       this process, where BASE was its own cgroup
//!                we         runtime/    the runtime, and workers beside it
//!                           scenario/   what the scenario makes
//! ```
//!
//! A run is one directory, and one lock on it. Nothing beneath it outlives its
//! [`Subtree`]; what a host that was killed leaves is found by [`cleanup`],
//! because the lock is gone with the host. Outside of the directory a run
//! changes one thing: the controllers that its base hands down. Those that it
//! switched on it switches off again, unless another cgroup is beneath the base
//! by then; those of a host that was killed stay on.

pub mod base;
pub mod cleanup;
pub mod hierarchy;
mod removal;
pub mod runtime;
pub mod subtree;

pub use base::Base;
pub use hierarchy::Hierarchy;
pub use runtime::Runtime;
pub use subtree::Subtree;
