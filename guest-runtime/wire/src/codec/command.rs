//! Kinds and payloads from host to guest: 0x81 to 0xff.

use zerocopy::{IntoBytes, TryFromBytes};

use super::{Codec, Corruption, PayloadWriter, compact, hello};
use crate::Command;
use crate::frame::EncodeError;

/// Kind numbers. One that was ever released is never given to another message.
#[derive(Clone, Copy, TryFromBytes)]
#[repr(u16)]
enum Tag {
    Hello = 0x81,
    Cancel = 0x82,
}

impl From<&Command> for Tag {
    fn from(command: &Command) -> Self {
        match command {
            Command::Hello { .. } => Self::Hello,
            Command::Cancel { .. } => Self::Cancel,
        }
    }
}

impl Codec for Command {
    fn kind(&self) -> u16 {
        Tag::from(self) as u16
    }

    fn write(&self, payload: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Hello { wire_version } => payload.compact(wire_version),
            Self::Cancel { reason } => payload.compact(reason),
        }
    }

    fn read(kind: u16, payload: &[u8]) -> Option<Result<Self, Corruption>> {
        let tag = Tag::try_read_from_bytes(kind.as_bytes()).ok()?;
        Some(match tag {
            Tag::Hello => hello(payload).map(|wire_version| Self::Hello { wire_version }),
            Tag::Cancel => compact(payload).map(|reason| Self::Cancel { reason }),
        })
    }
}
