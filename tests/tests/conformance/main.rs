//! The conformance list S-01 … S-148 in the simulated world: one test a row,
//! named after it, with an outside check (the log of effects, the frames, the
//! verdict). Rows about schedulers and kernel memory come with those.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a suite: what does not hold fails its test"
)]

mod support;

mod entry;
mod holds;
mod knobs;
mod ops;
mod order;
mod payload_drains;
mod payloads;
mod policies;
mod slots;
mod teardown;
