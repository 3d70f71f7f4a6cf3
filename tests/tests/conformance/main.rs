//! The conformance list S-01 … S-148 in the simulated world: one test a row,
//! named after it, with an outside check (the log of effects, the frames, the
//! verdict). `tests/CONFORMANCE.md` says which row is seen where.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a suite: what does not hold fails its test"
)]

mod support;

mod entry;
mod evidence;
mod exported;
mod failures;
mod findings;
mod holds;
mod knobs;
mod lints;
mod ops;
mod order;
mod payload_drains;
mod payloads;
mod policies;
mod properties;
mod roaming;
mod schedulers;
mod slots;
mod stalls;
mod swaps;
mod teardown;
mod threads;
mod verdict;
mod workers;
