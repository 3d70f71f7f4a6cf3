//! What the suites in `tests/` share.
//!
//! Owns where the built programs are, the list of attacks, programs as
//! they are declared, how a test says that it cannot run here, and the
//! arithmetic of benches. Never part of what is
//! installed.

pub mod attacks;
pub mod declared;
pub mod figures;
pub mod layout;
pub mod skip;
