//! What is put on record about processes, and interrupts that are steered, as
//! the kernel has both.

use std::fs;

use proscenium_guest_runtime::contract::ops::{CaptureProcs, Irq, Op, SteerIrq};
use proscenium_guest_runtime::contract::types::{CgroupDef, ErrorCode};
use proscenium_wire::{Event, TasksReason};

use crate::place::{in_guest, skip};
use crate::plans::{def, spins};
use crate::rig::Rig;

fn capture(tag: &str, cgroup: &str) -> Op {
    Op::CaptureCgroupProcs(CaptureProcs {
        tag: tag.to_owned(),
        cgroup: cgroup.to_owned(),
    })
}

/// Captures so far: tag, cgroup, processes in ascending order.
fn captured(rig: &Rig) -> Vec<(String, String, Vec<u32>)> {
    let mut all = Vec::new();
    for event in rig.events() {
        if let Event::Tasks(mut tasks) = event
            && let TasksReason::Captured { tag } = tasks.why
        {
            tasks.pids.sort_unstable();
            all.push((tag, tasks.cgroup, tasks.pids));
        }
    }
    all
}

#[test]
fn s_040_a_capture_has_the_processes_that_the_kernel_has_in_the_cgroup() {
    let a = CgroupDef {
        work: vec![spins(3)],
        ..def("a")
    };
    let Some((mut rig, step)) = Rig::under_way("s_040", vec![a]) else {
        return;
    };
    rig.apply(step, Op::AddCgroup("b".into()));
    rig.apply(step, capture("full", "a"));
    rig.apply(step, capture("empty", "b"));
    let workers = rig.procs("a");
    assert_eq!(workers.len(), 3);
    let expected = [
        ("full".to_owned(), "a".to_owned(), workers),
        ("empty".to_owned(), "b".to_owned(), vec![]),
    ];
    assert_eq!(captured(&rig), expected);
    let unknown = rig.stage.apply(step, &[capture("t", "nowhere")]);
    let unknown = unknown.unwrap_err();
    assert_eq!(unknown.code(), Some(ErrorCode::NotFound));
    assert!(unknown.to_string().contains("\"nowhere\""), "{unknown}");
    assert_eq!(captured(&rig).len(), 2);
}

/// Interrupts of devices: number and label, which is the last word of a line.
fn interrupts() -> Vec<(u32, String)> {
    let text = fs::read_to_string("/proc/interrupts").unwrap();
    let interrupt = |line: &str| {
        let (number, rest) = line.split_once(':')?;
        let label = rest.split_whitespace().next_back()?;
        Some((number.trim().parse().ok()?, label.to_owned()))
    };
    text.lines().filter_map(interrupt).collect()
}

fn taken_by(number: u32) -> String {
    let file = format!("/proc/irq/{number}/smp_affinity_list");
    fs::read_to_string(file).unwrap().trim_end().to_owned()
}

#[test]
fn an_interrupt_is_taken_by_the_cpu_that_was_chosen_for_it() {
    let name = "steer-irq";
    if !in_guest() {
        skip(name, "the interrupts are not a guest's own");
        return;
    }
    let Some((mut rig, step)) = Rig::under_way(name, vec![]) else {
        return;
    };
    let steer = |irq, cpu| Op::SteerIrq(SteerIrq { irq, cpu });
    // Some are bound to a CPU for good, such as the timer's.
    let all = interrupts();
    let by_number = |(number, _): &&(u32, String)| {
        let op = steer(Irq::Number(*number), 1);
        rig.stage.apply(step, &[op]).is_ok()
    };
    let movable: Vec<_> = all.iter().filter(by_number).cloned().collect();
    assert!(!movable.is_empty(), "{all:?}");
    for (number, _) in &movable {
        assert_eq!(taken_by(*number), "1", "{movable:?}");
    }
    let alone = movable.iter().find(|(_, label)| {
        let same = all.iter().filter(|(_, other)| other == label);
        same.count() == 1
    });
    let (number, label) = alone.unwrap();
    rig.apply(step, steer(Irq::Label(label.clone()), 2));
    assert_eq!(taken_by(*number), "2");
    for (irq, cpu, code) in [
        (Irq::Label("no-such-device".into()), 1, ErrorCode::NotFound),
        (Irq::Number(*number), 99, ErrorCode::Invalid),
    ] {
        let refused = rig.stage.apply(step, &[steer(irq, cpu)]).unwrap_err();
        assert_eq!(refused.code(), Some(code), "{refused}");
    }
    assert_eq!(taken_by(*number), "2", "what was refused did nothing");
    rig.close();
}
