//! The shape of the repository: what may depend on what, how large a file is.
//!
//! Owns rules that no compiler checks. Needs no VM and none of our crates.

#![expect(
    clippy::unwrap_used,
    reason = "a suite: what does not hold fails its test"
)]

mod arrows;
mod conformance;
mod guest;
mod lines;
mod waits;

use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}
