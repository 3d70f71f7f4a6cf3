//! What the other side can cost us: memory and time, on the worst input.

#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's own helpers is a failed test"
)]

mod support;

use allocation_counter::measure;

use proscenium_wire::{
    Corruption, Decoder, EncodeError, Event, HEADER_LEN, MAX_PAYLOAD, Received, StepMark, encode,
};
use support::{decode, frame, messages};

/// What a reader takes from a port at a time, in bytes.
const READ: usize = 64 << 10;
/// Postcard's encoding of the largest `u32`.
const HUGE: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];
const VERDICT: u16 = 0x0e;

/// The header of a frame whose payload does not come.
fn header_claiming(length: usize) -> Vec<u8> {
    let kind = 0x10_u16.to_le_bytes();
    let length = u32::try_from(length).unwrap().to_le_bytes();
    let check = crc32fast::hash(&[&kind[..], &length].concat()).to_le_bytes();
    [b"PRSC", &kind[..], &check[..2], &length, &[0; 4]].concat()
}

#[test]
fn a_header_alone_allocates_nothing_for_the_payload_it_claims() {
    let header = header_claiming(MAX_PAYLOAD);
    let mut decoder = Decoder::<Event>::new();
    let cost = measure(|| {
        decoder.push(&header);
        assert_eq!(decoder.next(), None);
    });
    assert!(cost.bytes_max < 1_024, "{cost:?}");
}

#[test]
fn a_header_that_claims_too_much_is_passed_over() {
    let mut bytes = header_claiming(MAX_PAYLOAD + 1);
    bytes.extend(frame(0x11, &[]));
    let (received, truncated) = decode::<Event>(&bytes, &[]);
    let skipped = Received::Skipped {
        bytes: HEADER_LEN as u64,
    };
    assert_eq!(received, [skipped, Received::Message(Event::End)]);
    assert_eq!(truncated, None);
}

#[test]
fn the_buffer_holds_no_more_than_one_frame_and_one_read() {
    let bound = MAX_PAYLOAD + HEADER_LEN + READ;
    let corrupt = [header_claiming(MAX_PAYLOAD), vec![0; MAX_PAYLOAD]].concat();
    let stream = [corrupt, vec![b'P'; 3 << 20], header_claiming(MAX_PAYLOAD)]
        .concat()
        .repeat(3);
    let mut decoder = Decoder::<Event>::new();
    let cost = measure(|| {
        for read in stream.chunks(READ - 1) {
            decoder.push(read);
            decoder.by_ref().for_each(drop);
        }
    });
    assert!(
        cost.bytes_current <= i64::try_from(bound).unwrap(),
        "{cost:?}"
    );
    // While a buffer grows, the allocator may hold the old one beside the new.
    assert!(cost.bytes_max <= 2 * bound as u64, "{cost:?}");
}

#[test]
fn a_claimed_length_of_a_list_or_string_allocates_nothing() {
    let outcome_then = |rest: &[u8]| [&[1][..], rest].concat();
    let hostile = [
        (0x10, HUGE.to_vec()),
        (0x02, [&[0, 0][..], &HUGE].concat()),
        (0x0b, [&[0, 0][..], &HUGE].concat()),
        (0x0c, [&[0, 0, 0, 0, 0][..], &HUGE].concat()),
        (VERDICT, outcome_then(&HUGE)),
        (VERDICT, outcome_then(&[&[0][..], &HUGE].concat())),
        (VERDICT, outcome_then(&[&[0, 0, 1][..], &HUGE].concat())),
    ];
    for (kind, payload) in hostile {
        let bytes = frame(kind, &payload);
        let mut received = None;
        let cost = measure(|| {
            let mut decoder = Decoder::<Event>::new();
            decoder.push(&bytes);
            received = decoder.next();
        });
        let corrupt = Received::Corrupt {
            kind,
            why: Corruption::Undecodable,
        };
        assert_eq!(received, Some(corrupt), "{payload:x?}");
        assert!(cost.bytes_max < 1_024, "{payload:x?}: {cost:?}");
    }
}

#[test]
fn a_message_takes_at_most_52_times_its_payload() {
    // An empty note is one byte on the wire and an empty string in memory; no
    // other list of the vocabulary gains more. The factor is two allocations
    // side by side while the list grows.
    let notes = u32::try_from(MAX_PAYLOAD - 16).unwrap();
    let mut payload = vec![1, 0];
    let mut left = notes;
    while left >= 0x80 {
        payload.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
        left >>= 7;
    }
    payload.push(u8::try_from(left).unwrap());
    payload.resize(payload.len() + notes as usize, 0);
    payload.extend([1, 0, 0]);
    let bytes = frame(VERDICT, &payload);
    let mut decoder = Decoder::<Event>::new();
    decoder.push(&bytes);
    let mut received = None;
    let cost = measure(|| received = decoder.next());
    let Some(Received::Message(Event::Verdict(verdict))) = received else {
        panic!("{received:?}");
    };
    assert_eq!(verdict.notes.len(), notes as usize);
    assert!(cost.bytes_max <= 52 * MAX_PAYLOAD as u64, "{cost:?}");
}

#[test]
fn a_million_small_frames_in_one_push_are_read_in_linear_time() {
    // A decoder that moved the rest after every frame would move 16 TB here.
    let bytes = frame(0x04, &[]).repeat(1_000_000);
    let (received, _) = decode::<Event>(&bytes, &[]);
    assert_eq!(received.len(), 1_000_000);
}

#[test]
fn headers_nested_in_a_corrupt_payload_are_not_read_one_by_one() {
    // A decoder that searched the payload of a corrupt frame would compute
    // 262,144 checksums of up to 4 MiB each, and could be fed frames by text.
    let header = header_claiming(MAX_PAYLOAD);
    let mut bytes = header.repeat(MAX_PAYLOAD / HEADER_LEN + 1);
    bytes.extend(frame(0x11, &[]));
    let (received, _) = decode::<Event>(&bytes, &[READ]);
    let corrupt = Received::Corrupt {
        kind: 0x10,
        why: Corruption::Checksum,
    };
    assert_eq!(received, [corrupt, Received::Message(Event::End)]);
}

#[test]
fn a_message_that_is_too_long_is_not_sent_and_leaves_the_batch_as_it_was() {
    let mut batch = Vec::new();
    encode(&Event::Pause, &mut batch).unwrap();
    let before = batch.clone();

    let text_length_takes = 4;
    let longest = Event::Fault {
        message: "x".repeat(MAX_PAYLOAD - text_length_takes),
    };
    let too_long = Event::Fault {
        message: "x".repeat(MAX_PAYLOAD - text_length_takes + 1),
    };

    let refused = encode(&too_long, &mut batch);
    assert!(matches!(
        refused,
        Err(EncodeError::TooLong { limit: MAX_PAYLOAD })
    ));
    assert_eq!(batch, before);

    encode(&longest, &mut batch).unwrap();
    let (received, _) = decode::<Event>(&batch, &[READ]);
    assert_eq!(messages(received), [Event::Pause, longest]);
}

#[test]
fn a_flood_of_garbage_shows_while_it_lasts() {
    let mut decoder = Decoder::<Event>::new();
    decoder.push(&vec![0; 64 << 10]);
    assert_eq!(decoder.next(), Some(Received::Skipped { bytes: 64 << 10 }));
    assert_eq!(decoder.next(), None);
}

#[test]
fn a_fixed_layout_of_another_length_is_rejected_and_the_stream_goes_on() {
    let fixed = [
        (0x07, 30_usize),
        (0x08, 30),
        (0x09, 30),
        (0x0a, 16),
        (0x0f, 56),
    ];
    let empty = [(0x03, 0), (0x04, 0), (0x05, 0), (0x11, 0)];
    for (kind, expected) in fixed.into_iter().chain(empty) {
        let wrong = [expected.checked_sub(1), Some(expected + 1)];
        for found in wrong.into_iter().flatten() {
            let mut bytes = frame(kind, &vec![0; found]);
            encode(&Event::StepStart(StepMark::default()), &mut bytes).unwrap();
            let (received, _) = decode::<Event>(&bytes, &[]);
            let why = Corruption::Length { expected, found };
            let next = Received::Message(Event::StepStart(StepMark::default()));
            assert_eq!(received, [Received::Corrupt { kind, why }, next]);
        }
    }
}

#[test]
fn bytes_after_a_compact_message_make_it_corrupt() {
    let (received, _) = decode::<Event>(&frame(0x10, &[2, b'h', b'i', 0]), &[]);
    let why = Corruption::Length {
        expected: 3,
        found: 4,
    };
    assert_eq!(received, [Received::Corrupt { kind: 0x10, why }]);
}

#[test]
fn a_kind_of_a_newer_version_or_of_the_other_direction_is_unknown() {
    for kind in [0x15, 0x7f, 0x81, 0xffff] {
        let mut bytes = frame(kind, b"whatever");
        bytes.extend(frame(0x11, &[]));
        let (received, _) = decode::<Event>(&bytes, &[]);
        assert_eq!(
            received,
            [Received::Unknown { kind }, Received::Message(Event::End)]
        );
    }
}
