//! Names and numbers out of every range.

use proscenium_guest_runtime::world::simulated::Effect;

use proscenium_tests::declared;
use proscenium_wire::{DetailKind, PayloadSpec, Thresholds};

use crate::fixture::Core;
use crate::support::{Ended, attack, attack_with, run_core, world};

/// Names of the cgroups that were created.
fn created(ended: &Ended) -> Vec<&str> {
    ended
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Create { group } => Some(group.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn names_that_are_more_than_names_are_refused_and_nothing_is_made() {
    let ended = attack("names");
    assert_eq!(ended.was_answered(), "120 refused");
    assert_eq!(created(&ended), [""; 0]);
}

#[test]
fn numbers_out_of_range_and_those_that_are_none_are_refused_and_nothing_is_written() {
    let ended = attack("numbers");
    assert_eq!(ended.was_answered(), "92 refused");
    assert_eq!(created(&ended), ["target"]);
    let written = |effect: &&Effect| matches!(effect, Effect::Write { .. } | Effect::Spawn { .. });
    let written: Vec<_> = ended.effects.iter().filter(written).collect();
    assert!(written.is_empty(), "{written:?}");
}

#[test]
fn numbers_of_a_plan_are_refused_before_it_begins() {
    let ended = attack("plan-numbers");
    assert_eq!(ended.was_answered(), "29 refused");
    assert_eq!(created(&ended), [""; 0]);
}

#[test]
fn the_greatest_numbers_that_are_allowed_do_no_harm() {
    assert_eq!(attack("plan-extremes").was_answered(), "it ended");
}

#[test]
fn a_component_cannot_blind_the_checks_of_its_operator() {
    let strict = Thresholds {
        min_iteration_rate: Some(1e300),
        ..Thresholds::default()
    };
    let ended = attack_with("thresholds", |job| job.thresholds = strict, world());
    let kinds = ended.verdict.details.iter().map(|detail| detail.kind);
    assert!(kinds.into_iter().all(|kind| kind == DetailKind::Benchmark));
}

/// A payload that takes one flag.
fn bench() -> PayloadSpec {
    PayloadSpec {
        known_flags: Some(vec!["--runtime".to_owned()]),
        ..declared::payload("bench")
    }
}

#[test]
fn payloads_and_flags_that_nobody_declared_start_nothing() {
    let table = [
        attack_with("payload-names", |job| job.payloads = vec![bench()], world()),
        attack_with("payload-flags", |job| job.payloads = vec![bench()], world()),
    ];
    for (ended, says) in table.iter().zip(["85 refused", "27 refused"]) {
        assert_eq!(ended.was_answered(), says);
        let started = |effect: &&Effect| matches!(effect, Effect::StartPayload { .. });
        assert_eq!(ended.effects.iter().find(started), None);
    }
}

#[test]
fn a_payload_that_ends_is_no_attack() {
    let attacker = PayloadSpec {
        name: "attacker".to_owned(),
        ..bench()
    };
    let ended = attack_with("payload", |job| job.payloads = vec![attacker], world());
    assert!(ended.was_answered().starts_with("attacker ended"));
}

#[test]
fn addresses_and_lengths_are_compared_with_memory_and_text_with_its_alphabet() {
    let log = r#"(import "proscenium:scenario/log@0.1.0" "log"
        (func $log (param i32 i32 i32)))"#;
    let mark = r#"(import "proscenium:scenario/stimulus@0.1.0" "mark"
        (func $mark (param i32 i32 i32 i32 i32)))"#;
    for (attack, imports, run) in [
        (
            "string-of-4-gib",
            log,
            "i32.const 0 i32.const 0 i32.const -1 call $log",
        ),
        (
            "list-of-4-gi",
            mark,
            "i32.const 1024 i32.const 1 i32.const 0 i32.const -1 i32.const 512 call $mark",
        ),
        (
            "wild-text",
            log,
            "i32.const 0 i32.const -1 i32.store8
            i32.const 0 i32.const 0 i32.const 1 call $log",
        ),
    ] {
        let ended = run_core(&Core {
            imports: imports.to_owned(),
            run: run.to_owned(),
            ..Core::default()
        });
        ended.ends_as(attack);
    }
}
