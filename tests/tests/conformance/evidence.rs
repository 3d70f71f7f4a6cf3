//! What is put on record about processes, and interrupts that are steered.

use proscenium_guest_runtime::contract::ops::{CaptureProcs, Irq, MoveAllTasks, Op, SteerIrq};
use proscenium_guest_runtime::contract::types::{CgroupDef, ErrorCode, HoldSpec};
use proscenium_wire::{Event, Outcome, TasksReason};

use crate::support::{Ended, MS, Rig, backdrop, def, ms, nothing, spins, step};

/// What is on record about processes: how, where, in which phase, who.
fn told(ended: &Ended) -> Vec<(String, &str, u16, &[u32])> {
    let mut rows = Vec::new();
    for event in &ended.events {
        let Event::Tasks(tasks) = event else { continue };
        let how = match &tasks.why {
            TasksReason::Placed { work } => format!("placed {work}"),
            TasksReason::Moved { from } => format!("moved {from}"),
            TasksReason::Captured { tag } => format!("captured {tag}"),
        };
        rows.push((how, &*tasks.cgroup, tasks.phase, &*tasks.pids));
    }
    rows
}

fn capture(tag: &str, cgroup: &str) -> Op {
    Op::CaptureCgroupProcs(CaptureProcs {
        tag: tag.into(),
        cgroup: cgroup.into(),
    })
}

fn two(name: &str) -> CgroupDef {
    CgroupDef {
        work: vec![spins(2)],
        ..def(name)
    }
}

#[test]
fn s_019_every_placement_and_move_is_on_record() {
    let moved = Op::MoveAllTasks(MoveAllTasks {
        from: "b".into(),
        to: "a".into(),
    });
    let plan = vec![
        step(vec![two("b")], vec![], ms(1)),
        step(vec![], vec![Op::AddCgroupDef(def("b")), moved], ms(1)),
    ];
    let ended = Rig::new().execute(backdrop(vec![two("a")], vec![]), plan);
    let placed = "placed spin-wait".to_owned();
    let expected = [
        (placed.clone(), "a", 0, &[1000, 1001][..]),
        (placed.clone(), "b", 1, &[1002, 1003]),
        (placed, "b", 2, &[1004]),
        ("moved b".to_owned(), "a", 2, &[1004]),
    ];
    assert_eq!(told(&ended), expected);
}

#[test]
fn s_040_a_capture_is_the_list_of_processes_under_its_tag() {
    let ops = vec![
        capture("full", "a"),
        Op::StopCgroup("a".into()),
        capture("empty", "a"),
    ];
    let plan = vec![step(vec![], ops, ms(1))];
    let ended = Rig::new().execute(backdrop(vec![two("a")], vec![]), plan);
    let rows = told(&ended);
    assert_eq!(
        rows[1..],
        [
            ("captured full".to_owned(), "a", 1, &[1000, 1001][..]),
            ("captured empty".to_owned(), "a", 1, &[]),
        ]
    );
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
}

#[test]
fn s_040_a_capture_of_what_is_not_there_fails_loudly() {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("a")]).unwrap();
    for (op, code, word) in [
        (capture("t", "nowhere"), ErrorCode::NotFound, "\"nowhere\""),
        (capture("t", ""), ErrorCode::NotFound, "\"\""),
        (capture("", "a"), ErrorCode::Invalid, "tag"),
        (capture(&"t".repeat(257), "a"), ErrorCode::Invalid, "256"),
    ] {
        let error = rig.stage.apply(id, &[op]).unwrap_err();
        assert_eq!(error.code(), Some(code), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    // A plan is refused before anything is done; its own setup comes too late.
    let plan = vec![step(vec![def("a")], vec![capture("t", "a")], ms(1))];
    let error = Rig::new().refused(nothing(), plan);
    assert!(
        error.contains("\"a\"") && error.contains("backdrop"),
        "{error}"
    );
}

#[test]
fn s_040_a_capture_may_be_repeated() {
    let plan = vec![step(
        vec![def("a")],
        vec![capture("again", "a")],
        HoldSpec::Repeat(250 * MS),
    )];
    let ended = Rig::new().execute(nothing(), plan);
    assert_eq!(told(&ended).len(), 1 + 4);
}

#[test]
fn s_093_a_phase_is_in_force_before_its_step_does_anything() {
    let steps = vec![
        step(vec![], vec![capture("first", "a")], ms(1)),
        step(vec![], vec![capture("second", "a")], ms(1)),
    ];
    let plan = backdrop(vec![def("a")], vec![capture("before", "a")]);
    let ended = Rig::new().execute(plan, steps);
    let phases: Vec<_> = told(&ended)[1..].iter().map(|row| row.2).collect();
    assert_eq!(phases, [0, 1, 2]);
}

#[test]
fn an_interrupt_is_steered_by_number_or_label() {
    let steer = |irq, cpu| Op::SteerIrq(SteerIrq { irq, cpu });
    let label = |label: &str| Irq::Label(label.into());
    let ops = vec![steer(Irq::Number(4), 1), steer(label("virtio0-config"), 3)];
    let ended = Rig::new().execute(nothing(), vec![step(vec![], ops, ms(1))]);
    ended.position("steer interrupt 4 to CPU 1");
    ended.position("steer interrupt 24 to CPU 3");

    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    let absent = rig
        .stage
        .apply(id, &[steer(label("nvme0q0"), 0)])
        .unwrap_err();
    assert_eq!(absent.code(), Some(ErrorCode::NotFound));
    assert!(absent.to_string().contains("nvme0q0"), "{absent}");
    for (op, word) in [
        (steer(Irq::Number(4), 4), "CPU 4 is not online"),
        (steer(label(""), 0), "label"),
        (steer(label("a b"), 0), "label"),
    ] {
        let error = Rig::new().refused(nothing(), vec![step(vec![], vec![op], ms(1))]);
        assert!(error.contains("op 0") && error.contains(word), "{error}");
    }
}
