//! What the reporters make of runs with schedulers under test.

use proscenium_wire::{
    Detail, DetailKind, Event, Obituary, Outcome, PayloadExit, SchedulerChange, SchedulerExit,
    SchedulerNews,
};

use super::fixtures::{Paper, Stepping, closing, opening, play, started};
use super::*;
use crate::event::{RunEvent, RunStarted};
use crate::session::{Ending, Recording};

fn staged() -> RunStarted {
    RunStarted {
        schedulers: vec!["fifo".into(), "rusty".into()],
        scheduler: Some("fifo".into()),
        ..started()
    }
}

fn news(start: u32, name: &str, phase: u16, change: SchedulerChange) -> Event {
    Event::Scheduler(SchedulerNews {
        start,
        name: name.into(),
        at_ns: u64::from(phase) * 1_500_000_000,
        phase,
        change,
    })
}

fn attached(start: u32, name: &str, phase: u16) -> Event {
    let ops = name.to_owned();
    let took_ns = 152_000_000;
    news(
        start,
        name,
        phase,
        SchedulerChange::Attached { ops, took_ns },
    )
}

fn printed(start: u32, text: &str) -> Event {
    Event::SchedulerLog {
        start,
        bytes: text.as_bytes().to_vec(),
        dropped: 0,
    }
}

/// The first is replaced by one that stalls.
fn stalled() -> Vec<Event> {
    let detached = SchedulerChange::Detached {
        exit: PayloadExit::Code(0),
        killed: false,
        took_ns: 61_000_000,
    };
    let died = SchedulerChange::Died(Obituary {
        kind: SchedulerExit::Crashed,
        process: PayloadExit::Code(1),
        reason: Some("runnable task stall".into()),
        message: Some("worker[7] failed to run for 5.001s".into()),
        dump: "sched_ext: BPF scheduler \"rusty\" disabled (runnable task stall)\n\
               ::error::sched_ext: rusty: \x1b[2Jworker[7] failed to run for 5.001s\n"
            .into(),
    });
    let message = "scheduler rusty crashed: runnable task stall";
    let details = vec![Detail {
        kind: DetailKind::SchedulerCrashed,
        outcome: Outcome::Fail,
        phase: Some("Step[1]".into()),
        message: message.into(),
    }];
    let mut events = vec![printed(0, "loading\n"), attached(0, "fifo", 0)];
    events.extend(opening());
    events.extend([
        news(0, "fifo", 1, detached),
        printed(1, "I am loading\n"),
        attached(1, "rusty", 2),
        news(1, "rusty", 2, died),
        printed(1, "##[error]stalled\r\n"),
    ]);
    events.extend(closing(Outcome::Fail, details, true));
    events
}

#[test]
fn a_scheduler_that_stalled_is_told_with_its_reason_and_its_words() {
    let (human, plain, json, _) = play(staged(), stalled(), Ending::Orderly);
    insta::assert_snapshot!("scheduler-human", human);
    let of_schedulers: Vec<&str> = plain
        .lines()
        .filter(|line| line.contains("scheduler "))
        .collect();
    insta::assert_snapshot!("scheduler-plain", of_schedulers.join("\n"));
    let events: Vec<String> = json
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap())
        .filter(|record| {
            matches!(
                record.event,
                RunEvent::Scheduler(_) | RunEvent::SchedulerWords(_)
            )
        })
        .map(|record| serde_json::to_string_pretty(&record.event).unwrap())
        .collect();
    insta::assert_snapshot!("scheduler-json", events.join("\n"));
    assert!(!human.contains('\x1b') && !json.contains("\\u001b"));
    assert!(!human.contains("\n::error") && !human.contains("##[error]"));
}

#[test]
fn machines_get_each_start_as_properties_and_the_words_as_output() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.xml");
    let mut reporters = Reporters::new(Paper::default()).with(Junit::new(vec![path.clone()]));
    let clock = Stepping::default();
    let mut recording = Recording::begin(&clock, &mut reporters, None, staged());
    for event in stalled() {
        recording.guest(event);
    }
    let _ = recording.finish(Ending::Orderly);
    let xml = std::fs::read_to_string(path).unwrap();
    for text in [
        r#"<property name="scheduler" value="fifo"/>"#,
        r#"<property name="scheduler.0.fifo.ended" value="detached"/>"#,
        r#"<property name="scheduler.1.rusty.attached-after-ns" value="152000000"/>"#,
        r#"<property name="scheduler.1.rusty.ended" value="crashed"/>"#,
        r#"type="scheduler-crashed""#,
        "I am loading",
    ] {
        assert!(xml.contains(text), "{text}: {xml}");
    }
}

#[test]
fn a_scheduler_that_was_not_attached_is_told_with_what_its_loader_printed() {
    let refused = SchedulerChange::Refused {
        reason: "its loader ended with code 1".into(),
    };
    let events = [
        vec![
            printed(0, "libbpf: prog 'enqueue': BPF program load failed\n"),
            news(0, "fifo", 0, refused),
        ],
        closing(Outcome::Fail, vec![], true),
    ]
    .concat();
    let (human, ..) = play(staged(), events, Ending::Orderly);
    assert!(
        human.contains("was not attached: its loader ended with code 1"),
        "{human}"
    );
    assert!(
        human.contains("Last words of scheduler fifo, see schedulers/000-fifo.log\n  │ libbpf:"),
        "{human}"
    );
}
