//! Rows of the conformance list whose effect is the kernel's, on a kernel. The
//! executor does them, and what it did is looked at from outside: in cgroupfs
//! and in /proc, never through the executor.

#![expect(clippy::unwrap_used, reason = "a suite's helpers fail the test")]

mod evidence;
mod figures;
mod knobs;
mod lifetimes;
mod ops;
mod payloads;
#[path = "../support/place.rs"]
mod place;
#[path = "../support/plans.rs"]
mod plans;
mod rig;
