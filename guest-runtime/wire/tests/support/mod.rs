//! What the wire tests share: frames built by hand from the documented layout,
//! a way to drain a decoder, and strategies for every message.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test binary uses a part of it"
)]

pub(crate) mod audits;
pub(crate) mod findings;
pub(crate) mod kinds;
pub(crate) mod messages;
pub(crate) mod news;
mod stats;

use proscenium_wire::{Decoder, Message, Received, Truncated};

/// A frame as the documentation draws it, made without the crate's encoder.
pub(crate) fn frame(kind: u16, payload: &[u8]) -> Vec<u8> {
    let kind = kind.to_le_bytes();
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    let check = crc32fast::hash(&[&kind[..], &length].concat()).to_le_bytes();
    let check = &check[..2];
    let crc = crc32fast::hash(&[&kind[..], check, &length, payload].concat()).to_le_bytes();
    [b"PRSC", &kind[..], check, &length, &crc, payload].concat()
}

/// Pushes `bytes` in reads of the given sizes, over and over, draining after each.
/// Neighbouring [`Received::Skipped`] are one.
pub(crate) fn decode<M: Message>(
    bytes: &[u8],
    reads: &[usize],
) -> (Vec<Received<M>>, Option<Truncated>) {
    let mut decoder = Decoder::new();
    let mut all = Vec::new();
    let mut rest = bytes;
    let mut sizes = reads.iter().copied().cycle();
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(rest.len()).clamp(1, rest.len());
        let (read, later) = rest.split_at(size);
        decoder.push(read);
        for received in decoder.by_ref() {
            match (all.last_mut(), received) {
                (Some(Received::Skipped { bytes }), Received::Skipped { bytes: more }) => {
                    *bytes += more;
                }
                (_, received) => all.push(received),
            }
        }
        rest = later;
    }
    (all, decoder.finish())
}

/// Only the messages of a stream.
pub(crate) fn messages<M>(received: Vec<Received<M>>) -> Vec<M> {
    received
        .into_iter()
        .filter_map(|one| match one {
            Received::Message(message) => Some(message),
            _ => None,
        })
        .collect()
}
