//! One frame: header, encoding, bounds. Reading a stream of them is in `decoder`.
//!
//! ```text
//!  0        4      6       8         12        16                 16 + length
//!  ├────────┼──────┼───────┼─────────┼─────────┼───────────────────┤
//!  │ "PRSC" │ kind │ check │ length  │ crc     │ payload …         │
//!  │ magic  │ u16  │ u16   │ u32     │ u32     │                   │
//!  └────────┴──────┴───────┴─────────┴─────────┴───────────────────┘
//!            little-endian throughout, no padding between frames
//! ```
//!
//! - `check` is the low half of the CRC-32 over kind and length. It makes the
//!   length trustworthy before a single payload byte has arrived: a damaged
//!   length can neither make the reader wait for bytes that never come nor
//!   make it swallow the frames that follow.
//! - `crc` is the CRC-32 (IEEE) over kind, check, length and payload.
//! - `length` is at most [`MAX_PAYLOAD`].
//!
//! This module never allocates for a length that a header claims.

use thiserror::Error;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Message;
use crate::codec::PayloadWriter;

/// Longest payload of a frame, in bytes (4 MiB).
pub const MAX_PAYLOAD: usize = 4 << 20;
/// Length of a frame's header, in bytes.
pub const HEADER_LEN: usize = size_of::<Header>();
/// How every frame begins.
pub const MAGIC: [u8; 4] = *b"PRSC";

/// Why a message was not encoded. The buffer is as it was before.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The encoded message would be longer than may cross the line.
    #[error("message not sent: it is longer than {limit} bytes: split it or leave samples out")]
    TooLong {
        /// The bound, in bytes.
        limit: usize,
    },
    /// The message has a shape that the encoding does not know.
    #[error("message not sent: it cannot be encoded: this is a bug, please report it")]
    Unencodable(#[source] postcard::Error),
}

/// The fixed part of a frame.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct Header {
    magic: [u8; 4],
    kind: U16,
    check: U16,
    length: U32,
    crc: U32,
}

impl Header {
    /// The header that goes before `payload`.
    fn new(kind: u16, length: u32, payload: &[u8]) -> Self {
        let (kind, length) = (U16::new(kind), U32::new(length));
        let check = Self::check(kind, length);
        let mut header = Self {
            magic: MAGIC,
            kind,
            check,
            length,
            crc: U32::ZERO,
        };
        header.crc = header.checksum(payload);
        header
    }

    /// The header at the start of `bytes`, if a whole one is there.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        Self::read_from_prefix(bytes).ok().map(|(header, _)| header)
    }

    /// Whether kind and length may be relied on to find the next frame.
    pub(crate) fn is_plausible(&self) -> bool {
        self.magic == MAGIC
            && self.check == Self::check(self.kind, self.length)
            && self.payload_len() <= MAX_PAYLOAD
    }

    /// Whether `payload` is what the header was made for.
    pub(crate) fn matches(&self, payload: &[u8]) -> bool {
        self.crc == self.checksum(payload)
    }

    /// Number of the message's kind.
    pub(crate) fn kind(&self) -> u16 {
        self.kind.get()
    }

    /// Bytes of payload that follow; at most [`MAX_PAYLOAD`] in a plausible header.
    pub(crate) fn payload_len(&self) -> usize {
        usize::try_from(self.length.get()).unwrap_or(usize::MAX)
    }

    fn check(kind: U16, length: U32) -> U16 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(kind.as_bytes());
        crc.update(length.as_bytes());
        let [low, high, ..] = crc.finalize().to_le_bytes();
        U16::from_bytes([low, high])
    }

    fn checksum(&self, payload: &[u8]) -> U32 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(self.kind.as_bytes());
        crc.update(self.check.as_bytes());
        crc.update(self.length.as_bytes());
        crc.update(payload);
        U32::new(crc.finalize())
    }
}

/// Appends one frame to `out`. Frames are batched by appending several to one
/// buffer and writing it at once.
///
/// # Errors
///
/// [`EncodeError`]; then `out` is left as it was.
pub fn encode<M: Message>(message: &M, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    let encoded = append(message, out);
    if encoded.is_err() {
        out.truncate(start);
    }
    encoded
}

fn append<M: Message>(message: &M, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_LEN]);
    message.write(&mut PayloadWriter::new(out, MAX_PAYLOAD))?;

    let (_, frame) = out.split_at_mut(start);
    let (header, payload) = frame.split_at_mut(HEADER_LEN);
    let length =
        u32::try_from(payload.len()).map_err(|_| EncodeError::TooLong { limit: MAX_PAYLOAD })?;
    header.copy_from_slice(Header::new(message.kind(), length, payload).as_bytes());
    Ok(())
}
