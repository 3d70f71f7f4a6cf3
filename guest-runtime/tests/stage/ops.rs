//! B. Imperative ops, as the kernel shows their effect.

use proscenium_guest_runtime::contract::ops::{
    MoveAllTasks, Op, SetAffinity, SetCpuset, SwapCpusets,
};
use proscenium_guest_runtime::contract::types::{
    Affinity, CgroupDef, CpusetSpec, SchedPolicy, WorkSpec,
};
use proscenium_guest_runtime::cpuset::CpuSet;
use proscenium_guest_runtime::executor::StepId;

use crate::plans::{def, def_on, spawn, spins};
use crate::rig::{Rig, exists, stat, status};

/// A backdrop with `a` (two workers on CPUs 0-1) and `b` (one on CPU 2), and an
/// open step.
fn rig(name: &str) -> Option<(Rig, StepId)> {
    let a = CgroupDef {
        work: vec![spins(2)],
        ..def_on("a", &[0, 1])
    };
    Rig::under_way(name, vec![a, def_on("b", &[2])])
}

fn cpus(text: &str) -> CpuSet {
    text.parse().unwrap()
}

fn move_all(from: &str, to: &str) -> Op {
    Op::MoveAllTasks(MoveAllTasks {
        from: from.into(),
        to: to.into(),
    })
}

#[test]
fn s_021_set_cpuset_takes_the_workers_along() {
    let Some((mut rig, step)) = rig("s_021") else {
        return;
    };
    assert_eq!(rig.allowed("a"), [cpus("0-1"), cpus("0-1")]);
    let set = SetCpuset {
        cgroup: "a".into(),
        cpus: CpusetSpec::Exact(vec![3]),
    };
    rig.apply(step, Op::SetCpuset(set));
    assert_eq!(rig.file("a", "cpuset.cpus.effective"), "3");
    assert_eq!(rig.allowed("a"), [cpus("3"), cpus("3")]);
    rig.hold(step);
    let ran_on: Vec<i64> = rig
        .procs("a")
        .into_iter()
        .map(|pid| stat(pid, 39))
        .collect();
    assert_eq!(ran_on, [3, 3], "that is where they ran last");
}

#[test]
fn s_022_clear_cpuset_gives_the_parents_cpus() {
    let Some((mut rig, step)) = rig("s_022") else {
        return;
    };
    rig.apply(step, Op::ClearCpuset("a".into()));
    let all = rig.stage.machine().cpus.clone();
    // A kernel that keeps a populated cgroup's set from being empty has the
    // parent's CPUs by name.
    let own = cpus(&rig.file("a", "cpuset.cpus"));
    assert!(own.is_empty() || own == all, "{own}");
    assert_eq!(cpus(&rig.file("a", "cpuset.cpus.effective")), all);
    assert_eq!(rig.allowed("a"), [all.clone(), all]);
}

#[test]
fn s_023_swap_exchanges_what_both_may_use() {
    let Some((mut rig, step)) = rig("s_023") else {
        return;
    };
    let swap = SwapCpusets {
        a: "a".into(),
        b: "b".into(),
    };
    rig.apply(step, Op::SwapCpusets(swap));
    assert_eq!(rig.allowed("a"), [cpus("2"), cpus("2")]);
    assert_eq!(rig.allowed("b"), [cpus("0-1")]);
}

#[test]
fn s_024_moved_workers_are_members_of_the_target() {
    let Some((mut rig, step)) = rig("s_024") else {
        return;
    };
    let mut all = [rig.procs("a"), rig.procs("b")].concat();
    all.sort_unstable();
    rig.apply(step, move_all("a", "b"));
    assert_eq!(rig.procs("a"), Vec::<u32>::new());
    assert_eq!(rig.procs("b"), all);
    assert!(rig.allowed("b").iter().all(|set| *set == cpus("2")));
}

#[test]
fn s_025_and_s_026_a_frozen_cgroup_uses_no_cpu_until_it_is_thawed() {
    let Some((mut rig, step)) = rig("s_025") else {
        return;
    };
    rig.hold(step);
    rig.apply(step, Op::FreezeCgroup("a".into()));
    // The op does not wait for the last task; after a hold it has stopped.
    rig.hold(step);
    assert_eq!(rig.value("a", "cgroup.events", "frozen"), 1);
    let used = |rig: &Rig| rig.value("a", "cpu.stat", "usage_usec");
    let then = used(&rig);
    rig.hold(step);
    assert_eq!(used(&rig), then);
    rig.apply(step, Op::UnfreezeCgroup("a".into()));
    rig.hold(step);
    assert_eq!(rig.value("a", "cgroup.events", "frozen"), 0);
    assert!(used(&rig) > then);
}

#[test]
fn s_027_add_cgroup_makes_an_empty_one() {
    let Some((mut rig, step)) = rig("s_027") else {
        return;
    };
    rig.apply(step, Op::AddCgroup("c".into()));
    assert_eq!(rig.procs("c"), Vec::<u32>::new());
    rig.stage.finish(step).unwrap();
    assert!(!rig.cgroup("c").exists(), "it was the step's");
}

#[test]
fn s_028_add_cgroup_def_has_its_limits_and_its_load() {
    let Some((mut rig, step)) = rig("s_028") else {
        return;
    };
    rig.apply(step, Op::AddCgroupDef(def_on("c", &[3])));
    rig.hold(step);
    assert_eq!(rig.allowed("c"), [cpus("3")]);
    assert!(rig.value("c", "cpu.stat", "usage_usec") > 0);
}

#[test]
fn s_029_remove_ends_the_workers_and_takes_the_directory() {
    let Some((mut rig, step)) = rig("s_029") else {
        return;
    };
    let pids = rig.procs("a");
    rig.apply(step, Op::RemoveCgroup("a".into()));
    assert!(!rig.cgroup("a").exists());
    assert!(!pids.iter().any(|pid| exists(*pid)), "ended and reaped");
    rig.apply(step, Op::AddCgroup("a".into()));
    assert_eq!(rig.procs("a"), Vec::<u32>::new(), "the name is free again");
}

#[test]
fn s_030_and_s_052_stop_ends_the_workers_and_leaves_the_directory() {
    let Some((mut rig, step)) = rig("s_030") else {
        return;
    };
    let pids = rig.procs("a");
    rig.hold(step);
    rig.apply(step, Op::StopCgroup("a".into()));
    assert_eq!(rig.procs("a"), Vec::<u32>::new());
    assert_eq!(rig.file("a", "cpuset.cpus"), "0-1");
    assert!(!pids.iter().any(|pid| exists(*pid)));
}

#[test]
fn s_031_spawned_workers_start_in_the_cgroup() {
    let Some((mut rig, step)) = rig("s_031") else {
        return;
    };
    rig.apply(step, spawn("b", spins(2)));
    assert_eq!(rig.procs("b").len(), 3);
    assert!(rig.allowed("b").iter().all(|set| *set == cpus("2")));
    let before = rig.file("", "cgroup.stat");
    rig.stage
        .apply(step, &[spawn("nowhere", spins(1))])
        .unwrap_err();
    assert_eq!(rig.file("", "cgroup.stat"), before, "nothing was made");
}

#[test]
fn s_032_set_affinity_pins_every_worker() {
    let Some((mut rig, step)) = rig("s_032") else {
        return;
    };
    rig.apply(step, spawn("a", spins(1)));
    let pin = SetAffinity {
        cgroup: "a".into(),
        affinity: Affinity::Exact(vec![1]),
    };
    rig.apply(step, Op::SetAffinity(pin));
    assert_eq!(rig.allowed("a"), [cpus("1"), cpus("1"), cpus("1")]);
}

#[test]
fn s_142_a_workers_policy_priority_and_name_are_as_declared() {
    let with = |policy, nice| WorkSpec {
        policy,
        nice,
        comm: Some("prompter".into()),
        ..spins(1)
    };
    // Numbers of the policies: sched(7). Priorities as in proc(5).
    for (policy, number, real_time) in [
        (SchedPolicy::Normal, 0, 0),
        (SchedPolicy::Fifo(7), 1, 7),
        (SchedPolicy::RoundRobin(9), 2, 9),
        (SchedPolicy::Batch, 3, 0),
        (SchedPolicy::Idle, 5, 0),
    ] {
        let def = CgroupDef {
            work: vec![with(policy, None)],
            ..def("a")
        };
        let Some(rig) = Rig::standing("s_142", &def) else {
            return;
        };
        let pid = rig.procs("a")[0];
        assert_eq!((stat(pid, 41), stat(pid, 40)), (number, real_time));
        assert_eq!(status(pid, "Name"), "prompter");
    }
    let nice = CgroupDef {
        work: vec![with(SchedPolicy::Normal, Some(7))],
        ..def("a")
    };
    let rig = Rig::standing("s_142", &nice).unwrap();
    assert_eq!(stat(rig.procs("a")[0], 19), 7);
}
