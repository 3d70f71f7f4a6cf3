//! What a peer or a job of another version leads to: a plain word about it.

#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's own helpers is a failed test"
)]

mod support;

use proscenium_wire::{
    Command, Corruption, Event, Job, JobError, Limits, MAX_JOB, Permissions, Received, Thresholds,
    VersionMismatch, WIRE_VERSION, WorkerDefaults, check_version, decode_job, encode_job,
};
use support::{decode, frame};

const OTHER: u16 = WIRE_VERSION + 1;
/// Postcard's encoding of a version, which is one byte for the first 127.
const VERSION_BYTE: u8 = WIRE_VERSION.to_le_bytes()[0];
const OTHER_BYTE: u8 = OTHER.to_le_bytes()[0];
const MISMATCH: VersionMismatch = VersionMismatch {
    ours: WIRE_VERSION,
    theirs: OTHER,
};

fn job() -> Job {
    Job {
        wire_version: WIRE_VERSION,
        name: "steady".into(),
        parameters: vec![("workers".into(), "4".into())],
        duration_ns: 1_000_000_000,
        seed: 7,
        defaults: WorkerDefaults::default(),
        permissions: Permissions::all(),
        limits: Limits::default(),
        thresholds: Thresholds {
            max_wake_cv: Some(2.0),
            ..Thresholds::default()
        },
        trap_foreign_imports: false,
        progress_ms: 1_000,
        payloads: vec![],
        schedulers: vec![],
        scheduler: None,
    }
}

#[test]
fn only_the_same_version_is_accepted() {
    for theirs in 0..=u16::MAX {
        assert_eq!(check_version(theirs).is_ok(), theirs == WIRE_VERSION);
    }
}

#[test]
fn a_mismatch_names_both_versions_and_says_what_to_do() {
    let text = check_version(999).unwrap_err().to_string();
    assert!(
        text.contains(&format!("speaks wire version {WIRE_VERSION}")),
        "{text}"
    );
    assert!(text.contains("the other 999"), "{text}");
    assert!(text.contains("build both from the same release"), "{text}");
}

#[test]
fn a_hello_of_another_version_says_so_even_in_another_shape() {
    let (received, _) = decode::<Event>(&frame(0x01, &[OTHER_BYTE, 0xff, 0xff]), &[]);
    let why = Corruption::Version(MISMATCH);
    assert_eq!(received, [Received::Corrupt { kind: 0x01, why }]);

    let (received, _) = decode::<Command>(&frame(0x81, &[OTHER_BYTE, 1, 2, 3]), &[]);
    assert_eq!(received, [Received::Corrupt { kind: 0x81, why }]);
}

#[test]
fn a_hello_of_this_version_that_does_not_decode_is_just_that() {
    let (received, _) = decode::<Event>(&frame(0x01, &[VERSION_BYTE, 0xff, 0xff]), &[]);
    assert_eq!(
        received,
        [Received::Corrupt {
            kind: 0x01,
            why: Corruption::Undecodable
        }]
    );
}

#[test]
fn a_job_comes_out_as_it_went_in() {
    assert_eq!(decode_job(&encode_job(&job()).unwrap()), Ok(job()));
}

#[test]
fn a_job_of_another_version_says_so_before_the_rest_is_read() {
    let other = Job {
        wire_version: OTHER,
        ..job()
    };
    assert_eq!(
        decode_job(&encode_job(&other).unwrap()),
        Err(JobError::Version(MISMATCH))
    );
    assert_eq!(
        decode_job(&[OTHER_BYTE, 0xff, 0xff, 0xff]),
        Err(JobError::Version(MISMATCH))
    );
    assert_eq!(decode_job(&[OTHER_BYTE]), Err(JobError::Version(MISMATCH)));
}

#[test]
fn every_cut_of_a_job_is_refused() {
    let file = encode_job(&job()).unwrap();
    for length in 0..file.len() {
        let refused = decode_job(&file[..length]);
        assert_eq!(
            refused,
            Err(JobError::Corrupt(Corruption::Undecodable)),
            "{length}"
        );
    }
}

#[test]
fn bytes_after_a_job_are_refused() {
    let mut file = encode_job(&job()).unwrap();
    let expected = file.len();
    file.push(0);
    let why = Corruption::Length {
        expected,
        found: expected + 1,
    };
    assert_eq!(decode_job(&file), Err(JobError::Corrupt(why)));
}

#[test]
fn a_job_is_bounded_on_both_sides() {
    let long = Job {
        name: "x".repeat(MAX_JOB),
        ..job()
    };
    assert!(
        encode_job(&long)
            .unwrap_err()
            .to_string()
            .contains("longer than 1048576 bytes")
    );
    let found = MAX_JOB + 1;
    assert_eq!(
        decode_job(&vec![1; found]),
        Err(JobError::TooLong { found })
    );
}
