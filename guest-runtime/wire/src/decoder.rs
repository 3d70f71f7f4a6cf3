//! From a stream of bytes, cut anywhere, to messages.
//!
//! ```text
//!           ┌────────── magic, check and length right ──────────┐
//!           │                                                   ▼
//!     ┌─────┴─────┐                                       ┌───────────┐
//!  ──▶│ searching │                                       │ in frame  │
//!     └─────┬─────┘                                       └─────┬─────┘
//!       ▲   │ anything else: one byte on,                       │ payload whole: Message,
//!       │   └─▶ Skipped before the next frame                   │ Corrupt or Unknown
//!       └───────────────────────────────────────────────────────┘
//! ```
//!
//! The bytes are hostile. Whatever they are, the decoder never panics, looks
//! at each byte a bounded number of times, and holds at most one frame besides
//! what was pushed since it was last drained. A frame that is
//! [`Received::Corrupt`] is passed over whole, so that what is in its payload
//! is never taken for a frame. After [`Received::Skipped`] that cannot be
//! promised (the bytes passed over may have been a payload): a reader that
//! needs to trust the stream must not do so from there on.

use std::marker::PhantomData;
use std::mem::take;

use thiserror::Error;

use crate::Message;
use crate::codec::Corruption;
use crate::frame::{HEADER_LEN, Header, MAGIC, MAX_PAYLOAD};

/// Bytes that are skipped before it is said although no frame has come, so
/// that a flood of garbage shows while it lasts (64 KiB).
const SKIP_REPORT: u64 = 64 << 10;
/// Longest frame, in bytes.
const MAX_FRAME: usize = HEADER_LEN + MAX_PAYLOAD;

/// What came out of the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Received<M> {
    /// A message.
    Message(M),
    /// A frame whose content must not be acted on; the stream goes on after it.
    Corrupt {
        /// Number of the kind that its header gives.
        kind: u16,
        /// What is wrong with it.
        why: Corruption,
    },
    /// A sound frame of a kind that this version does not have.
    Unknown {
        /// Number of its kind.
        kind: u16,
    },
    /// Bytes that belong to no frame were passed over.
    Skipped {
        /// How many.
        bytes: u64,
    },
}

/// The stream ended where no frame ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the stream ended within a frame: its last {bytes} bytes are no message")]
pub struct Truncated {
    /// Number of the kind of the frame that was cut short, if its header was whole.
    pub kind: Option<u16>,
    /// Bytes at the end that no [`Received`] told of.
    pub bytes: u64,
}

/// Incremental reader of one stream of frames.
///
/// Push what a read returned, then take what has become whole with `next`
/// until it gives `None`, which here means *not yet*: pushing more may make it
/// go on. At the end of the stream, [`Decoder::finish`].
///
/// ```
/// use proscenium_wire::{Command, Decoder, Received, encode};
///
/// let mut bytes = Vec::new();
/// encode(&Command::Hello { wire_version: 1 }, &mut bytes)?;
///
/// let mut decoder = Decoder::new();
/// for read in bytes.chunks(5) {
///     decoder.push(read);
///     for received in decoder.by_ref() {
///         assert_eq!(received, Received::Message(Command::Hello { wire_version: 1 }));
///     }
/// }
/// assert_eq!(decoder.finish(), None);
/// # Ok::<(), proscenium_wire::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder<M> {
    buffer: Vec<u8>,
    /// Where in `buffer` the bytes begin that are still to be read.
    start: usize,
    /// Bytes passed over and not yet told of.
    skipped: u64,
    direction: PhantomData<fn() -> M>,
}

impl<M> Default for Decoder<M> {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            skipped: 0,
            direction: PhantomData,
        }
    }
}

impl<M: Message> Decoder<M> {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what a read returned. Drain with `next` before the next push:
    /// that is what keeps the memory bounded.
    pub fn push(&mut self, bytes: &[u8]) {
        // Growth is amortised as a vector's is, but stops at one frame and one read.
        let bound = MAX_FRAME.saturating_add(bytes.len());
        let needed = self.buffer.len().saturating_add(bytes.len());
        if needed > bound {
            self.buffer.reserve(bytes.len());
        } else if needed > self.buffer.capacity() {
            let target = needed.saturating_mul(2).min(bound);
            self.buffer
                .reserve_exact(target.saturating_sub(self.buffer.len()));
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Ends the stream: what was pushed and drained by now is all there is.
    /// `None`: it ended where a frame ends.
    #[must_use]
    pub fn finish(self) -> Option<Truncated> {
        let rest = self.rest();
        let bytes = self.skipped.saturating_add(rest.len() as u64);
        let kind = Header::read(rest)
            .filter(Header::is_plausible)
            .map(|header| header.kind());
        (bytes > 0).then_some(Truncated { kind, bytes })
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Passes over what cannot be a header and returns the next whole one.
    fn synchronise(&mut self) -> Option<Header> {
        loop {
            let distance = to_next_magic(self.rest());
            self.skip(distance);
            let header = Header::read(self.rest())?;
            if header.is_plausible() {
                return Some(header);
            }
            self.skip(1);
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.start += bytes;
        self.skipped += bytes as u64;
    }

    fn take_skipped(&mut self) -> Received<M> {
        Received::Skipped {
            bytes: take(&mut self.skipped),
        }
    }

    /// Drops what was read. Done only when more input is needed: then at most
    /// one unfinished frame is left to be moved, and only once, because from
    /// then on it is at the front.
    fn compact(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
    }
}

impl<M: Message> Iterator for Decoder<M> {
    type Item = Received<M>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(header) = self.synchronise() else {
            self.compact();
            return (self.skipped >= SKIP_REPORT).then(|| self.take_skipped());
        };
        if self.skipped > 0 {
            return Some(self.take_skipped());
        }
        let end = HEADER_LEN + header.payload_len();
        let Some(payload) = self.rest().get(HEADER_LEN..end) else {
            self.compact();
            return None;
        };
        let kind = header.kind();
        let received = if header.matches(payload) {
            match M::read(kind, payload) {
                Some(Ok(message)) => Received::Message(message),
                Some(Err(why)) => Received::Corrupt { kind, why },
                None => Received::Unknown { kind },
            }
        } else {
            Received::Corrupt {
                kind,
                why: Corruption::Checksum,
            }
        };
        self.start += end;
        Some(received)
    }
}

/// Bytes before the first place where the magic begins, whole or cut off by
/// the end of `bytes`.
fn to_next_magic(bytes: &[u8]) -> usize {
    (0..bytes.len())
        .find(|&at| {
            let (_, here) = bytes.split_at(at);
            MAGIC.starts_with(here.get(..MAGIC.len()).unwrap_or(here))
        })
        .unwrap_or(bytes.len())
}
