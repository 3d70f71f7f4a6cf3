//! B. Imperative ops.

use proscenium_guest_runtime::contract::ops::{
    CaptureProcs, Irq, KernelRead, KernelTarget, KernelWidth, MoveAllTasks, Op, SetAffinity,
    SetCpuset, SteerIrq, SwapCpusets,
};
use proscenium_guest_runtime::contract::stage::HoldOutcome;
use proscenium_guest_runtime::contract::types::{
    Affinity, CpusetSpec, ErrorCode, PayloadRef, PayloadRun,
};
use proscenium_guest_runtime::executor::{StepId, op_bit};

use crate::support::{MS, Rig, backdrop, def, def_on, ms, spawn, spins};

/// A backdrop with cgroups `a` on CPUs 0-1 and `b` on CPU 2, and an open step.
fn rig() -> (Rig, StepId) {
    let mut rig = Rig::new();
    rig.stage
        .set_backdrop(&backdrop(
            vec![def_on("a", &[0, 1]), def_on("b", &[2])],
            vec![],
        ))
        .unwrap();
    let step = rig.stage.begin(None).unwrap();
    (rig, step)
}

fn apply(ops: &[Op]) -> (Rig, StepId) {
    let (mut rig, step) = rig();
    rig.stage.apply(step, ops).unwrap();
    (rig, step)
}

fn refused(op: Op) -> (ErrorCode, String) {
    let (mut rig, step) = rig();
    let before = rig.lines();
    let error = rig.stage.apply(step, &[op]).unwrap_err();
    assert_eq!(rig.lines(), before, "refused before any effect");
    (error.code().unwrap(), error.to_string())
}

fn set(cgroup: &str, cpus: &[u32]) -> Op {
    Op::SetCpuset(SetCpuset {
        cgroup: cgroup.into(),
        cpus: CpusetSpec::Exact(cpus.to_vec()),
    })
}

fn move_all(from: &str, to: &str) -> Op {
    Op::MoveAllTasks(MoveAllTasks {
        from: from.into(),
        to: to.into(),
    })
}

fn pin(cgroup: &str, affinity: Affinity) -> Op {
    Op::SetAffinity(SetAffinity {
        cgroup: cgroup.into(),
        affinity,
    })
}

#[test]
fn s_021_set_cpuset_rebinds_and_is_used_afterwards() {
    let (rig, _) = apply(&[set("a", &[3]), pin("a", Affinity::SingleCpu)]);
    assert_eq!(rig.writes("cpuset.cpus").last().unwrap(), "3");
    rig.position("pin worker 1000 to CPUs 3");
}

#[test]
fn s_022_clear_cpuset_empties_the_set_and_forgets_it() {
    let (rig, _) = apply(&[
        Op::ClearCpuset("a".into()),
        pin("a", Affinity::Exact(vec![3])),
    ]);
    assert_eq!(rig.writes("cpuset.cpus").last().unwrap(), "");
    rig.position("pin worker 1000 to CPUs 3");
}

#[test]
fn s_023_swap_exchanges_two_sets_an_empty_one_too() {
    let swap = |a: &str, b: &str| {
        Op::SwapCpusets(SwapCpusets {
            a: a.into(),
            b: b.into(),
        })
    };
    let (rig, _) = apply(&[swap("a", "b")]);
    assert_eq!(rig.writes("cpuset.cpus")[2..], ["2", "0-1"]);
    let (rig, _) = apply(&[
        Op::ClearCpuset("a".into()),
        swap("a", "b"),
        pin("a", Affinity::SingleCpu),
    ]);
    assert_eq!(rig.writes("cpuset.cpus")[3..], ["2", ""]);
    rig.position("pin worker 1000 to CPUs 2");
    assert_eq!(refused(swap("a", "nowhere")).0, ErrorCode::NotFound);
}

#[test]
fn s_024_move_all_tasks_moves_every_worker() {
    let (mut rig, _) = apply(&[move_all("a", "b")]);
    let tasks = |rig: &mut Rig, name: &str| {
        let id = rig.stage.open_cgroup(name).unwrap();
        rig.stage.cgroup_tasks(id).unwrap()
    };
    assert_eq!(tasks(&mut rig, "a"), Vec::<u32>::new());
    assert_eq!(tasks(&mut rig, "b"), [1000, 1001]);
    assert_eq!(refused(move_all("a", "a")).0, ErrorCode::Invalid);
}

#[test]
fn s_025_and_026_frozen_counters_stand_still_until_thawed() {
    let (mut rig, step) = apply(&[Op::FreezeCgroup("a".into()), Op::FreezeCgroup("b".into())]);
    rig.stage.hold(step, &ms(100)).unwrap();
    assert_eq!(rig.stage.iterations(), 0);
    rig.stage
        .apply(step, &[Op::UnfreezeCgroup("a".into())])
        .unwrap();
    rig.stage.hold(step, &ms(100)).unwrap();
    assert!(rig.stage.iterations() > 0);
    assert_eq!(rig.writes("cgroup.freeze"), ["1", "1", "0"]);
}

#[test]
fn s_026_unfreeze_of_an_unknown_cgroup_names_it() {
    let (code, message) = refused(Op::UnfreezeCgroup("nowhere".into()));
    assert_eq!(code, ErrorCode::NotFound);
    assert!(message.contains("nowhere"), "{message}");
}

#[test]
fn s_027_add_cgroup_makes_an_empty_one() {
    let (rig, _) = apply(&[Op::AddCgroup("c".into())]);
    assert_eq!(rig.lines().last().unwrap(), "create \"c\"");
    assert_eq!(
        refused(Op::AddCgroup("a".into())).0,
        ErrorCode::AlreadyExists
    );
}

#[test]
fn s_028_add_cgroup_def_runs_in_the_same_step() {
    let (mut rig, step) = apply(&[Op::AddCgroupDef(def_on("c", &[3]))]);
    let before = rig.stage.iterations();
    rig.stage.hold(step, &ms(100)).unwrap();
    rig.stage.finish(step).unwrap();
    let ended = rig.close();
    let stats = ended
        .verdict
        .cgroups
        .iter()
        .find(|stats| stats.cgroup == "c")
        .unwrap();
    assert!(before == 0 && stats.iterations > 0);
}

#[test]
fn s_029_remove_collects_untracks_and_removes() {
    let (mut rig, step) = apply(&[Op::RemoveCgroup("a".into())]);
    assert!(rig.position("collect") < rig.position("remove \"a\""));
    // The name is free again.
    rig.stage.apply(step, &[Op::AddCgroup("a".into())]).unwrap();
    assert_eq!(
        refused(Op::RemoveCgroup("nowhere".into())).0,
        ErrorCode::NotFound
    );
}

#[test]
fn s_030_stop_keeps_the_directory_and_the_reports() {
    let (mut rig, step) = rig();
    rig.stage.hold(step, &ms(50)).unwrap();
    rig.stage
        .apply(step, &[Op::StopCgroup("a".into())])
        .unwrap();
    assert!(!rig.lines().iter().any(|line| line.starts_with("remove")));
    let id = rig.stage.open_cgroup("a").unwrap();
    assert_eq!(rig.stage.cgroup_tasks(id).unwrap(), Vec::<u32>::new());
    let ended = rig.close();
    assert!(
        ended
            .verdict
            .cgroups
            .iter()
            .any(|s| s.cgroup == "a" && s.iterations > 0),
        "collected first"
    );
}

#[test]
fn s_031_spawn_checks_the_name_before_any_fork() {
    let (rig, _) = apply(&[spawn("a", spins(2))]);
    rig.position("start 2 spin-wait workers in \"a\"");
    let (code, message) = refused(spawn("nowhere", spins(1)));
    assert_eq!(code, ErrorCode::NotFound);
    assert!(
        message.contains("nowhere") && message.contains("a, b"),
        "{message}"
    );
    assert_eq!(refused(spawn("a", spins(0))).0, ErrorCode::Invalid);
}

#[test]
fn s_032_set_affinity_pins_every_worker() {
    let (mut rig, step) = apply(&[spawn("a", spins(2)), pin("a", Affinity::SingleCpu)]);
    for pid in [1000, 1002, 1003] {
        rig.position(&format!("pin worker {pid} to CPUs 0"));
    }
    let error = rig
        .stage
        .apply(step, &[pin("a", Affinity::Exact(vec![3]))])
        .unwrap_err();
    assert!(error.to_string().contains("0-1"), "{error}");
}

/// One op of every kind, in the contract's order.
fn one_of_each() -> [Op; 28] {
    let name = String::new;
    let run = || PayloadRun {
        payload: name(),
        args: vec![],
        cgroup: None,
    };
    let payload = || PayloadRef {
        payload: name(),
        cgroup: None,
    };
    let read = || KernelRead {
        tag: name(),
        target: KernelTarget::Kva(0),
        width: KernelWidth::Word,
    };
    [
        Op::AddCgroup(name()),
        Op::AddCgroupDef(def("a")),
        Op::RemoveCgroup(name()),
        set("a", &[]),
        Op::ClearCpuset(name()),
        Op::SwapCpusets(SwapCpusets {
            a: name(),
            b: name(),
        }),
        spawn("a", spins(1)),
        Op::StopCgroup(name()),
        pin("a", Affinity::Inherit),
        move_all("a", "b"),
        Op::RunPayload(run()),
        Op::WaitPayload(payload()),
        Op::KillPayload(payload()),
        Op::FreezeCgroup(name()),
        Op::UnfreezeCgroup(name()),
        Op::CaptureSnapshot(name()),
        Op::WatchSnapshot(name()),
        Op::WriteKernelHot(vec![]),
        Op::WriteKernelCold(vec![]),
        Op::ReadKernelHot(read()),
        Op::ReadKernelCold(read()),
        Op::AttachScheduler(name()),
        Op::DetachScheduler,
        Op::RestartScheduler,
        Op::ReplaceScheduler(name()),
        Op::PinBpfMap(name()),
        Op::CaptureCgroupProcs(CaptureProcs {
            tag: name(),
            cgroup: name(),
        }),
        Op::SteerIrq(SteerIrq {
            irq: Irq::Number(1),
            cpu: 0,
        }),
    ]
}

#[test]
fn s_046_every_op_has_its_own_stable_bit() {
    let ops = one_of_each();
    for (bit, op) in ops.iter().enumerate() {
        assert_eq!(op_bit(op) as usize, bit);
    }
    // What this version does not offer is refused before anything is done.
    for op in &ops[15..=20] {
        let (code, message) = refused(op.clone());
        assert_eq!(code, ErrorCode::Unavailable, "{message}");
    }
}

#[test]
fn s_102_holds_are_clipped_to_the_scenarios_end() {
    let (mut rig, step) = rig();
    let held = rig.stage.hold(step, &ms(10_000)).unwrap();
    assert_eq!(held, HoldOutcome::Elapsed(1_000 * MS));
}
