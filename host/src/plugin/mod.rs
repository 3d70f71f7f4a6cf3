//! Plugins as the host sees them: found, built, compiled once, described.
//!
//! ```text
//!   folder ─ fresh ─ build ─┐
//!   file ───────────────────┴─ read ─► bytes ─► digest ─┬─ cache ──┐
//!                                                       └─ shield ─┴─► Loaded
//!                                                wrap, compile, describe
//! ```
//!
//! Judging a component and running it is the guest runtime's affair. Foreign
//! bytes are taken apart by a child process ([`crate::shield`]); here is only
//! what our compiler made of them.

pub mod build;
pub mod cache;
mod entry;
mod facts;
pub mod fresh;
mod load;
mod packages;
pub mod read;

pub use facts::Facts;
pub use load::{Loaded, Loader};
