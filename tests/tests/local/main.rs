//! `run --local` and `cleanup`, with the real program on this machine's own
//! kernel.
//!
//! What needs controllers cannot be had on every machine: tests of it are
//! skipped where they are absent. `cargo xtask test --tier vm` runs the suite in
//! a guest as well, where they are there. Owns no machinery of the CLI.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod aftermath;
mod apart;
mod controllers;
mod delegated;
mod hierarchy;
mod loops;
mod refusals;
mod runs;
mod stalls;
mod support;
