//! The whole thing, as it is typed: the CLI boots a real kernel in a VM, a
//! plugin changes real cgroups, and what comes out is compared with the
//! kernel's own accounting. Every test is a boot or more.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a suite: what does not hold fails its test"
)]

mod attackers;
mod emulators;
mod examples;
mod exported_work;
mod faults;
mod grants;
mod hostile;
mod payloads;
mod run;
mod schedulers;
