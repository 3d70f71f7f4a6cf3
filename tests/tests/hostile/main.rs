//! Hostile plugins and bad input, without a VM: every attack has the verdict or
//! the refusal that is documented, leaves nothing standing, and changes nothing
//! for whoever comes after it.
//!
//! What a well-formed component can do is in `tests/programs/hostile`, and in
//! its workers in `tests/programs/loops`; what needs a malformed one is
//! assembled by `fixture`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a suite: what does not hold fails its test"
)]

mod audit;
mod bombs;
mod calls;
mod cli;
mod code;
mod components;
mod describe;
mod fixture;
mod floods;
mod foreign;
mod functions;
mod grants;
mod handles;
mod loops;
mod machine;
mod memory;
mod permissions;
mod programs;
mod schedulers;
mod support;
mod texts;
mod values;
