//! What plans, steps and operations hold as data.

use proscenium_sdk::ops::Placement;
use proscenium_sdk::prelude::*;

#[test]
fn a_step_holds_for_all_that_is_left_unless_it_says_otherwise() {
    assert_eq!(Step::new("a").hold, HoldSpec::Fraction(1.0));
    assert_eq!(
        Step::new("a").hold(Duration::from_millis(3)).hold,
        HoldSpec::Fixed(3_000_000)
    );
    assert_eq!(
        Step::new("a").hold_fraction(0.25).hold,
        HoldSpec::Fraction(0.25)
    );
    assert_eq!(
        Step::new("a").repeat(Duration::from_micros(1)).hold,
        HoldSpec::Repeat(1_000)
    );
}

#[test]
fn steps_cgroups_and_operations_keep_their_order() {
    let step = Step::new("churn")
        .cgroup(CgroupDef::new("x"))
        .op(ops::add_cgroup("parent"))
        .op(ops::spawn("parent", WorkSpec::default()))
        .cgroup(CgroupDef::new("y"));
    let names: Vec<&str> = step.setup.iter().map(|def| def.name.as_str()).collect();
    assert_eq!(names, ["x", "y"]);
    assert_eq!(step.ops.len(), 2);
    assert_eq!(step.ops[0], Op::AddCgroup("parent".to_owned()));

    let plan = Plan::new().step(step).step(Step::new("calm"));
    let labels: Vec<Option<&str>> = plan
        .steps()
        .iter()
        .map(|step| step.label.as_deref())
        .collect();
    assert_eq!(labels, [Some("churn"), Some("calm")]);
}

#[test]
fn workers_go_into_a_cgroup_or_beside_the_runtime() {
    let placement = |op| match op {
        Op::Spawn(spawn) => spawn.placement,
        other => panic!("{other:?}"),
    };
    let inside = placement(ops::spawn("a", WorkSpec::default()));
    assert_eq!(inside, Placement::Cgroup("a".to_owned()));
    assert_eq!(
        placement(ops::spawn_beside_runner(WorkSpec::default())),
        Placement::Runner
    );
}

#[test]
fn a_definition_in_an_operation_carries_its_merged_defaults() {
    let Op::AddCgroupDef(def) = ops::add_cgroup_def(CgroupDef::new("a").workers(1).nice(3)) else {
        panic!("another operation");
    };
    assert_eq!(def.work[0].nice, Some(3));
}

#[test]
fn moves_and_swaps_name_both_cgroups_in_order() {
    let Op::MoveAllTasks(op) = ops::move_all_tasks("a", "b") else {
        panic!("another operation")
    };
    assert_eq!((op.from.as_str(), op.to.as_str()), ("a", "b"));
    let Op::SwapCpusets(op) = ops::swap_cpusets("a", "b") else {
        panic!("another operation")
    };
    assert_eq!((op.a.as_str(), op.b.as_str()), ("a", "b"));
}
