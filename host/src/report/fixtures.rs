//! Fixed runs for the reporters' tests, and what they are written to.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use proscenium_wire::{
    CgroupStats, CpuTime, Detail, Event, Hello, LogLevel, Mediation, Outcome, StepInfo, StepMark,
    Verdict,
};

use super::human::Look;
use super::{Human, JsonLines, Plain, Reporters};
use crate::event::{Acceleration, FORMAT_VERSION, RunEnded, RunStarted, World};
use crate::session::{Clock, Ending, Recording};

/// Every look at it is 100 ms later.
#[derive(Debug, Default)]
pub(super) struct Stepping(Mutex<u64>);

impl Clock for Stepping {
    fn now_ns(&self) -> u64 {
        let mut now = self.0.lock().unwrap();
        *now += 100_000_000;
        *now
    }
}

/// What was written, readable afterwards.
#[derive(Clone, Debug, Default)]
pub(super) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[derive(Debug)]
pub(super) struct Broken(pub(super) io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) const LOOK: Look = Look {
    colour: false,
    width: 110,
};

pub(super) fn started() -> RunStarted {
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
        schedulers: vec![],
        scheduler: None,
        duration_ns: 4_000_000_000,
        seed: 42,
        parameters: vec![],
        started_unix_ms: 1_795_479_838_000,
        run_dir: Some("/state/runs/20261124T002358Z-cpuset-shrink-x7Kq2a".into()),
    }
}

pub(super) fn at(phase: u16, elapsed_ms: u32, total_iterations: u64) -> StepMark {
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

pub(super) fn stats(phase: u16, cgroup: &str, cpus: &[u32], iterations: u64) -> Event {
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

pub(super) fn opening() -> Vec<Event> {
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

pub(super) fn mediation() -> Event {
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

pub(super) fn closing(outcome: Outcome, details: Vec<Detail>, asserted: bool) -> Vec<Event> {
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
pub(super) fn play(
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
