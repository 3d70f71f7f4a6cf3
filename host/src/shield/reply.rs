//! What a child says of a plugin that it prepared, as bytes on its standard output.
//!
//! ```text
//!   stream   │ "PRSH" │ version u16 │ frame │ frame │
//!   frame    │ kind u8 │ length u32 │ payload │        little-endian
//! ```
//!
//! There are at most two frames: code, then facts or a refusal; or a refusal alone.
//! Each length is bounded before anything is kept. Never decides what a refusal means.

use std::fmt;
use std::io::{self, Write};

use proscenium_guest_runtime::name::clean_line;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::plugin::Facts;

const MAGIC: [u8; 4] = *b"PRSH";
/// Both sides are one program; another version is a program that was replaced
/// while it ran.
const VERSION: u16 = 1;
const PREAMBLE: usize = 6;
const HEADER: usize = 5;
/// Longest facts or refusal, in bytes. A manifest within its bounds has a
/// tenth of it.
const MAX_TEXT: usize = 1 << 20;

/// Longest reason in a message, in bytes.
const MAX_REASON: usize = 2_048;

const CODE: u8 = 1;
const FACTS: u8 = 2;
const REFUSAL: u8 = 3;

/// Why there is no code, or no facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The child could not give up its rights, and read nothing.
    Unconfined(String),
    /// This machine cannot run WebAssembly.
    Machine(String),
    /// A core module whose contract and code do not agree.
    Unwrappable(String),
    /// No plugin, as the runtime sees it.
    NoPlugin(String),
    /// An export that says what the plugin is does not.
    Silent {
        /// Its name.
        export: String,
        /// What happened instead.
        reason: String,
    },
}

impl Refusal {
    /// The same on one bounded line, without anything that a terminal acts on.
    pub(super) fn cleaned(self) -> Self {
        let clean = |reason: String| clean_line(&reason, MAX_REASON);
        match self {
            Self::Unconfined(reason) => Self::Unconfined(clean(reason)),
            Self::Machine(reason) => Self::Machine(clean(reason)),
            Self::Unwrappable(reason) => Self::Unwrappable(clean(reason)),
            Self::NoPlugin(reason) => Self::NoPlugin(clean(reason)),
            Self::Silent { export, reason } => Self::Silent {
                export: clean(export),
                reason: clean(reason),
            },
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unconfined(reason)
        | Self::Machine(reason)
        | Self::Unwrappable(reason)
        | Self::NoPlugin(reason)
        | Self::Silent { reason, .. }) = self;
        f.write_str(reason)
    }
}

/// What the child said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) code: Option<Vec<u8>>,
    pub(super) facts: Option<Facts>,
    pub(super) refusal: Option<Refusal>,
}

/// Bytes that are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum ReplyError {
    #[error("it speaks another version")]
    Version,
    #[error("it sent {kind} of {bytes} bytes: {limit} is the most")]
    TooLong {
        kind: &'static str,
        bytes: usize,
        limit: usize,
    },
    #[error("it sent something else than a reply")]
    Malformed,
    #[error("its reply is incomplete")]
    Incomplete,
}

/// Writes the beginning of a reply.
pub(super) fn begin(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&MAGIC)?;
    out.write_all(&VERSION.to_le_bytes())
}

pub(super) fn send_code(out: &mut impl Write, code: &[u8]) -> io::Result<()> {
    send(out, CODE, code)
}

pub(super) fn send_facts(out: &mut impl Write, facts: &Facts) -> io::Result<()> {
    send(out, FACTS, &serde_json::to_vec(facts)?)
}

pub(super) fn send_refusal(out: &mut impl Write, refusal: &Refusal) -> io::Result<()> {
    send(out, REFUSAL, &serde_json::to_vec(refusal)?)
}

fn send(out: &mut impl Write, kind: u8, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    out.write_all(&[kind])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(payload)
}

/// Takes the stream in pieces of any size.
#[derive(Debug)]
pub(super) struct Reader {
    buffer: Vec<u8>,
    begun: bool,
    max_code: usize,
    said: Said,
}

impl Reader {
    pub(super) fn new(max_code: usize) -> Self {
        Self {
            buffer: Vec::new(),
            begun: false,
            max_code,
            said: Said::default(),
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), ReplyError> {
        self.buffer.extend_from_slice(bytes);
        if !self.begun {
            let Some(preamble) = self.buffer.first_chunk::<PREAMBLE>() else {
                return Ok(());
            };
            let [a, b, c, d, low, high] = *preamble;
            if [a, b, c, d] != MAGIC {
                return Err(ReplyError::Malformed);
            }
            if u16::from_le_bytes([low, high]) != VERSION {
                return Err(ReplyError::Version);
            }
            self.buffer.drain(..PREAMBLE);
            self.begun = true;
        }
        while let Some(length) = self.next_length()? {
            if self.buffer.len() - HEADER < length {
                break;
            }
            self.take(length)?;
        }
        Ok(())
    }

    /// Length of the next frame's payload, if its header is here and sound.
    fn next_length(&self) -> Result<Option<usize>, ReplyError> {
        let Some([kind, length @ ..]) = self.buffer.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let bytes = u32::from_le_bytes(*length) as usize;
        let (kind, limit) = match *kind {
            CODE => ("machine code", self.max_code),
            FACTS | REFUSAL => ("text", MAX_TEXT),
            _ => return Err(ReplyError::Malformed),
        };
        if bytes > limit {
            return Err(ReplyError::TooLong { kind, bytes, limit });
        }
        Ok(Some(bytes))
    }

    /// Takes a frame that is complete.
    fn take(&mut self, length: usize) -> Result<(), ReplyError> {
        let kind = self.buffer.first().copied().unwrap_or_default();
        let rest = self.buffer.split_off(HEADER + length);
        let mut payload = std::mem::replace(&mut self.buffer, rest);
        let Said {
            code,
            facts,
            refusal,
        } = &mut self.said;
        let concluded = facts.is_some() || refusal.is_some();
        match kind {
            CODE if code.is_none() && !concluded => {
                payload.drain(..HEADER);
                *code = Some(payload);
            }
            FACTS if code.is_some() && !concluded => *facts = Some(parse(&payload[HEADER..])?),
            REFUSAL if !concluded => *refusal = Some(parse(&payload[HEADER..])?),
            _ => return Err(ReplyError::Malformed),
        }
        Ok(())
    }

    /// What was said in all.
    pub(super) fn finish(self) -> Result<Said, ReplyError> {
        let concluded = self.said.facts.is_some() || self.said.refusal.is_some();
        if concluded && self.buffer.is_empty() {
            Ok(self.said)
        } else {
            Err(ReplyError::Incomplete)
        }
    }
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, ReplyError> {
    serde_json::from_slice(text).map_err(|_| ReplyError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], step: usize) -> Result<Said, ReplyError> {
        let mut reader = Reader::new(1_000);
        for piece in bytes.chunks(step) {
            reader.push(piece)?;
        }
        reader.finish()
    }

    fn refusal() -> Refusal {
        Refusal::Silent {
            export: "describe".to_owned(),
            reason: "trapped".to_owned(),
        }
    }

    fn reply() -> Vec<u8> {
        let mut bytes = Vec::new();
        begin(&mut bytes).unwrap();
        send_code(&mut bytes, b"machine code").unwrap();
        send_refusal(&mut bytes, &refusal()).unwrap();
        bytes
    }

    #[test]
    fn a_reply_reads_the_same_however_it_is_cut() {
        let bytes = reply();
        for step in 1..bytes.len() {
            let said = read(&bytes, step).unwrap();
            assert_eq!(said.code.as_deref(), Some(&b"machine code"[..]));
            assert_eq!(said.refusal, Some(refusal()));
        }
    }

    #[test]
    fn a_refusal_is_one_line_that_no_terminal_acts_on() {
        let refusal = Refusal::NoPlugin("\u{1b}[31mred\nline".repeat(1_000)).cleaned();
        let text = refusal.to_string();
        assert!(text.len() <= MAX_REASON + 8, "{} bytes", text.len());
        assert!(!text.contains(char::is_control), "{text}");
    }

    #[test]
    fn a_reply_that_is_cut_short_is_none() {
        let bytes = reply();
        for length in 0..bytes.len() {
            let error = read(&bytes[..length], 7).unwrap_err();
            assert_eq!(error, ReplyError::Incomplete, "{length} bytes");
        }
    }

    #[test]
    fn a_length_is_judged_before_its_bytes_are_here() {
        let mut bytes = Vec::new();
        begin(&mut bytes).unwrap();
        bytes.extend([CODE]);
        bytes.extend(1_001_u32.to_le_bytes());
        let too_long = read(&bytes, 64).unwrap_err().to_string();
        assert!(
            too_long.contains("1001 bytes: 1000 is the most"),
            "{too_long}"
        );
    }

    #[test]
    fn frames_out_of_order_unknown_or_twice_are_no_reply() {
        let begun = |frames: &[(u8, &[u8])]| {
            let mut bytes = Vec::new();
            begin(&mut bytes).unwrap();
            for (kind, payload) in frames {
                send(&mut bytes, *kind, payload).unwrap();
            }
            read(&bytes, 64).map(drop)
        };
        let refused = br#"{"machine":"no"}"#;
        assert_eq!(begun(&[(REFUSAL, refused)]), Ok(()));
        for frames in [
            &[(FACTS, &b"{}"[..])][..],
            &[(CODE, b"a"), (CODE, b"b")],
            &[(REFUSAL, refused), (CODE, b"a")],
            &[(REFUSAL, b"no json")],
            &[(9, b"")],
        ] {
            assert_eq!(begun(frames), Err(ReplyError::Malformed), "{frames:?}");
        }
        assert_eq!(
            read(b"hello, world", 64).unwrap_err(),
            ReplyError::Malformed
        );
        assert_eq!(read(b"PRSH\xff\xff", 64).unwrap_err(), ReplyError::Version);
    }
}
