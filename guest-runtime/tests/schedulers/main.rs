//! Schedulers under test in a real kernel: sched_ext, the fixture of
//! `tests/schedulers`, and what the world says of both. Runs in a guest; on a
//! kernel without sched_ext only the refusals are there to be seen.

#![expect(clippy::unwrap_used, reason = "a suite's helpers fail the test")]

mod endings;
mod liveness;
mod loaders;
mod maps;
mod rig;
#[path = "../support/mod.rs"]
mod support;
mod swaps;
