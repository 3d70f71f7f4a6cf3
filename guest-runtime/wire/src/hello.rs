//! Which versions of this protocol work together: equal ones.
//!
//! Host and guest runtime are built together and the host puts the guest's
//! binary into the image, so nothing is gained by understanding older peers.
//! What matters is that a mismatch is said plainly instead of showing up as
//! frames that do not decode.

use thiserror::Error;

/// Version of everything in this crate that crosses the line: frames,
/// messages, job. Raised with every change of a golden file.
pub const WIRE_VERSION: u16 = 5;

/// The other side speaks another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "host and guest do not understand each other: this side speaks wire version {ours}, \
     the other {theirs}: build both from the same release"
)]
pub struct VersionMismatch {
    /// [`WIRE_VERSION`] of this build.
    pub ours: u16,
    /// What the other side said.
    pub theirs: u16,
}

/// Decides whether to go on with a peer that speaks `theirs`.
///
/// # Errors
///
/// [`VersionMismatch`] unless the versions are equal.
pub fn check_version(theirs: u16) -> Result<(), VersionMismatch> {
    if theirs == WIRE_VERSION {
        Ok(())
    } else {
        Err(VersionMismatch {
            ours: WIRE_VERSION,
            theirs,
        })
    }
}
