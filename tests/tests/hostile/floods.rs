//! Too much of everything: lists, texts, steps, cgroups, lines, marks, waits.

use std::time::{Duration, Instant};

use proscenium_wire::{DetailKind, Event, LogSource, MAX_PAYLOAD, Outcome, encode};

use crate::support::{Ended, asked, attack, attack_under, attack_with, hostile, run, world};

/// What one call may make the runtime allocate.
const FUEL: &str = "fuel allocated for hostcalls has been exhausted";

/// Every event fits into a frame, so that a guest could have sent it.
fn fits_into_frames(ended: &Ended) {
    for event in &ended.events {
        let mut frame = Vec::new();
        encode(event, &mut frame).unwrap();
        assert!(frame.len() <= MAX_PAYLOAD);
    }
}

#[test]
fn a_call_with_too_much_data_ends_the_plugin_before_anything_is_done() {
    for ended in [
        attack("long-list"),
        attack("long-string"),
        attack("alias-strings"),
    ] {
        ended.failed_with(DetailKind::CallBytesLimit, FUEL);
        fits_into_frames(&ended);
    }
}

#[test]
fn an_answer_quotes_a_part_of_what_it_refuses() {
    attack("long-error").was_answered();
}

#[test]
fn steps_are_counted() {
    let ended = attack("many-steps");
    assert!(ended.was_answered().contains("4096 steps is the most"));
    fits_into_frames(&ended);
}

#[test]
fn cgroups_are_counted() {
    assert!(
        attack("many-cgroups")
            .was_answered()
            .contains("1024 at a time")
    );
}

#[test]
fn ops_are_counted_over_all_calls_of_a_step() {
    let ended = attack("million-ops");
    assert!(ended.was_answered().contains("limits.ops"));
}

#[test]
fn calls_and_news_for_the_host_are_counted_and_their_end_is_that_of_the_component() {
    let ended = attack_under("call-flood", |limits| limits.host_calls = 1_000);
    ended.failed_with(DetailKind::HostCallLimit, "1000 host-calls");
    let ended = attack_under("frame-flood", |limits| limits.frames = 500);
    ended.failed_with(DetailKind::FrameLimit, "500 frames");
    // The component ends at its next loop, and the end has to be told.
    assert!(ended.events.len() < 600, "{} events", ended.events.len());
    // Within them the same calls are no offence.
    let ended = attack_under("none", |limits| limits.host_calls = 100);
    assert_eq!(ended.was_answered(), "behaved");
}

#[test]
fn calls_that_come_too_fast_end_the_component_and_slow_ones_do_not() {
    let mut job = asked("call-flood");
    job.limits.calls_per_second = 1_000;
    let ended = run(&hostile(), &job, world());
    ended.ends_as("call-storm");
    ended.failed_with(DetailKind::CallRateLimit, "1000 calls-per-second");
    // A second's worth, and what the rate gave meanwhile; the next is refused.
    let totals = ended.events.iter().find_map(|event| match event {
        Event::AuditTotals(totals) => Some(totals),
        _ => None,
    });
    let done: u64 = totals
        .unwrap()
        .functions
        .iter()
        .map(|total| total.done)
        .sum();
    assert!((1_000..10_000).contains(&done), "{done} calls");
    let ended = attack_under("none", |limits| limits.calls_per_second = 100);
    assert_eq!(ended.was_answered(), "behaved");
}

#[test]
fn workers_are_counted_before_anything_of_that_size_is_built() {
    let begun = Instant::now();
    attack("many-workers").was_answered();
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn log_lines_beyond_the_budget_are_dropped_and_counted() {
    let ended = attack("log-flood");
    ended.was_answered();
    let kept: usize = ended
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Log {
                source: LogSource::Plugin,
                message,
                ..
            } => Some(message.len()),
            _ => None,
        })
        .sum();
    assert!((1 << 19..=1 << 20).contains(&kept), "{kept} bytes");
    let told = |event: &Event| {
        matches!(event, Event::Log { source: LogSource::Runtime, message, .. }
            if message.contains("log lines beyond the budget were dropped"))
    };
    assert!(ended.events.iter().any(told));
}

#[test]
fn notes_beyond_what_a_verdict_holds_are_counted() {
    let ended = attack("note-flood");
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
    let last = ended.verdict.notes.last().unwrap();
    assert!(last.starts_with("40000 more"), "{last}");
    fits_into_frames(&ended);
}

#[test]
fn a_plugin_that_fails_itself_without_end_fails_in_one_frame() {
    let ended = attack("fail-flood");
    assert_eq!(ended.verdict.outcome, Outcome::Fail);
    fits_into_frames(&ended);
}

#[test]
fn marks_are_counted() {
    let ended = attack_under("mark-flood", |limits| limits.marks = 100);
    assert!(ended.was_answered().contains("no more marks"));
    let marks = |event: &&Event| matches!(event, Event::Mark(_));
    assert_eq!(ended.events.iter().filter(marks).count(), 100);
}

#[test]
fn waits_that_do_not_wait_cost_computing_time() {
    // Few enough for the log of effects to hold them all.
    let ended = attack_under("hold-flood", |limits| limits.compute_ms = 20);
    ended.failed_with(DetailKind::PluginTimeout, "computing time");
}

#[test]
fn a_plan_that_repeats_a_billion_times_can_be_interrupted() {
    let mut waits = 0;
    let world = world().interrupted_by(move || {
        waits += 1;
        (waits > 10_000).then(|| "out of patience".to_owned())
    });
    let ended = attack_with("repeat-flood", |_| {}, world);
    assert_eq!(ended.verdict.outcome, Outcome::Inconclusive);
    let reasons = &ended.verdict.details;
    assert!(
        reasons
            .iter()
            .any(|detail| detail.kind == DetailKind::Cancelled
                && detail.message.contains("patience")),
        "{reasons:#?}"
    );
}
