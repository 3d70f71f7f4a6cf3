//! C. State slots and lookups.

use proscenium_guest_runtime::contract::ops::{MoveAllTasks, Op, SetAffinity, SetCpuset};
use proscenium_guest_runtime::contract::types::{Affinity, CpusetSpec, ErrorCode};

use crate::support::{Rig, backdrop, def, def_on, ms, spawn, spins};

fn move_all(from: &str, to: &str) -> Op {
    Op::MoveAllTasks(MoveAllTasks {
        from: from.into(),
        to: to.into(),
    })
}

fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.stage
        .set_backdrop(&backdrop(vec![def_on("base", &[0, 1])], vec![]))
        .unwrap();
    rig
}

#[test]
fn s_047_a_step_takes_its_things_with_it_and_the_backdrop_stays() {
    let mut rig = rig();
    let first = rig.stage.begin(None).unwrap();
    rig.stage.setup(first, &[def("mine")]).unwrap();
    rig.stage.finish(first).unwrap();
    let _second = rig.stage.begin(None).unwrap();
    assert!(rig.stage.open_cgroup("mine").is_err());
    assert!(rig.stage.open_cgroup("base").is_ok());
}

#[test]
fn s_048_new_state_goes_to_the_step_or_between_steps_to_the_backdrop() {
    let mut rig = rig();
    let between = rig.stage.create_cgroup("between").unwrap();
    let step = rig.stage.begin(None).unwrap();
    let within = rig.stage.create_cgroup("within").unwrap();
    rig.stage.finish(step).unwrap();
    assert!(rig.stage.cgroup_name(between).is_ok());
    assert!(rig.stage.cgroup_name(within).is_err());
}

#[test]
fn s_049_lookups_take_the_step_before_the_backdrop() {
    let mut rig = rig();
    let step = rig.stage.begin(None).unwrap();
    rig.stage.setup(step, &[def("mine")]).unwrap();
    // Nothing is called the same, so both are found; an unknown name lists both slots.
    let error = rig.stage.open_cgroup("other").unwrap_err().to_string();
    assert!(
        error.contains("the step has mine") && error.contains("the backdrop has base"),
        "{error}"
    );
}

#[test]
fn s_050_a_cpuset_record_lives_where_the_cgroup_does() {
    let mut rig = rig();
    let first = rig.stage.begin(None).unwrap();
    let set = SetCpuset {
        cgroup: "base".into(),
        cpus: CpusetSpec::Exact(vec![3]),
    };
    rig.stage.apply(first, &[Op::SetCpuset(set)]).unwrap();
    rig.stage.finish(first).unwrap();
    let second = rig.stage.begin(None).unwrap();
    let pin = SetAffinity {
        cgroup: "base".into(),
        affinity: Affinity::SingleCpu,
    };
    rig.stage.apply(second, &[Op::SetAffinity(pin)]).unwrap();
    rig.position("pin worker 1000 to CPUs 3");
}

#[test]
fn s_051_forgetting_leaves_no_stale_record() {
    let mut rig = rig();
    let step = rig.stage.begin(None).unwrap();
    rig.stage
        .apply(
            step,
            &[
                Op::RemoveCgroup("base".into()),
                Op::AddCgroup("base".into()),
            ],
        )
        .unwrap();
    rig.stage.apply(step, &[spawn("base", spins(1))]).unwrap();
    let pin = SetAffinity {
        cgroup: "base".into(),
        affinity: Affinity::Exact(vec![3]),
    };
    rig.stage.apply(step, &[Op::SetAffinity(pin)]).unwrap();
    rig.position("to CPUs 3");
}

#[test]
fn s_053_workers_moved_to_the_backdrop_outlive_the_step() {
    let mut rig = rig();
    let first = rig.stage.begin(None).unwrap();
    rig.stage.setup(first, &[def("mine")]).unwrap();
    rig.stage.apply(first, &[move_all("mine", "base")]).unwrap();
    rig.stage.hold(first, &ms(100)).unwrap();
    rig.stage.finish(first).unwrap();
    let after_first = rig.stage.iterations();
    let second = rig.stage.begin(None).unwrap();
    rig.stage.hold(second, &ms(100)).unwrap();
    assert!(rig.stage.iterations() > after_first, "they still work");
    rig.stage.finish(second).unwrap();
    let phases: Vec<_> = rig
        .close()
        .verdict
        .cgroups
        .iter()
        .filter(|s| s.cgroup == "base")
        .map(|s| s.phase)
        .collect();
    assert_eq!(phases, [1, 2, 1, 2], "both handles filed both steps");
}

#[test]
fn s_053_a_worker_spawned_into_a_backdrop_cgroup_ends_with_its_step() {
    let mut rig = rig();
    let step = rig.stage.begin(None).unwrap();
    rig.stage.apply(step, &[spawn("base", spins(1))]).unwrap();
    rig.stage.setup(step, &[def("mine")]).unwrap();
    rig.stage.apply(step, &[move_all("mine", "base")]).unwrap();
    rig.stage.finish(step).unwrap();
    let base = rig.stage.open_cgroup("base").unwrap();
    assert_eq!(
        rig.stage.cgroup_tasks(base).unwrap(),
        [1000, 1002],
        "the spawned one is gone, the moved one is not"
    );
}

#[test]
fn s_054_within_a_step_only_the_name_changes() {
    let mut rig = rig();
    let step = rig.stage.begin(None).unwrap();
    rig.stage.setup(step, &[def("x"), def("y")]).unwrap();
    rig.stage
        .apply(step, &[move_all("x", "y"), Op::StopCgroup("x".into())])
        .unwrap();
    let y = rig.stage.open_cgroup("y").unwrap();
    assert_eq!(
        rig.stage.cgroup_tasks(y).unwrap().len(),
        2,
        "the old name reaches none of them"
    );
    rig.stage
        .apply(step, &[Op::StopCgroup("y".into())])
        .unwrap();
    assert!(rig.stage.cgroup_tasks(y).unwrap().is_empty());
}

#[test]
fn s_055_backdrop_workers_are_never_demoted() {
    let mut rig = rig();
    let step = rig.stage.begin(None).unwrap();
    rig.stage.setup(step, &[def("mine")]).unwrap();
    let error = rig
        .stage
        .apply(step, &[move_all("base", "mine")])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("\"base\"") && error.contains("\"mine\""),
        "{error}"
    );
    let base = rig.stage.open_cgroup("base").unwrap();
    assert_eq!(rig.stage.cgroup_tasks(base).unwrap(), [1000]);
}

#[test]
fn s_056_a_move_picks_up_both_slots() {
    let mut rig = Rig::new();
    rig.stage
        .set_backdrop(&backdrop(vec![def("base"), def("other")], vec![]))
        .unwrap();
    let step = rig.stage.begin(None).unwrap();
    rig.stage
        .apply(step, &[spawn("base", spins(2)), move_all("base", "other")])
        .unwrap();
    let other = rig.stage.open_cgroup("other").unwrap();
    assert_eq!(rig.stage.cgroup_tasks(other).unwrap().len(), 4);
}

#[test]
fn s_057_cgroups_go_in_reverse_order_of_creation() {
    let mut rig = rig();
    let step = rig.stage.begin(None).unwrap();
    rig.stage.setup(step, &[def("x"), def("y/z")]).unwrap();
    // On an error as well: the second x fails, the rest still goes in order.
    rig.stage.setup(step, &[def("w"), def("x")]).unwrap_err();
    let ended = rig.close();
    let removed: Vec<String> = ended
        .log
        .lines()
        .into_iter()
        .filter_map(|l| l.strip_prefix("remove ").map(str::to_owned))
        .collect();
    assert_eq!(removed, ["\"w\"", "\"y/z\"", "\"y\"", "\"x\"", "\"base\""]);
}

#[test]
fn s_052_what_is_stopped_or_dropped_is_gone_at_once() {
    let mut rig = rig();
    let step = rig.stage.begin(None).unwrap();
    rig.stage.setup(step, &[def("mine"), def("also")]).unwrap();
    let mine = rig.stage.open_cgroup("mine").unwrap();
    rig.stage
        .apply(step, &[Op::StopCgroup("mine".into())])
        .unwrap();
    assert!(rig.stage.cgroup_tasks(mine).unwrap().is_empty());
    rig.stage.abandon(step);
    // The kernel removes no cgroup that has a task in it.
    rig.position("remove \"also\"");
    assert_eq!(
        rig.stage.open_cgroup("also").unwrap_err().code(),
        Some(ErrorCode::NotFound)
    );
}
