//! Backdrop, step and teardown, as what is left in cgroupfs and of processes.

use proscenium_guest_runtime::contract::ops::{MoveAllTasks, Op};
use proscenium_guest_runtime::contract::types::HoldSpec;

use crate::plans::{def, def_on, ms, nothing, spawn, spins, step};
use crate::rig::{Rig, exists};

#[test]
fn s_047_a_step_takes_its_things_with_it_and_the_backdrop_stays() {
    let Some((mut rig, id)) = Rig::under_way("s_047", vec![def("base")]) else {
        return;
    };
    rig.stage.setup(id, &[def("mine")]).unwrap();
    let (base, mine) = (rig.procs("base"), rig.procs("mine"));
    rig.hold(id);
    rig.stage.finish(id).unwrap();
    assert!(!rig.cgroup("mine").exists() && !exists(mine[0]));
    assert_eq!(rig.procs("base"), base);
    rig.close();
    assert!(!exists(base[0]));
}

#[test]
fn a_name_is_free_for_the_next_step() {
    let Some(mut rig) = Rig::new("again") else {
        return;
    };
    let steps = [0, 1].map(|cpu| step(vec![def_on("again", &[cpu])], vec![], ms(50)));
    rig.stage.execute(&nothing(), &steps).unwrap();
    let verdict = rig.close();
    let ran: Vec<&[u32]> = verdict.cgroups.iter().map(|c| c.cpus.as_slice()).collect();
    assert_eq!(ran, [[0], [1]]);
}

#[test]
fn s_053_moved_workers_outlive_their_step_and_spawned_ones_do_not() {
    let Some((mut rig, id)) = Rig::under_way("s_053", vec![def("base")]) else {
        return;
    };
    let base = rig.procs("base");
    rig.stage.setup(id, &[def("mine")]).unwrap();
    let moved = rig.procs("mine");
    rig.apply(id, spawn("base", spins(1)));
    rig.apply(
        id,
        Op::MoveAllTasks(MoveAllTasks {
            from: "mine".into(),
            to: "base".into(),
        }),
    );
    assert_eq!(rig.procs("base").len(), 3);
    rig.stage.finish(id).unwrap();
    let mut left = [base, moved].concat();
    left.sort_unstable();
    assert_eq!(rig.procs("base"), left);
}

#[test]
fn s_057_nested_cgroups_all_go() {
    let Some((mut rig, id)) = Rig::under_way("s_057", vec![def("base")]) else {
        return;
    };
    rig.stage.setup(id, &[def("x"), def("y/z")]).unwrap();
    // The second x fails; what the step has made goes all the same.
    rig.stage.setup(id, &[def("w"), def("x")]).unwrap_err();
    let pids = ["x", "y/z"].map(|name| rig.procs(name)).concat();
    rig.close();
    assert!(!pids.iter().any(|pid| exists(*pid)));
}

#[test]
fn s_120_a_frozen_cgroup_is_collected_in_time_and_with_real_reports() {
    let Some((mut rig, id)) = Rig::under_way("s_120", vec![def("base")]) else {
        return;
    };
    rig.hold(id);
    rig.apply(id, Op::FreezeCgroup("base".into()));
    rig.hold(id);
    assert_eq!(rig.value("base", "cgroup.events", "frozen"), 1);
    let verdict = rig.close();
    let stats = &verdict.cgroups[0];
    assert_eq!((stats.completed, stats.workers), (1, 1), "not killed");
    assert!(stats.iterations > 0);
}

#[test]
fn s_146_cgroups_of_definitions_ops_and_handles_are_removed_alike() {
    let Some(mut rig) = Rig::new("s_146") else {
        return;
    };
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("by-def")]).unwrap();
    rig.apply(id, Op::AddCgroup("by-op".into()));
    rig.stage.create_cgroup("by-handle").unwrap();
    let names = ["by-def", "by-op", "by-handle"];
    assert!(names.iter().all(|name| rig.cgroup(name).exists()));
    rig.stage.abandon(id);
    assert!(!names.iter().any(|name| rig.cgroup(name).exists()));
}

#[test]
fn a_stage_that_is_dropped_in_a_step_leaves_nothing() {
    let Some((mut rig, id)) = Rig::under_way("dropped", vec![def("base")]) else {
        return;
    };
    rig.stage.setup(id, &[def("mine/deep")]).unwrap();
    rig.stage.hold(id, &HoldSpec::Fixed(0)).unwrap();
    let pids = ["base", "mine/deep"].map(|name| rig.procs(name)).concat();
    let root = rig.cgroup("");
    drop(rig);
    assert!(!root.exists());
    assert!(!pids.iter().any(|pid| exists(*pid)));
}
