//! Plugins as the host sees them: found, built, wrapped, compiled once, described.
//!
//! ```text
//!   folder ─ fresh ─ build ─┐
//!   file ───────────────────┴─ read ─► bytes ─ to_component ─► digest ─┬─ cache ──┐
//!                                                                      └─ compile ┴─► Loaded
//! ```
//!
//! Judging a component and running it is the guest runtime's affair.

pub mod build;
pub mod cache;
pub mod fresh;
mod load;
pub mod read;

pub use load::{Loaded, Loader};
