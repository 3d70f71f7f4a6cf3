//! `run --local` and `cleanup`, with the real program on this machine's own
//! kernel.
//!
//! What needs controllers cannot be had on every machine: those tests ask for
//! the refusal where they are absent. Owns no machinery of the CLI.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod aftermath;
mod apart;
mod loops;
mod refusals;
mod runs;
mod stalls;
mod support;
