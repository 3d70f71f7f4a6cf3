//! The kernel world against a real kernel: in a guest, and as root where a
//! cgroup v2 hierarchy can be written to, with or without controllers.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a suite's helpers fail the test"
)]

mod controllers;
mod crews;
mod groups;
mod rig;
#[path = "../support/mod.rs"]
mod support;
mod threads;
mod waits;
