//! What is remarked on a scenario: all of it, with its place and what to do,
//! in the same words from a whole plan and from the calls of one that is
//! driven step by step.

use proscenium_guest_runtime::contract::ops::{MoveAllTasks, Op, SetCpuset};
use proscenium_guest_runtime::contract::stage::{Backdrop, StepPlan};
use proscenium_guest_runtime::contract::types::{
    CgroupDef, CountLimit, CpusetSpec, FractionRange, HoldSpec, PayloadRun, WorkerCount,
};
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::world::Controllers;
use proscenium_guest_runtime::world::simulated::Simulated;
use proscenium_wire::{Event, Finding, Outcome, Severity, Thresholds};

use crate::support::{MS, Rig, backdrop, def, def_on, ms, nothing, spawn, step, work};

pub(crate) fn findings(events: &[Event]) -> Vec<Finding> {
    let finding = |event: &Event| match event {
        Event::Finding(finding) => Some(finding.clone()),
        _ => None,
    };
    events.iter().filter_map(finding).collect()
}

/// A check that any load passes, so that something is asserted.
pub(crate) fn lenient() -> Thresholds {
    Thresholds {
        max_gap_ns: Some(u64::MAX),
        ..Thresholds::default()
    }
}

/// What is found in a plan, executed and closed, whether it is refused or not.
pub(crate) fn found_in(rig: Rig, backdrop: &Backdrop, steps: &[StepPlan]) -> Vec<Finding> {
    let mut rig = rig;
    let _ = rig.stage.execute(backdrop, steps);
    findings(&rig.close().events)
}

pub(crate) fn found(backdrop: &Backdrop, steps: &[StepPlan]) -> Vec<Finding> {
    found_in(Rig::thresholds(lenient()), backdrop, steps)
}

/// Kinds with their places: `Step[1] op 0 set-cpuset not-found`.
pub(crate) fn places(findings: &[Finding]) -> Vec<String> {
    let place = |finding: &Finding| {
        let step = finding
            .step
            .map_or("backdrop".to_owned(), |step| format!("Step[{step}]"));
        let op = finding
            .op
            .as_ref()
            .map_or_else(String::new, |op| format!(" op {} {}", op.index, op.name));
        format!("{step}{op} {}", finding.kind)
    };
    findings.iter().map(place).collect()
}

fn set_cpuset(cgroup: &str, cpus: CpusetSpec) -> Op {
    Op::SetCpuset(SetCpuset {
        cgroup: cgroup.into(),
        cpus,
    })
}

pub(crate) fn move_all(from: &str, to: &str) -> Op {
    Op::MoveAllTasks(MoveAllTasks {
        from: from.into(),
        to: to.into(),
    })
}

fn narrow() -> CpusetSpec {
    CpusetSpec::Range(FractionRange {
        start: 0.0,
        end: 0.1,
    })
}

pub(crate) fn with_work(name: &str, kind: &str, workers: u32) -> CgroupDef {
    CgroupDef {
        work: vec![work(kind, WorkerCount::Exactly(workers))],
        ..def(name)
    }
}

#[test]
fn a_sound_plan_gives_no_finding() {
    let ops = vec![set_cpuset("load", CpusetSpec::Llc(0))];
    let steps = [
        step(vec![], vec![], HoldSpec::Fraction(0.5)),
        // All of it is how a plan asks for the rest.
        step(vec![def("own")], ops, HoldSpec::Fraction(1.0)),
    ];
    let found = found(&backdrop(vec![def("load")], vec![]), &steps);
    assert_eq!(found, []);
}

#[test]
fn everything_that_is_wrong_is_found_and_not_only_the_first() {
    let ops = vec![
        set_cpuset("laod", CpusetSpec::Llc(0)),
        set_cpuset("later", CpusetSpec::Llc(0)),
        set_cpuset("load", narrow()),
        set_cpuset("load", CpusetSpec::Llc(9)),
        Op::FreezeCgroup("load".into()),
        Op::RemoveCgroup("gone".into()),
    ];
    let empty = CgroupDef {
        cpuset: Some(narrow()),
        ..with_work("narrow", "pipe-io", 3)
    };
    let steps = [
        StepPlan {
            label: Some("make\u{1b} it".into()),
            ..step(vec![def("gone")], vec![], HoldSpec::Fraction(0.1))
        },
        step(vec![def("later"), empty], ops, HoldSpec::Fraction(1.5)),
        step(
            vec![def("load")],
            vec![spawn("load", work("spin-wiat", WorkerCount::Default))],
            ms(1),
        ),
    ];
    let found = found(&backdrop(vec![def("load")], vec![]), &steps);
    assert_eq!(
        places(&found),
        [
            "Step[1] invalid",
            "Step[1] op 0 set-cpuset not-found",
            "Step[1] op 1 set-cpuset not-found",
            "Step[1] op 2 set-cpuset invalid",
            "Step[1] op 3 set-cpuset invalid",
            "Step[1] op 5 remove-cgroup not-found",
            "Step[1] invalid",
            "Step[1] invalid",
            "Step[2] op 0 spawn dies-with-step",
            "Step[2] op 0 spawn invalid",
            "Step[2] already-exists",
        ]
    );
    for finding in &found {
        let grave = finding.kind != "dies-with-step";
        assert_eq!(finding.severity == Severity::Error, grave, "{finding:?}");
        // What to do stands beside the message or ends it.
        let told = finding.remedy.is_some() || finding.message.contains(": ");
        assert!(told, "{finding:?}");
    }
    assert!(found[2].remedy.as_ref().unwrap().contains("add-cgroup-def"));
    assert!(
        found[5].message.contains("ended with step 0"),
        "{:?}",
        found[5]
    );
    assert!(found[7].message.contains("multiple of 2"), "{:?}", found[7]);
}

#[test]
fn the_error_names_the_first_place_and_how_many_there_are() {
    let ops = vec![
        Op::FreezeCgroup("a".into()),
        Op::AddCgroup("b".into()),
        Op::FreezeCgroup("c".into()),
    ];
    let error = Rig::new().refused(nothing(), vec![step(vec![], ops, ms(1))]);
    assert!(
        error.starts_with("2 errors, the first: step 0: op 0: no cgroup \"a\""),
        "{error}"
    );
}

#[test]
fn a_finding_carries_the_steps_label_as_one_line() {
    let steps = [StepPlan {
        label: Some("make\u{1b} it".into()),
        ..step(vec![], vec![Op::FreezeCgroup("a".into())], ms(1))
    }];
    let found = found(&nothing(), &steps);
    assert_eq!(found[0].label.as_deref(), Some("make  it"));
}

#[test]
fn controllers_that_the_kernel_lacks_are_found_where_they_are_needed() {
    let world = || {
        let machine = Machine::uniform(1, 1, 2, 1);
        let world = Simulated::new(machine).with_controllers(Controllers::CPU);
        Rig::with(world, |settings| settings.thresholds = lenient())
    };
    let limited = CgroupDef {
        pids_max: Some(CountLimit::Count(5)),
        ..def_on("a", &[0])
    };
    let steps = [
        step(vec![limited], vec![], ms(1)),
        step(
            vec![def("b")],
            vec![
                Op::AddCgroup("c".into()),
                set_cpuset("c", CpusetSpec::Llc(0)),
            ],
            ms(1),
        ),
    ];
    let found = found_in(world(), &nothing(), &steps);
    assert_eq!(
        places(&found),
        ["Step[0] unavailable", "Step[1] op 1 set-cpuset unavailable"]
    );
    assert!(found[0].message.contains("cpuset") && found[0].message.contains("pids"));

    let mut rig = world();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def_on("a", &[0])]).unwrap_err();
    let found = findings(&rig.close().events);
    assert_eq!(places(&found)[0], "Step[0] unavailable");
}

#[test]
fn a_payload_that_nobody_declared_is_found_wherever_it_stands() {
    let run = || PayloadRun {
        payload: "hackbench".into(),
        args: vec![],
        cgroup: None,
    };
    let attached = CgroupDef {
        payload: Some(run()),
        ..def("a")
    };
    let everywhere = Backdrop {
        payloads: vec![run()],
        ..backdrop(vec![attached], vec![Op::RunPayload(run())])
    };
    let found = found(&everywhere, &[]);
    assert_eq!(
        places(&found),
        [
            "backdrop not-found",
            "backdrop op 0 run-payload not-found",
            "backdrop not-found"
        ]
    );
}

#[test]
fn c_5_a_capture_in_a_step_that_repeats_is_an_error() {
    let capture = Op::CaptureSnapshot("x".into());
    let plan = vec![step(vec![], vec![capture], HoldSpec::Repeat(MS))];
    let error = Rig::new().refused(nothing(), plan);
    for word in ["step 0", "op 0", "repeats", "a step of its own"] {
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[test]
fn what_works_once_and_not_again_is_found_in_a_step_that_repeats() {
    let again = |interval| {
        let ops = vec![Op::AddCgroup("t".into())];
        found(
            &nothing(),
            &[step(vec![def("a")], ops, HoldSpec::Repeat(interval))],
        )
    };
    let found = again(100 * MS);
    assert_eq!(places(&found), ["Step[0] op 0 add-cgroup already-exists"]);
    assert!(found[0].message.starts_with("the second time round"));
    // Once is all there is time for.
    assert_eq!(again(1_000 * MS), []);
}

#[test]
fn s_055_a_move_that_would_lose_workers_is_refused_before_anything_is_done() {
    let plan = vec![step(
        vec![],
        vec![Op::AddCgroup("own".into()), move_all("load", "own")],
        ms(1),
    )];
    let error = Rig::new().refused(backdrop(vec![def("load")], vec![]), plan);
    assert!(
        error.contains("\"load\"") && error.contains("\"own\"") && error.contains("op 1"),
        "{error}"
    );
}

#[test]
fn a_nested_cgroups_parent_is_there_as_well_and_cannot_go_before_it() {
    let fine = vec![
        Op::AddCgroup("a/b".into()),
        Op::FreezeCgroup("a".into()),
        Op::RemoveCgroup("a/b".into()),
        Op::RemoveCgroup("a".into()),
    ];
    Rig::new().execute(nothing(), vec![step(vec![], fine, ms(1))]);
    let wrong = vec![Op::AddCgroup("a/b".into()), Op::RemoveCgroup("a".into())];
    let error = Rig::new().refused(nothing(), vec![step(vec![], wrong, ms(1))]);
    assert!(error.contains("cgroups below it"), "{error}");
}

#[test]
fn a_refused_call_is_found_with_its_place_and_once() {
    let mut rig = Rig::thresholds(lenient());
    let id = rig.stage.begin(Some("wide")).unwrap();
    rig.stage.setup(id, &[def("a")]).unwrap();
    let ops = [Op::AddCgroup("b".into()), Op::FreezeCgroup("c".into())];
    rig.stage.apply(id, &ops).unwrap_err();
    rig.stage.setup(id, &[def("a")]).unwrap_err();
    rig.stage.setup(id, &[def("a")]).unwrap_err();
    rig.stage.hold(id, &HoldSpec::Repeat(1)).unwrap_err();
    let found = findings(&rig.close().events);
    assert_eq!(
        places(&found),
        [
            "Step[0] op 1 freeze-cgroup not-found",
            "Step[0] already-exists",
            "Step[0] invalid"
        ]
    );
    assert!(found.iter().all(|one| one.label.as_deref() == Some("wide")));
}

#[test]
fn findings_are_bounded_and_the_rest_is_counted() {
    let ops: Vec<Op> = (0..1_000)
        .map(|n| Op::FreezeCgroup(format!("g{n}")))
        .collect();
    let mut rig = Rig::thresholds(lenient());
    let plan = [step(vec![def("a")], ops, ms(1))];
    let error = rig.stage.execute(&nothing(), &plan).unwrap_err();
    assert!(error.to_string().starts_with("1000 errors"), "{error}");
    let ended = rig.close();
    assert_eq!(ended.verdict.outcome, Outcome::Pass, "the caller's affair");
    let found = findings(&ended.events);
    assert_eq!(found.len(), 257);
    assert_eq!(found[256].kind, "left-out");
    assert!(found[256].message.contains("744"), "{:?}", found[256]);
}
