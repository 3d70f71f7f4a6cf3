//! What is in a payload, by kind.
//!
//! Messages of numbers only have a fixed layout (`layout`), so that they cost
//! nothing to write and tools without our code can read them; the others are
//! postcard. A payload is taken whole or not at all: bytes left over make it
//! corrupt. Kind numbers live in `event` and `command`, and nowhere else.

mod command;
mod event;
mod layout;

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::frame::EncodeError;
use crate::hello::{VersionMismatch, check_version};

/// A message that travels in one direction: [`crate::Event`] or
/// [`crate::Command`]. Sealed; adding a message is adding a variant to one of these.
pub trait Message: Codec {}

impl<T: Codec> Message for T {}

/// The part of [`Message`] that only this crate can name.
pub trait Codec: Sized {
    /// Number of this message's kind.
    fn kind(&self) -> u16;

    /// Appends the payload.
    fn write(&self, payload: &mut PayloadWriter<'_>) -> Result<(), EncodeError>;

    /// Reads a payload whose checksum was right. `None`: no such kind in this version.
    fn read(kind: u16, payload: &[u8]) -> Option<Result<Self, Corruption>>;
}

/// Why a frame was not taken for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Corruption {
    /// Payload and checksum do not belong together.
    #[error("checksum does not match")]
    Checksum,
    /// The payload is not as long as a message of this kind.
    #[error("payload has {found} bytes, its message {expected}")]
    Length {
        /// Bytes that the message takes.
        expected: usize,
        /// Bytes that were there.
        found: usize,
    },
    /// The payload is no message of this kind.
    #[error("payload does not decode")]
    Undecodable,
    /// A hello that cannot be read because it is from another version.
    #[error(transparent)]
    Version(#[from] VersionMismatch),
}

/// Appends a payload to a buffer and refuses to pass a bound.
#[derive(Debug)]
pub struct PayloadWriter<'a> {
    out: &'a mut Vec<u8>,
    left: usize,
    limit: usize,
}

impl<'a> PayloadWriter<'a> {
    /// Writes at most `limit` bytes after what is in `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>, limit: usize) -> Self {
        Self {
            out,
            left: limit,
            limit,
        }
    }

    /// Appends a fixed layout.
    pub(crate) fn fixed(
        &mut self,
        layout: &(impl IntoBytes + Immutable),
    ) -> Result<(), EncodeError> {
        self.append(layout.as_bytes())
            .ok_or(EncodeError::TooLong { limit: self.limit })
    }

    /// Appends the postcard encoding.
    pub(crate) fn compact(&mut self, value: &impl Serialize) -> Result<(), EncodeError> {
        let limit = self.limit;
        postcard::serialize_with_flavor(value, Append(self)).map_err(|error| match error {
            postcard::Error::SerializeBufferFull => EncodeError::TooLong { limit },
            other => EncodeError::Unencodable(other),
        })
    }

    fn append(&mut self, bytes: &[u8]) -> Option<()> {
        self.left = self.left.checked_sub(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Some(())
    }
}

/// [`PayloadWriter`] as postcard wants it, which takes its target by value.
struct Append<'w, 'a>(&'w mut PayloadWriter<'a>);

impl Flavor for Append<'_, '_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0
            .append(data)
            .ok_or(postcard::Error::SerializeBufferFull)
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Reads a fixed layout of exactly this length.
fn fixed<T: FromBytes>(payload: &[u8]) -> Result<T, Corruption> {
    T::read_from_bytes(payload).map_err(|_| Corruption::Length {
        expected: size_of::<T>(),
        found: payload.len(),
    })
}

/// Reads as many rows of a fixed layout as fill the payload.
fn rows<T: FromBytes + Immutable + KnownLayout + Unaligned>(
    payload: &[u8],
) -> Result<&[T], Corruption> {
    <[T]>::ref_from_bytes(payload).map_err(|_| Corruption::Length {
        expected: payload.len() / size_of::<T>() * size_of::<T>(),
        found: payload.len(),
    })
}

/// Reads a message that has nothing to say but its kind.
fn empty<T>(payload: &[u8], message: T) -> Result<T, Corruption> {
    match payload.len() {
        0 => Ok(message),
        found => Err(Corruption::Length { expected: 0, found }),
    }
}

/// Reads a postcard value that fills the payload. Postcard takes strings from
/// the payload itself and reserves for a list only what the bytes left can
/// hold, so a claimed length allocates nothing that was not sent.
pub(crate) fn compact<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Corruption> {
    match postcard::take_from_bytes(payload) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(Corruption::Length {
            expected: payload.len().saturating_sub(rest.len()),
            found: payload.len(),
        }),
        Err(_) => Err(Corruption::Undecodable),
    }
}

/// Reads a hello, whose first field is the protocol's version in every version.
/// If the rest cannot be read, another version is the better explanation.
fn hello<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Corruption> {
    compact(payload).or_else(|why| {
        check_version(leading_version(payload)?)?;
        Err(why)
    })
}

/// The version that a hello or a job starts with.
pub(crate) fn leading_version(payload: &[u8]) -> Result<u16, Corruption> {
    postcard::take_from_bytes(payload)
        .map(|(version, _)| version)
        .map_err(|_| Corruption::Undecodable)
}
