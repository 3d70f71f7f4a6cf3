//! What the suites in `tests/` share.
//!
//! Owns where the built programs are, and how a test says that it cannot run
//! here. Never part of what is installed.

pub mod layout;
pub mod skip;
