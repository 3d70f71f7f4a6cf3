//! What the reporters make of fixed runs, by snapshot.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use proscenium_wire::{
    CgroupStats, CpuTime, Detail, DetailKind, Event, Hello, LogLevel, LogSource, Mediation,
    Outcome, StepInfo, StepMark, Verdict,
};

use super::human::Look;
use super::*;
use crate::event::{Acceleration, FORMAT_VERSION, Reason, RunEnded, RunOutcome, RunStarted, World};
use crate::session::{Clock, Ending, Recording};

/// Every look at it is 100 ms later.
#[derive(Debug, Default)]
struct Stepping(Mutex<u64>);

impl Clock for Stepping {
    fn now_ns(&self) -> u64 {
        let mut now = self.0.lock().unwrap();
        *now += 100_000_000;
        *now
    }
}

/// What was written, readable afterwards.
#[derive(Clone, Debug, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[derive(Debug)]
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const LOOK: Look = Look {
    colour: false,
    width: 110,
};

fn started() -> RunStarted {
    RunStarted {
        format_version: FORMAT_VERSION,
        host_version: "0.1.0".into(),
        plugin: "cpuset-shrink".into(),
        plugin_version: Some("0.1.0".into()),
        digest: "sha256:5d2c".into(),
        world: World::Vm,
        kernel: Some("7.2.13".into()),
        acceleration: Some(Acceleration {
            name: "tcg".into(),
            why: "KVM cannot run a kernel here: emulation failure at cmpxchg16b".into(),
        }),
        topology: Some("1n2l2c1t".into()),
        duration_ns: 4_000_000_000,
        seed: 42,
        parameters: vec![],
        started_unix_ms: 1_795_479_838_000,
        run_dir: Some("/state/runs/20261124T002358Z-cpuset-shrink-x7Kq2a".into()),
    }
}

fn at(phase: u16, elapsed_ms: u32, total_iterations: u64) -> StepMark {
    StepMark {
        phase,
        elapsed_ms,
        total_iterations,
        cgroup_count: 2,
        worker_count: 4,
        handle_count: 2,
        op_count: 1,
        op_kinds: 1,
    }
}

fn stats(phase: u16, cgroup: &str, cpus: &[u32], iterations: u64) -> Event {
    Event::Collected(CgroupStats {
        phase,
        cgroup: cgroup.into(),
        work: "spin-wait".into(),
        workers: 2,
        completed: 2,
        cpus: cpus.to_vec(),
        iterations,
        cpu_time_ns: 3_900_000_000,
        max_gap_ns: 4_200_000,
        migrations: 3,
        cpu_stat: Some(CpuTime {
            usage_us: 3_912_345,
            ..CpuTime::default()
        }),
        ..CgroupStats::default()
    })
}

fn opening() -> Vec<Event> {
    let info = |index, label: &str| {
        let label = Some(label.to_owned());
        Event::StepInfo(StepInfo {
            index,
            label,
            hold_ns: Some(2_000_000_000),
        })
    };
    vec![
        Event::Hello(Hello {
            wire_version: 1,
            runtime_version: "0.1.0".into(),
            kernel_release: "7.2.13-cloud-amd64".into(),
            cpus: 4,
            memory_bytes: 256 << 20,
            booted_ns: 1_500_000_000,
        }),
        Event::ScenarioStart,
        info(0, "all CPUs"),
        Event::StepStart(at(1, 5, 120)),
        Event::Progress(at(1, 1_005, 611_120)),
        Event::StepEnd(at(1, 2_005, 1_234_687)),
        stats(1, "left", &[0, 1, 2, 3], 617_000),
        stats(1, "right", &[0, 1, 2, 3], 617_567),
        info(1, "half of them"),
        Event::StepStart(at(2, 2_100, 10)),
        Event::StepEnd(at(2, 4_100, 600_010)),
        stats(2, "left", &[0, 1], 600_000),
    ]
}

fn mediation() -> Event {
    Event::Mediation(Mediation {
        host_calls: 48,
        writes: 23,
        reads: 12,
        waits: 4,
        spawns: 6,
        denied: 1,
        frames: 61,
    })
}

fn closing(outcome: Outcome, details: Vec<Detail>, asserted: bool) -> Vec<Event> {
    let (cgroups, phases) = (vec![], vec![]);
    let notes = vec!["the second step had one cgroup only".to_owned()];
    let verdict = Verdict {
        outcome,
        details,
        notes,
        asserted,
        cgroups,
        phases,
    };
    vec![
        Event::ScenarioEnd {
            elapsed_ms: 4_101,
            total_iterations: 600_010,
        },
        mediation(),
        Event::Verdict(verdict),
        Event::End,
    ]
}

/// Plays `events` to all reporters and gives what each wrote.
fn play(
    started: RunStarted,
    events: Vec<Event>,
    ending: Ending,
) -> (String, String, String, RunEnded) {
    let (human, plain, json) = (Paper::default(), Paper::default(), Paper::default());
    let mut reporters = Reporters::new(Paper::default())
        .with(Plain::new(plain.clone(), LogLevel::Info))
        .with(Human::new(human.clone(), LOOK))
        .with(JsonLines::new(json.clone()));
    let clock = Stepping::default();
    let mut recording = Recording::begin(&clock, &mut reporters, None, started);
    recording.booting();
    for event in events {
        recording.guest(event);
    }
    let ended = recording.finish(ending);
    (human.text(), plain.text(), json.text(), ended)
}

#[test]
fn a_run_that_passed() {
    let events = [opening(), closing(Outcome::Pass, vec![], true)].concat();
    let (human, plain, json, _) = play(started(), events, Ending::Orderly);
    insta::assert_snapshot!("passed-human", human);
    insta::assert_snapshot!("passed-plain", plain);
    insta::assert_snapshot!("passed-json", json);
}

#[test]
fn a_run_that_failed_with_hostile_words() {
    let detail = |kind, phase: Option<&str>, message: &str| Detail {
        kind,
        outcome: Outcome::Fail,
        phase: phase.map(str::to_owned),
        message: message.to_owned(),
    };
    let details = vec![
        detail(
            DetailKind::Unfair,
            Some("Step[1]"),
            "left got 80 %, right 20 %",
        ),
        detail(
            DetailKind::Plugin,
            None,
            "::error::\x1b[2Jpwned ]]> <b>\nok 1 - fine",
        ),
    ];
    let shout = Event::Log {
        source: LogSource::Plugin,
        level: LogLevel::Info,
        message: "not ok 1 \x1b]0;title\x07".into(),
    };
    let events = [
        opening(),
        vec![shout],
        closing(Outcome::Fail, details, true),
    ]
    .concat();
    let (human, plain, _, ended) = play(started(), events, Ending::Orderly);
    assert_eq!(ended.outcome, RunOutcome::Failed);
    insta::assert_snapshot!("failed-human", human);
    assert!(!plain.contains('\x1b') && !human.contains('\x1b'));
    assert!(
        human
            .lines()
            .chain(plain.lines())
            .all(|line| !line.trim_start().starts_with("::"))
    );
}

#[test]
fn a_check_in_which_nothing_was_asserted_says_so() {
    let simulated = RunStarted {
        world: World::Simulated,
        acceleration: None,
        kernel: None,
        run_dir: None,
        ..started()
    };
    let events = [opening(), closing(Outcome::Pass, vec![], false)].concat();
    let (human, ..) = play(simulated, events, Ending::Orderly);
    assert!(human.contains("nothing was asserted"), "{human}");
    assert!(
        human
            .lines()
            .next()
            .unwrap()
            .contains("no kernel was asked")
    );
}

#[test]
fn a_run_that_was_refused_has_one_line_and_no_tables() {
    let human = Paper::default();
    let mut reporters = Reporters::new(Paper::default()).with(Human::new(human.clone(), LOOK));
    let clock = Stepping::default();
    let recording = Recording::begin(&clock, &mut reporters, None, started());
    let reason = Reason::new(
        "grant",
        "the plugin wants `cgroups`, which is not granted: add `cgroups = true`",
    );
    let ended = recording.abort(RunOutcome::Refused, reason);
    assert_eq!(ended.exit_code, 3);
    insta::assert_snapshot!("refused-human", human.text());
}

fn junit(events: Vec<Event>, ending: Ending) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.xml");
    let mut reporters = Reporters::new(Paper::default()).with(Junit::new(vec![path.clone()]));
    let clock = Stepping::default();
    let mut recording = Recording::begin(&clock, &mut reporters, None, started());
    recording.booting();
    for event in events {
        recording.guest(event);
    }
    let _ = recording.finish(ending);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn junit_tells_failures_errors_and_passes_apart() {
    let passed = junit(
        [opening(), closing(Outcome::Pass, vec![], true)].concat(),
        Ending::Orderly,
    );
    insta::assert_snapshot!("passed-junit", passed);
    let failed = junit(
        [opening(), closing(Outcome::Fail, vec![], true)].concat(),
        Ending::Orderly,
    );
    assert!(
        failed.contains("<failure ") && failed.contains(r#"failures="1""#),
        "{failed}"
    );
    let vanished = junit(vec![], Ending::Vanished);
    assert!(
        vanished.contains("<error ") && vanished.contains(r#"errors="1""#),
        "{vanished}"
    );
    let skipped = junit(
        [opening(), closing(Outcome::Skip, vec![], true)].concat(),
        Ending::Orderly,
    );
    assert!(skipped.contains("<skipped"), "{skipped}");
    let undecided = junit(
        [opening(), closing(Outcome::Inconclusive, vec![], true)].concat(),
        Ending::Orderly,
    );
    assert!(undecided.contains(r#"type="inconclusive""#), "{undecided}");
}

#[test]
fn a_closed_pipe_is_silent_and_a_full_disk_is_said_once() {
    for (kind, said) in [
        (io::ErrorKind::BrokenPipe, 0),
        (io::ErrorKind::StorageFull, 1),
    ] {
        let complaints = Paper::default();
        let mut reporters = Reporters::new(complaints.clone()).with(JsonLines::new(Broken(kind)));
        let clock = Stepping::default();
        let mut recording = Recording::begin(&clock, &mut reporters, None, started());
        for event in [opening(), closing(Outcome::Pass, vec![], true)].concat() {
            recording.guest(event);
        }
        assert_eq!(
            recording.finish(Ending::Orderly).outcome,
            RunOutcome::Passed
        );
        assert_eq!(
            complaints.text().lines().count(),
            said,
            "{}",
            complaints.text()
        );
    }
}

#[test]
fn colours_need_a_terminal_that_wants_them() {
    assert!(Look::colour_for(true, None, Some("xterm")));
    assert!(Look::colour_for(true, Some(""), None));
    assert!(!Look::colour_for(true, Some("1"), Some("xterm")));
    assert!(!Look::colour_for(false, None, Some("xterm")));
    assert!(!Look::colour_for(true, None, Some("dumb")));
}

#[test]
fn a_narrow_terminal_gets_narrow_tables() {
    let events = [opening(), closing(Outcome::Pass, vec![], true)].concat();
    let (_, _, json, _) = play(started(), events, Ending::Orderly);
    let mut summary = Summary::default();
    json.lines()
        .for_each(|line| summary.fold(&serde_json::from_str(line).unwrap()));
    let ended = summary.ended.clone().unwrap();
    let text = human::render(
        &summary,
        &ended,
        Look {
            colour: false,
            width: 1,
        },
    );
    let tables = text
        .split("Steps")
        .nth(1)
        .unwrap()
        .split("Mediated")
        .next()
        .unwrap();
    assert!(
        tables
            .lines()
            .all(|line| console::measure_text_width(line) <= 61),
        "{tables}"
    );
}
