//! Work that reaches into other cgroups of its scenario, by their names.

use proscenium_guest_runtime::contract::WorkKind;
use proscenium_guest_runtime::contract::ops::{MoveAllTasks, Op, Placement, Spawn};
use proscenium_guest_runtime::contract::types::{
    BuiltinWork, CgroupDef, ErrorCode, HoldSpec, ParameterValue, Work, WorkSpec, WorkerCount,
};

use crate::support::{Rig, def, nothing, spawn, standing, step, work};

/// One worker that goes from cgroup to cgroup.
fn roamer(cgroups: &str) -> WorkSpec {
    let parameters = vec![(
        "cgroups".to_owned(),
        ParameterValue::Text(cgroups.to_owned()),
    )];
    WorkSpec {
        work: Work::Builtin(BuiltinWork {
            name: "cgroup-churn".to_owned(),
            parameters,
        }),
        ..work("spin-wait", WorkerCount::Exactly(1))
    }
}

/// An open step with cgroups `a` and `b`, and a roamer in `a`.
fn roaming() -> (Rig, proscenium_guest_runtime::executor::StepId) {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("a"), def("b")]).unwrap();
    rig.stage.apply(id, &[spawn("a", roamer("b"))]).unwrap();
    (rig, id)
}

#[test]
fn a_cgroup_that_does_not_exist_is_refused_by_name_before_anything_is_done() {
    let plan = vec![step(
        vec![CgroupDef {
            work: vec![roamer("nowhere")],
            ..def("a")
        }],
        vec![],
        HoldSpec::Fraction(1.0),
    )];
    let mut rig = Rig::new();
    let error = rig.stage.execute(&nothing(), &plan).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert!(rig.lines().is_empty(), "{:?}", rig.lines());
}

#[test]
fn beside_the_runtime_there_is_no_cgroup_to_leave() {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("b")]).unwrap();
    let beside = Op::Spawn(Spawn {
        placement: Placement::Runner,
        work: roamer("b"),
    });
    let error = rig.stage.apply(id, &[beside]).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Invalid));
    assert!(error.to_string().contains("beside the runtime"), "{error}");
}

#[test]
fn workers_that_move_by_themselves_are_not_moved_and_their_goal_is_not_removed() {
    let (mut rig, id) = roaming();
    let moved = Op::MoveAllTasks(MoveAllTasks {
        from: "a".into(),
        to: "b".into(),
    });
    for op in [moved, Op::RemoveCgroup("b".into())] {
        let error = rig.stage.apply(id, &[op]).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::Invalid));
        assert!(error.to_string().contains("cgroup-churn"), "{error}");
    }
    rig.stage
        .apply(
            id,
            &[Op::StopCgroup("a".into()), Op::RemoveCgroup("b".into())],
        )
        .unwrap();
}

#[test]
fn every_work_type_that_needs_no_other_cgroup_can_be_set_up() {
    for kind in WorkKind::all().filter(|kind| !kind.phases) {
        if kind.parameters.iter().any(|p| p.default().is_none()) {
            continue;
        }
        let crew = WorkSpec {
            workers: WorkerCount::Exactly(group(kind.name)),
            ..work(kind.name, WorkerCount::Default)
        };
        let (_, done) = standing(&CgroupDef {
            work: vec![crew],
            ..def("a")
        });
        assert!(done.is_ok(), "{}: {done:?}", kind.name);
    }
}

/// Least number of workers with default parameters, as the refusal says it.
fn group(name: &str) -> u32 {
    let one = work(name, WorkerCount::Exactly(1));
    let (_, done) = standing(&CgroupDef {
        work: vec![one],
        ..def("a")
    });
    let Err(error) = done else { return 1 };
    let text = error.to_string();
    let number = text.split("multiple of ").nth(1);
    let number = number.and_then(|rest| rest.split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("{text}"))
}
