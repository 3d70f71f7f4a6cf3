//! One entry of the cache: machine code, then what the plugin says of itself.
//!
//! ```text
//!   code … │ facts as JSON │ length of the facts, u32 little-endian
//! ```
//!
//! The code comes first, so that taking an entry apart moves nothing.

use super::Facts;

/// Everything that is known of a plugin without running it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) code: Vec<u8>,
    pub(super) facts: Facts,
}

/// Length of the length.
const TAIL: usize = 4;

impl Entry {
    /// From what [`Self::tail`] made; none if it is of another form.
    pub(super) fn from_bytes(mut bytes: Vec<u8>) -> Option<Self> {
        let (rest, length) = bytes.split_last_chunk::<TAIL>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let at = rest.len().checked_sub(length)?;
        let facts = serde_json::from_slice(&rest[at..]).ok()?;
        bytes.truncate(at);
        Some(Self { code: bytes, facts })
    }

    /// What follows the code; none if it cannot be told.
    pub(super) fn tail(&self) -> Option<Vec<u8>> {
        let mut tail = serde_json::to_vec(&self.facts).ok()?;
        let length = u32::try_from(tail.len()).ok()?;
        tail.extend(length.to_le_bytes());
        Some(tail)
    }
}
