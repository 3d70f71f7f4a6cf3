//! What is allowed in a scenario and found odd: holds that do not fit, workers
//! that die with their step, moves of nobody, checks that cannot be met.

use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::types::{
    BuiltinWork, CgroupDef, HoldSpec, ParameterValue, Work, WorkSpec,
};
use proscenium_wire::{Severity, Thresholds};

use crate::findings::{findings, found, found_in, lenient, move_all, places, with_work};
use crate::support::{MS, Rig, backdrop, def, def_on, ms, nothing, spawn, spins, step};

#[test]
fn holds_that_do_not_fit_are_warnings_that_say_what_is_left() {
    let steps = [
        step(vec![def("a")], vec![], ms(800)),
        step(vec![def("a")], vec![], HoldSpec::Fraction(0.5)),
        step(vec![def("a")], vec![], ms(100)),
        step(vec![def("a")], vec![], HoldSpec::Repeat(100 * MS)),
        step(vec![def("a")], vec![], ms(0)),
    ];
    let found = found(&nothing(), &steps);
    assert_eq!(
        places(&found),
        [
            "Step[1] clipped-hold",
            "Step[2] no-time-left",
            "Step[3] never-repeats"
        ]
    );
    assert!(
        found[0].message.contains("500ms is cut to 200ms"),
        "{found:?}"
    );
    assert!(found.iter().all(|one| one.severity == Severity::Warning));
}

#[test]
fn a_hold_that_is_clipped_is_found_step_by_step_as_well() {
    let mut rig = Rig::thresholds(lenient());
    let id = rig.stage.begin(Some("long")).unwrap();
    rig.stage.setup(id, &[def("a")]).unwrap();
    rig.stage.hold(id, &ms(1_500)).unwrap();
    rig.stage.hold(id, &ms(1)).unwrap();
    rig.stage.finish(id).unwrap();
    let found = findings(&rig.close().events);
    assert_eq!(
        places(&found),
        ["Step[0] clipped-hold", "Step[0] no-time-left"]
    );
    assert_eq!(found[0].label.as_deref(), Some("long"));
}

#[test]
fn c_15_workers_that_die_with_their_step_are_found_in_the_same_words_both_ways() {
    let load = backdrop(vec![def("load")], vec![]);
    let op = || spawn("load", spins(1));
    let planned = found(&load, &[step(vec![], vec![op()], ms(1))]);
    assert_eq!(places(&planned), ["Step[0] op 0 spawn dies-with-step"]);

    let mut rig = Rig::thresholds(lenient());
    rig.stage.set_backdrop(&load).unwrap();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.apply(id, &[op()]).unwrap();
    rig.stage.finish(id).unwrap();
    assert_eq!(findings(&rig.close().events), planned);
}

#[test]
fn c_4_a_move_from_where_nobody_is_is_found() {
    let groups = backdrop(
        vec![def("a")],
        vec![Op::AddCgroup("b".into()), move_all("b", "a")],
    );
    let found = found(&groups, &[]);
    assert_eq!(
        places(&found),
        ["backdrop op 1 move-all-tasks nothing-to-move"]
    );
}

/// What is found of checks on one cgroup with that work.
fn unmet(thresholds: Thresholds, def: CgroupDef) -> Vec<String> {
    let steps = [step(vec![def], vec![], ms(1))];
    let found = found_in(Rig::thresholds(thresholds), &nothing(), &steps);
    assert!(found.iter().all(|one| one.severity == Severity::Warning));
    found.into_iter().map(|one| one.kind).collect()
}

#[test]
fn checks_that_cannot_be_met_or_judge_nothing_are_found() {
    let none = Thresholds::default;
    let p99 = |ms| Thresholds {
        max_p99_wake_ns: Some(ms * MS),
        ..none()
    };
    let gap = |ms| Thresholds {
        max_gap_ns: Some(ms * MS),
        ..none()
    };
    let isolation = Thresholds {
        isolation: Some(true),
        ..none()
    };
    let cv = Thresholds {
        max_throughput_cv: Some(1.0),
        ..none()
    };
    let near = Thresholds {
        min_page_locality: Some(1.0),
        ..none()
    };
    let slow = Thresholds {
        max_cross_node_migration_ratio: Some(1.0),
        max_slow_tier_ratio: Some(1.0),
        ..none()
    };
    let sweep = |def| CgroupDef {
        work: with_work("a", "numa-working-set-sweep", 1).work,
        ..def
    };
    let sleeper = || with_work("a", "bursty", 1);
    let table = [
        (p99(1), def("a"), &["no-wake-samples"][..]),
        (p99(1), with_work("a", "pipe-io", 2), &[]),
        (p99(50), sleeper(), &["wake-below-sleep"]),
        (p99(150), sleeper(), &[]),
        (gap(50), sleeper(), &["gap-below-sleep"]),
        (gap(150), sleeper(), &[]),
        (isolation, def("a"), &["no-cpuset"]),
        (isolation, def_on("a", &[0]), &[]),
        (near, sweep(def("a")), &["no-cpuset"]),
        (near, sweep(def_on("a", &[0])), &[]),
        (near, def_on("a", &[0]), &["no-pages"]),
        (slow, def("a"), &["no-pages", "no-pages"]),
        (slow, sweep(def("a")), &[]),
        (cv, def("a"), &["one-worker"]),
        (cv, with_work("a", "spin-wait", 2), &[]),
    ];
    for (thresholds, def, kinds) in table {
        assert_eq!(
            unmet(thresholds, def.clone()),
            kinds,
            "{thresholds:?} {def:?}"
        );
    }
}

#[test]
fn a_rate_of_workers_that_only_sleep_cannot_be_met() {
    let sleeps = WorkSpec {
        work: Work::Builtin(BuiltinWork {
            name: "sequence".into(),
            parameters: vec![("sleep-us".into(), ParameterValue::Number(1_000))],
        }),
        ..spins(1)
    };
    let def = CgroupDef {
        work: vec![sleeps],
        ..def("a")
    };
    let rate = Thresholds {
        min_work_rate: Some(1.0),
        min_iteration_rate: Some(1.0),
        ..Thresholds::default()
    };
    assert_eq!(unmet(rate, def), ["no-cpu-time", "no-cpu-time"]);
}

#[test]
fn checks_without_a_single_worker_judge_nothing() {
    let empty = [step(vec![], vec![Op::AddCgroup("a".into())], ms(1))];
    let found = found(&nothing(), &empty);
    assert_eq!(places(&found), ["backdrop nothing-to-judge"]);
}

#[test]
fn a_pass_of_which_nothing_was_asserted_is_a_warning() {
    let found = found_in(
        Rig::new(),
        &nothing(),
        &[step(vec![def("a")], vec![], ms(1))],
    );
    assert_eq!(places(&found), ["backdrop nothing-asserted"]);
}
