//! The bytes of every message, pinned in `golden/*.bin`: one file a message,
//! in it one frame for each sample.
//!
//! A change of these bytes is a change of the protocol: raise `WIRE_VERSION`.
//! To write the files: `GOLDEN=write cargo test -p proscenium-wire --test golden`.

#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's own helpers is a failed test"
)]

#[path = "support/figures.rs"]
mod figures;
#[path = "support/payloads.rs"]
mod payloads;
#[path = "support/schedulers.rs"]
mod schedulers;
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use figures::stats;
use payloads::{payload_record, payload_spec};
use proscenium_wire::*;
use schedulers::{scheduler_news, scheduler_spec};
use support::audits::audits;
use support::findings::findings;
use support::messages::{DETAIL_KINDS, LOG_LEVELS, LOG_SOURCES, OUTCOMES};
use support::{decode, frame, messages};

/// The file of a message. Exhaustive on purpose: a new variant is named here
/// first, and `every_kind_has_a_sample` then asks for its sample.
fn event_file(event: &Event) -> &'static str {
    match event {
        Event::Hello(_) => "event-hello",
        Event::Log { .. } => "event-log",
        Event::ScenarioStart => "event-scenario-start",
        Event::Pause => "event-pause",
        Event::Resume => "event-resume",
        Event::StepInfo(_) => "event-step-info",
        Event::StepStart(_) => "event-step-start",
        Event::StepEnd(_) => "event-step-end",
        Event::Progress(_) => "event-progress",
        Event::ScenarioEnd { .. } => "event-scenario-end",
        Event::Mark(_) => "event-mark",
        Event::Collected(_) => "event-collected",
        Event::Tasks(_) => "event-tasks",
        Event::Detail(_) => "event-detail",
        Event::Finding(_) => "event-finding",
        Event::Verdict(_) => "event-verdict",
        Event::Mediation(_) => "event-mediation",
        Event::Fault { .. } => "event-fault",
        Event::End => "event-end",
        Event::Payload(_) => "event-payload",
        Event::Scheduler(_) => "event-scheduler",
        Event::SchedulerLog { .. } => "event-scheduler-log",
        Event::AuditCalls(_) => "event-audit-calls",
        Event::AuditTotals(_) => "event-audit-totals",
    }
}

fn command_file(command: &Command) -> &'static str {
    match command {
        Command::Hello { .. } => "command-hello",
        Command::Cancel { .. } => "command-cancel",
    }
}

fn step_mark() -> StepMark {
    StepMark {
        elapsed_ms: 0x0403_0201,
        phase: 0x0605,
        op_count: 0x0807,
        op_kinds: 0x100f_0e0d_0c0b_0a09,
        cgroup_count: 0x1211,
        worker_count: 0x1413,
        handle_count: 0x1615,
        total_iterations: 0x1e1d_1c1b_1a19_1817,
    }
}

fn verdict() -> Verdict {
    let details = DETAIL_KINDS.into_iter().zip(OUTCOMES.into_iter().cycle());
    Verdict {
        outcome: Outcome::Fail,
        details: details
            .map(|(kind, outcome)| Detail {
                kind,
                outcome,
                phase: Some("Step[0]".into()),
                message: format!("{kind:?}"),
            })
            .collect(),
        notes: vec!["halved the set".into(), String::new()],
        asserted: true,
        cgroups: vec![stats(), CgroupStats::default()],
        phases: vec![
            PhaseStats {
                name: "BASELINE".into(),
                ..PhaseStats::default()
            },
            PhaseStats {
                phase: 1,
                name: "Step[0]".into(),
                label: Some("shrunk".into()),
                start_ms: 1_000,
                end_ms: Some(3_000),
                iterations: Some(40_000),
            },
        ],
    }
}

fn hello() -> Hello {
    Hello {
        wire_version: WIRE_VERSION,
        runtime_version: "0.1.0".into(),
        kernel_release: "7.2.13-cloud-amd64".into(),
        cpus: 8,
        memory_bytes: 256 << 20,
        booted_ns: 900_000_000,
    }
}

fn logs() -> impl Iterator<Item = Event> {
    LOG_SOURCES
        .into_iter()
        .flat_map(|source| LOG_LEVELS.map(|level| (source, level)))
        .map(|(source, level)| Event::Log {
            source,
            level,
            message: "größer".into(),
        })
}

fn tasks(why: TasksReason) -> Event {
    Event::Tasks(Tasks {
        at_ns: 1_500_000_000,
        phase: 2,
        cgroup: "left".into(),
        pids: vec![1, 300, u32::MAX],
        why,
    })
}

fn all_tasks() -> [Event; 3] {
    [
        tasks(TasksReason::Placed {
            work: "spin-wait".into(),
        }),
        tasks(TasksReason::Moved {
            from: String::new(),
        }),
        tasks(TasksReason::Captured {
            tag: "before".into(),
        }),
    ]
}

fn events() -> Vec<Event> {
    let samples = [
        Event::Hello(hello()),
        Event::ScenarioStart,
        Event::Pause,
        Event::Resume,
        Event::StepInfo(StepInfo {
            index: 0,
            label: Some("shrunk".into()),
            hold_ns: Some(2_000_000_000),
        }),
        Event::StepInfo(StepInfo {
            index: 300,
            label: None,
            hold_ns: None,
        }),
        Event::StepStart(step_mark()),
        Event::StepEnd(step_mark()),
        Event::Progress(step_mark()),
        Event::ScenarioEnd {
            elapsed_ms: 4_000,
            total_iterations: u64::MAX,
        },
        Event::Mark(Mark {
            at_ns: 1_500_000_000,
            name: "halved".into(),
            fields: vec![("cpus".into(), 2.0), ("none".into(), f64::NEG_INFINITY)],
        }),
        Event::Collected(stats()),
        Event::Detail(Detail {
            kind: DetailKind::Unfair,
            outcome: Outcome::Fail,
            phase: None,
            message: "left got 10 % of right".into(),
        }),
        Event::Verdict(verdict()),
        Event::Mediation(Mediation {
            host_calls: 1,
            writes: 2,
            reads: 3,
            waits: 4,
            spawns: 5,
            denied: 6,
            frames: 7,
        }),
        Event::Fault {
            message: "cgroup2 not mounted".into(),
        },
        Event::End,
        Event::Payload(payload_record()),
    ];
    logs()
        .chain(findings())
        .chain(audits())
        .chain(all_tasks())
        .chain(samples)
        .chain(scheduler_news())
        .collect()
}

fn commands() -> Vec<Command> {
    vec![
        Command::Hello {
            wire_version: WIRE_VERSION,
        },
        Command::Cancel {
            reason: "interrupted by the user".into(),
        },
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Compares with the file, or writes it when asked to.
fn pin(name: &str, bytes: &[u8]) {
    let path = folder().join(name).with_extension("bin");
    if env::var_os("GOLDEN").is_some_and(|mode| mode == "write") {
        fs::write(&path, bytes).unwrap();
    }
    let golden = fs::read(&path).ok();
    assert_eq!(
        Some(bytes),
        golden.as_deref(),
        "{name}: bytes differ from the golden file; raise WIRE_VERSION?"
    );
}

/// Pins `all`, file by file, and checks that the files decode to them again.
fn pin_messages<M: Message + PartialEq + std::fmt::Debug + Clone>(
    all: &[M],
    file: fn(&M) -> &'static str,
) {
    let files: BTreeSet<_> = all.iter().map(file).collect();
    for name in files {
        let samples: Vec<_> = all
            .iter()
            .filter(|one| file(one) == name)
            .cloned()
            .collect();
        let mut bytes = Vec::new();
        for sample in &samples {
            encode(sample, &mut bytes).unwrap();
        }
        pin(name, &bytes);
        let (received, truncated) = decode::<M>(&bytes, &[]);
        assert_eq!(messages(received), samples, "{name}");
        assert_eq!(truncated, None, "{name}");
    }
}

/// Every kind that a decoder of this direction knows, found by asking it.
fn known_kinds<M: Message>() -> BTreeSet<u16> {
    let known = |kind: &u16| {
        let (received, _) = decode::<M>(&frame(*kind, &[]), &[]);
        assert_eq!(received.len(), 1);
        !matches!(received.first(), Some(Received::Unknown { .. }))
    };
    (0..=u16::MAX).filter(known).collect()
}

/// The kind number of a message, read from its frame.
fn kind<M: Message>(message: &M) -> u16 {
    let mut bytes = Vec::new();
    encode(message, &mut bytes).unwrap();
    u16::from_le_bytes([bytes[4], bytes[5]])
}

#[test]
fn every_event_has_its_golden_bytes() {
    pin_messages(&events(), event_file);
}

#[test]
fn every_command_has_its_golden_bytes() {
    pin_messages(&commands(), command_file);
}

#[test]
fn the_job_has_its_golden_bytes() {
    let job = Job {
        wire_version: WIRE_VERSION,
        name: "cpuset-shrink".into(),
        parameters: vec![("share".into(), "0.5".into())],
        duration_ns: 4_000_000_000,
        seed: 42,
        defaults: WorkerDefaults {
            swap_work: Some(SwapWork {
                name: "bursty".into(),
                parameters: vec![
                    ("work-us".into(), SwapValue::Number(10)),
                    ("word".into(), SwapValue::Text("any".into())),
                ],
            }),
            ..WorkerDefaults::default()
        },
        permissions: Permissions::all(),
        limits: Limits::default(),
        thresholds: Thresholds {
            not_starved: Some(true),
            max_spread_percent: Some(15.0),
            ..Thresholds::default()
        },
        trap_foreign_imports: true,
        progress_ms: 250,
        payloads: vec![payload_spec()],
        schedulers: vec![scheduler_spec()],
        scheduler: Some("fifo".into()),
    };
    let file = encode_job(&job).unwrap();
    pin("job", &file);
    assert_eq!(decode_job(&file), Ok(job));
}

#[test]
fn every_kind_has_a_sample_and_a_number_of_its_direction() {
    let from_guest: BTreeSet<_> = events().iter().map(kind).collect();
    assert_eq!(from_guest, known_kinds::<Event>());
    assert!(from_guest.iter().all(|kind| (0x01..=0x7f).contains(kind)));

    let from_host: BTreeSet<_> = commands().iter().map(kind).collect();
    assert_eq!(from_host, known_kinds::<Command>());
    assert!(from_host.iter().all(|kind| (0x81..=0xff).contains(kind)));
}

#[test]
fn no_golden_file_is_left_over() {
    let mut named: BTreeSet<_> = events().iter().map(event_file).collect();
    named.extend(commands().iter().map(command_file));
    named.insert("job");
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            named.contains(name),
            "{} belongs to no message",
            path.display()
        );
    }
}

#[test]
fn a_step_mark_lies_on_the_wire_in_the_documented_order() {
    let payload: Vec<u8> = (0x01..=0x1e).collect();
    let mut bytes = Vec::new();
    encode(&Event::StepStart(step_mark()), &mut bytes).unwrap();
    assert_eq!(bytes, frame(0x07, &payload));
}
