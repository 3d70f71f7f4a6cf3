//! Section 2.5: work of one definition that shares a process.

use nix::errno::Errno;
use proscenium_guest_runtime::contract::ops::{
    CaptureProcs, MoveAllTasks, Op, Placement, SetAffinity, Spawn,
};
use proscenium_guest_runtime::contract::types::{
    Affinity, CgroupDef, CountLimit, ErrorCode, HoldSpec, Work, WorkSpec, WorkerCount,
};
use proscenium_guest_runtime::world::simulated::Effect;
use proscenium_wire::{Event, TasksReason};

use crate::support::{Rig, def, nothing, run_defs, spawn, spins, standing, step, work};

fn thread_of(process: &str, spec: WorkSpec) -> WorkSpec {
    WorkSpec {
        pcomm: Some(process.to_owned()),
        ..spec
    }
}

fn of(work: Vec<WorkSpec>) -> CgroupDef {
    CgroupDef { work, ..def("a") }
}

/// Two spinners and three yielders in one process.
fn server() -> CgroupDef {
    of(vec![
        thread_of("server", spins(2)),
        thread_of("server", work("yield-heavy", WorkerCount::Exactly(3))),
    ])
}

fn refused(def: CgroupDef) -> String {
    Rig::new().refused(nothing(), vec![step(vec![def], vec![], HoldSpec::Fixed(0))])
}

#[test]
fn work_with_the_same_pcomm_is_one_process_and_one_handle() {
    let def = of(vec![
        thread_of("server", spins(2)),
        spins(1),
        thread_of("other", spins(1)),
        thread_of("server", work("yield-heavy", WorkerCount::Exactly(3))),
    ]);
    let ended = run_defs(vec![def]);
    let starts: Vec<String> = ended
        .log
        .effects()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Spawn { work, setups, .. } => Some(format!("{} {work}", setups.len())),
            Effect::SpawnThreads { process, parts, .. } => {
                let part = |(work, setups): &(String, Vec<_>)| format!("{} {work}", setups.len());
                let parts: Vec<String> = parts.iter().map(part).collect();
                Some(format!("{process}: {}", parts.join(", ")))
            }
            _ => None,
        })
        .collect();
    // What has processes of its own comes first.
    let expected = [
        "1 spin-wait",
        "server: 2 spin-wait, 3 yield-heavy",
        "other: 1 spin-wait",
    ];
    assert_eq!(starts, expected);
    let counts = ended.events.iter().find_map(|event| match event {
        Event::StepStart(frame) => Some((frame.handle_count, frame.worker_count)),
        _ => None,
    });
    assert_eq!(counts, Some((3, 7)));
    // Figures are comparable within one type of work, so each has its own.
    let figures: Vec<_> = ended
        .verdict
        .cgroups
        .iter()
        .map(|stats| (stats.work.as_str(), stats.workers, stats.completed))
        .collect();
    let expected = [
        ("spin-wait", 1, 1),
        ("spin-wait", 2, 2),
        ("yield-heavy", 3, 3),
        ("spin-wait", 1, 1),
    ];
    assert_eq!(figures, expected);
    let handed = ended.verdict.cgroups.iter().map(|stats| stats.iterations);
    assert!(handed.min() > Some(0), "all of them ran");
}

#[test]
fn s_014_pids_max_counts_the_threads_of_a_process() {
    let limited = |count| CgroupDef {
        pids_max: Some(CountLimit::Count(count)),
        ..server()
    };
    // Five workers, and the thread that the process begins with.
    let error = standing(&limited(5)).1.unwrap_err();
    assert!(
        error.to_string().contains("pids.max leaves room for 5"),
        "{error}"
    );
    standing(&limited(6)).1.unwrap();
}

#[test]
fn ops_reach_every_thread_and_a_move_takes_the_process() {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[server(), def("b")]).unwrap();
    let pin = Op::SetAffinity(SetAffinity {
        cgroup: "a".into(),
        affinity: Affinity::Exact(vec![1]),
    });
    let moved = Op::MoveAllTasks(MoveAllTasks {
        from: "a".into(),
        to: "b".into(),
    });
    let capture = |cgroup: &str| {
        Op::CaptureCgroupProcs(CaptureProcs {
            tag: "t".into(),
            cgroup: cgroup.to_owned(),
        })
    };
    let ops = [
        capture("a"),
        pin,
        Op::StopCgroup("b".into()),
        moved,
        capture("b"),
    ];
    rig.stage.apply(id, &ops).unwrap();
    let pinned = rig
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("pin worker"));
    assert_eq!(pinned.count(), 5);
    let events = rig.events.borrow();
    let captured: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Tasks(tasks) if matches!(tasks.why, TasksReason::Captured { .. }) => {
                Some(tasks.pids.clone())
            }
            _ => None,
        })
        .collect();
    let [before, after] = &captured[..] else {
        panic!("{captured:?}");
    };
    assert_eq!((before.len(), before), (1, after));
    let placed: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Tasks(tasks) => match &tasks.why {
                TasksReason::Placed { work } => Some((work.clone(), tasks.pids.clone())),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(
        placed[0],
        ("spin-wait, yield-heavy".to_owned(), before.clone())
    );
}

#[test]
fn only_definitions_make_such_a_process() {
    let op = spawn("a", thread_of("server", spins(1)));
    let plan = vec![step(
        vec![],
        vec![Op::AddCgroup("a".into()), op.clone()],
        HoldSpec::Fixed(0),
    )];
    let error = Rig::new().refused(nothing(), plan);
    assert!(
        error.contains("\"server\"") && error.contains("one definition"),
        "{error}"
    );
    // The op itself says the same.
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.apply(id, &[Op::AddCgroup("a".into())]).unwrap();
    let beside = Op::Spawn(Spawn {
        placement: Placement::Runner,
        work: thread_of("server", spins(1)),
    });
    for op in [op, beside] {
        let error = rig.stage.apply(id, &[op]).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::Invalid));
        assert!(error.to_string().contains("one definition"), "{error}");
    }
    let starts = rig
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("start"));
    assert_eq!(starts.count(), 0);
}

#[test]
fn what_cannot_be_threads_of_one_process_is_refused_by_name() {
    let mut one = thread_of("server", spins(1));
    one.uid = Some(1);
    let error = refused(of(vec![one.clone(), thread_of("server", spins(1))]));
    assert!(
        error.contains("user ids, 1 and none") && error.contains("\"a\""),
        "{error}"
    );
    let mut other = thread_of("server", spins(1));
    other.gid = Some(2);
    one.uid = None;
    one.gid = Some(3);
    let error = refused(of(vec![one, other]));
    assert!(error.contains("group ids, 3 and 2"), "{error}");
    let forks = work("fork-exit", WorkerCount::Exactly(1));
    let error = refused(of(vec![thread_of("server", forks)]));
    assert!(
        error.contains("fork-exit") && error.contains("processes of its own"),
        "{error}"
    );
    for name in ["", "a-name-of-16-byt", "a\0b"] {
        let error = refused(of(vec![thread_of(name, spins(1))]));
        assert!(
            error.contains("pcomm") && error.contains("1 to 15"),
            "{error}"
        );
    }
    // Nobody exports work here, which is what is said first.
    let own = WorkSpec {
        work: Work::Exported("mine".to_owned()),
        ..spins(1)
    };
    assert!(refused(of(vec![thread_of("server", own)])).contains("mine"));
    let most = thread_of("server", spins(100_000));
    assert!(refused(of(vec![thread_of("server", spins(1)), most])).contains("this run may start"));
}

#[test]
fn a_process_that_cannot_be_started_fails_its_step_and_leaves_no_handle() {
    let rig = Rig::new();
    rig.fail(Errno::EAGAIN, |effect| {
        matches!(effect, Effect::SpawnThreads { .. })
    });
    let ended = rig.execute(
        nothing(),
        vec![step(vec![server()], vec![], HoldSpec::Fixed(0))],
    );
    let messages = ended.messages().join("\n");
    assert!(
        messages.contains("starting process \"server\" in \"a\""),
        "{messages}"
    );
    assert!(ended.verdict.cgroups.is_empty());
    ended.position("remove \"a\"");
}
