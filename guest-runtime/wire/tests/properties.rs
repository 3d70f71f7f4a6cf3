//! What holds for every stream: nothing is lost, nothing is made up, and damage
//! stays where it is.

#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's own helpers is a failed test"
)]

mod support;

use proptest::collection::vec;
use proptest::prelude::*;

use proscenium_wire::{
    Command, Corruption, Event, HEADER_LEN, Message, Received, decode_job, encode,
};
use support::messages::{command, event};
use support::{decode, frame, messages};

/// One frame each.
fn frames<M: Message>(all: &[M]) -> Vec<Vec<u8>> {
    let frame = |message| {
        let mut bytes = Vec::new();
        encode(message, &mut bytes).unwrap();
        bytes
    };
    all.iter().map(frame).collect()
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

/// Bytes that lead deep into the decoder: noise, and frames that are sound but
/// carry noise or claim what they do not hold.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![0_u16..0x14, 0x80_u16..0x84, any::<u16>()];
    let piece = prop_oneof![
        vec(any::<u8>(), 0..60),
        Just(b"PRSC".to_vec()),
        (kind, vec(any::<u8>(), 0..80)).prop_map(|(kind, payload)| frame(kind, &payload)),
        event().prop_map(|event| frames(&[event]).concat()),
        (event(), any::<prop::sample::Index>()).prop_map(|(event, at)| {
            let mut bytes = frames(&[event]).concat();
            bytes.truncate(at.index(bytes.len()));
            bytes
        }),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn events_come_out_as_they_went_in_however_the_stream_is_cut(
        all in vec(event(), 0..12),
        reads in vec(1_usize..200, 1..8),
    ) {
        let (received, truncated) = decode(&frames(&all).concat(), &reads);
        let expected: Vec<_> = all.into_iter().map(Received::Message).collect();
        prop_assert_eq!(received, expected);
        prop_assert_eq!(truncated, None);
    }

    #[test]
    fn commands_come_out_as_they_went_in_however_the_stream_is_cut(
        all in vec(command(), 0..12),
        reads in vec(1_usize..40, 1..8),
    ) {
        let (received, truncated) = decode(&frames(&all).concat(), &reads);
        let expected: Vec<_> = all.into_iter().map(Received::Message).collect();
        prop_assert_eq!(received, expected);
        prop_assert_eq!(truncated, None);
    }

    #[test]
    fn hostile_bytes_read_the_same_however_they_are_cut(
        bytes in hostile(),
        reads in vec(1_usize..50, 1..8),
    ) {
        prop_assert_eq!(decode::<Event>(&bytes, &reads), decode::<Event>(&bytes, &[]));
        prop_assert_eq!(decode::<Command>(&bytes, &reads), decode::<Command>(&bytes, &[]));
    }

    #[test]
    fn what_is_no_frame_is_accounted_for_to_the_last_byte(
        noise in vec(prop_oneof![vec(any::<u8>(), 0..60), Just(b"PRSC".to_vec())], 0..12),
        reads in vec(1_usize..50, 1..5),
    ) {
        let noise = noise.concat();
        let (received, truncated) = decode::<Event>(&noise, &reads);
        let told = |one: &Received<Event>| match one {
            Received::Skipped { bytes } => *bytes,
            _ => 0,
        };
        let skipped: u64 = received.iter().map(told).sum();
        prop_assert_eq!(skipped + truncated.map_or(0, |end| end.bytes), noise.len() as u64);
    }

    #[test]
    fn hostile_bytes_are_no_job_and_do_no_harm(bytes in vec(any::<u8>(), 0..400)) {
        let mut versioned = vec![1];
        versioned.extend_from_slice(&bytes);
        let _ = decode_job(&bytes);
        let _ = decode_job(&versioned);
    }

    #[test]
    fn a_flipped_bit_costs_its_own_frame_and_no_other(
        before in vec(event(), 0..3),
        hit in event(),
        after in vec(event(), 0..4),
        bit in any::<prop::sample::Index>(),
        reads in vec(1_usize..200, 1..5),
    ) {
        let mut damaged = frames(&[hit]).concat();
        let bit = bit.index(damaged.len() * 8);
        flip(&mut damaged, bit);
        let length = damaged.len() as u64;
        let bytes = [frames(&before).concat(), damaged, frames(&after).concat()].concat();

        let (received, truncated) = decode::<Event>(&bytes, &reads);

        let in_header_proper = bit < 12 * 8;
        let mut losses = received.iter().filter(|one| !matches!(one, Received::Message(_)));
        match losses.next() {
            Some(Received::Corrupt { why: Corruption::Checksum, .. }) => {
                prop_assert!(!in_header_proper);
            }
            Some(Received::Skipped { bytes }) => {
                prop_assert!(in_header_proper);
                prop_assert_eq!(*bytes, length);
            }
            None => {
                prop_assert!(after.is_empty());
                prop_assert_eq!(truncated.map(|end| end.bytes), Some(length));
            }
            other => prop_assert!(false, "{:?}", other),
        }
        prop_assert!(losses.next().is_none());
        prop_assert_eq!(messages(received), [before, after].concat());
    }

    #[test]
    fn a_stream_cut_short_yields_the_frames_before_the_cut_and_says_so(
        all in vec(event(), 1..6),
        cut in any::<prop::sample::Index>(),
        reads in vec(1_usize..200, 1..5),
    ) {
        let frames = frames(&all);
        let cut = cut.index(frames.concat().len());
        let mut whole = 0;
        let mut end = 0;
        while end + frames[whole].len() <= cut {
            end += frames[whole].len();
            whole += 1;
        }

        let (received, truncated) = decode::<Event>(&frames.concat()[..cut], &reads);

        let expected: Vec<_> = all[..whole].iter().cloned().map(Received::Message).collect();
        prop_assert_eq!(received, expected);
        let left = (cut - end) as u64;
        prop_assert_eq!(truncated.map(|end| end.bytes), (left > 0).then_some(left));
        let kind = u16::from_le_bytes([frames[whole][4], frames[whole][5]]);
        let header_whole = left >= HEADER_LEN as u64;
        prop_assert_eq!(truncated.and_then(|end| end.kind), header_whole.then_some(kind));
    }
}

#[test]
fn every_bit_of_every_header_field_is_guarded() {
    let hit = frame(0x10, b"\x05hello");
    let next = frame(0x11, &[]);
    for bit in 0..hit.len() * 8 {
        let mut bytes = hit.clone();
        flip(&mut bytes, bit);
        bytes.extend_from_slice(&next);
        let (received, truncated) = decode::<Event>(&bytes, &[]);
        assert_eq!(messages(received), [Event::End], "bit {bit}");
        assert_eq!(truncated, None, "bit {bit}");
    }
}
