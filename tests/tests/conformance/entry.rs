//! E. Entry and pre-flight.

use proscenium_guest_runtime::contract::ops::{MoveAllTasks, Op, SetAffinity, SetCpuset};
use proscenium_guest_runtime::contract::types::{
    Affinity, CgroupDef, CountLimit, CpuLimits, CpusetSpec, FractionRange, HoldSpec, MemoryLimits,
    WorkerCount,
};
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::world::Controllers;
use proscenium_guest_runtime::world::simulated::{Effect, Simulated};
use proscenium_wire::{Outcome, Thresholds};

use crate::support::{
    Ended, Rig, backdrop, def, def_on, ms, nothing, run_defs, spawn, spins, step, work,
};

fn enabled(ended: &Ended) -> Vec<String> {
    let effects = ended.log.effects();
    let sets = effects.iter().filter_map(|effect| match effect {
        Effect::Enable { controllers, .. } => Some(controllers.clone()),
        _ => None,
    });
    sets.collect()
}

#[test]
fn s_072_definitions_alone_are_one_step_that_lasts_all_the_time() {
    let ended = run_defs(vec![def("a")]);
    assert_eq!(ended.verdict.phases.len(), 1);
    assert_eq!(ended.verdict.phases[0].end_ms, Some(1000));
}

#[test]
fn s_073_of_a_plugins_checks_and_the_operators_the_stricter_count() {
    let impossible = Thresholds {
        min_iteration_rate: Some(1e18),
        ..Thresholds::default()
    };
    let lenient = Thresholds {
        min_iteration_rate: Some(1.0),
        ..Thresholds::default()
    };
    for (operator, plugin, outcome) in [
        (lenient, impossible, Outcome::Fail),
        (impossible, lenient, Outcome::Fail),
        (lenient, lenient, Outcome::Pass),
    ] {
        let mut rig = Rig::thresholds(operator);
        rig.stage.set_thresholds(plugin);
        let ended = rig.execute(nothing(), vec![step(vec![def("a")], vec![], ms(100))]);
        assert_eq!(ended.verdict.outcome, outcome);
        assert!(ended.verdict.asserted);

        // Step by step, and said when the workers run already.
        let mut rig = Rig::thresholds(operator);
        let id = rig.stage.begin(None).unwrap();
        rig.stage.setup(id, &[def("a")]).unwrap();
        rig.stage.set_thresholds(plugin);
        rig.stage.hold(id, &ms(100)).unwrap();
        rig.stage.finish(id).unwrap();
        let ended = rig.close();
        assert_eq!(ended.verdict.outcome, outcome);
        assert!(ended.verdict.asserted);
    }
}

#[test]
fn s_074_backdrop_workers_are_there_in_every_step() {
    let steps = vec![step(vec![], vec![], ms(10)), step(vec![], vec![], ms(10))];
    let ended = Rig::new().execute(backdrop(vec![def("base")], vec![]), steps);
    assert!(
        ended
            .verdict
            .phases
            .iter()
            .all(|phase| phase.iterations.unwrap() > 0)
    );
}

#[test]
fn s_078_controllers_are_the_smallest_union() {
    let cpu = CgroupDef {
        cpu: Some(CpuLimits {
            max: None,
            weight: Some(1),
        }),
        ..def("c")
    };
    let memory = MemoryLimits {
        max: None,
        high: None,
        low: None,
        swap_max: None,
    };
    let table: [(CgroupDef, &str); 5] = [
        (def_on("c", &[0]), "cpuset"),
        (cpu.clone(), "cpu"),
        (
            CgroupDef {
                memory: Some(memory),
                ..def("c")
            },
            "memory",
        ),
        (
            CgroupDef {
                io_weight: Some(1),
                ..def("c")
            },
            "io",
        ),
        (
            CgroupDef {
                pids_max: Some(CountLimit::Count(9)),
                ..def("c")
            },
            "pids",
        ),
    ];
    for (def, expected) in table {
        let nested = step(vec![], vec![Op::AddCgroupDef(def.clone())], ms(1));
        assert_eq!(
            enabled(&Rig::new().execute(nothing(), vec![nested])),
            [expected]
        );
        assert_eq!(enabled(&run_defs(vec![def])), [expected]);
    }
    let both = Rig::new().execute(
        backdrop(vec![cpu], vec![]),
        vec![step(vec![def_on("d", &[0])], vec![], ms(1))],
    );
    assert_eq!(enabled(&both), ["cpu cpuset"], "once, before everything");
    let pin = SetAffinity {
        cgroup: "c".into(),
        affinity: Affinity::SingleCpu,
    };
    let ended = Rig::new().execute(
        backdrop(vec![def("c")], vec![]),
        vec![step(vec![], vec![Op::SetAffinity(pin)], ms(1))],
    );
    assert_eq!(enabled(&ended), ["cpuset"]);
}

#[test]
fn s_079_and_080_freeze_add_spawn_and_move_need_no_controller() {
    let ops = vec![
        Op::AddCgroup("a".into()),
        Op::AddCgroup("b".into()),
        spawn("a", spins(1)),
        Op::FreezeCgroup("a".into()),
        Op::UnfreezeCgroup("a".into()),
        Op::MoveAllTasks(MoveAllTasks {
            from: "a".into(),
            to: "b".into(),
        }),
    ];
    let ended = Rig::new().execute(nothing(), vec![step(vec![], ops, ms(1))]);
    assert_eq!(enabled(&ended), Vec::<String>::new());
}

#[test]
fn s_081_controllers_come_first_and_a_missing_one_is_named() {
    let ended = run_defs(vec![def_on("a", &[0])]);
    assert_eq!(ended.position("enable cpuset"), 0);
    let world = Simulated::new(Machine::uniform(1, 1, 2, 1)).with_controllers(Controllers::CPU);
    let error = Rig::with(world, |_| {}).refused(
        nothing(),
        vec![step(vec![def_on("a", &[0])], vec![], ms(1))],
    );
    assert!(error.contains("cpuset"), "{error}");
}

#[test]
fn nested_cgroups_get_their_controllers_along_the_path() {
    let ended = run_defs(vec![def_on("a/b/c", &[0])]);
    let groups: Vec<_> = ended
        .log
        .effects()
        .iter()
        .filter_map(|effect| match effect {
            Effect::Enable { group, .. } => Some(group.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(groups, ["", "a", "a/b"]);
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
}

#[test]
fn c_4_ops_on_what_the_setup_makes_later_are_refused_with_both_remedies() {
    let set = SetCpuset {
        cgroup: "a".into(),
        cpus: CpusetSpec::Llc(0),
    };
    let plan = vec![step(vec![def("a")], vec![Op::SetCpuset(set)], ms(1))];
    let error = Rig::new().refused(nothing(), plan);
    for word in ["step 0", "op 0", "\"a\"", "backdrop", "add-cgroup-def"] {
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[test]
fn c_6_a_cgroup_of_another_step_is_refused_naming_both() {
    let plan = vec![
        step(vec![def("a")], vec![], ms(1)),
        step(vec![], vec![Op::FreezeCgroup("a".into())], ms(1)),
    ];
    let error = Rig::new().refused(nothing(), plan);
    assert!(
        error.contains("step 0") && error.contains("step 1") && error.contains("\"a\""),
        "{error}"
    );
}

#[test]
fn empty_cpusets_are_told_apart() {
    let narrow = CpusetSpec::Range(FractionRange {
        start: 0.0,
        end: 0.1,
    });
    let plain = CgroupDef {
        cpuset: Some(narrow.clone()),
        ..def("a")
    };
    let shared = CgroupDef {
        work: vec![work("spin-wait", WorkerCount::FractionOfCpuset(0.5))],
        ..plain.clone()
    };
    let plan = |def| vec![step(vec![def], vec![], ms(1))];
    let message = |def: CgroupDef| Rig::new().refused(nothing(), plan(def));
    assert!(message(plain).contains("no CPU"));
    let shared = message(shared);
    assert!(
        shared.contains("0.5") && shared.contains("0 workers"),
        "{shared}"
    );
}

#[test]
fn group_sizes_and_unknown_work_are_refused_before_anything_is_done() {
    let plan = |work| {
        vec![step(
            vec![CgroupDef {
                work: vec![work],
                ..def("a")
            }],
            vec![],
            HoldSpec::Fraction(1.0),
        )]
    };
    let odd = Rig::new().refused(nothing(), plan(work("pipe-io", WorkerCount::Exactly(3))));
    assert!(
        odd.contains("pipe-io") && odd.contains('2') && odd.contains('3'),
        "{odd}"
    );
    let unknown = Rig::new().refused(nothing(), plan(work("spin-wiat", WorkerCount::Default)));
    assert!(
        unknown.contains("spin-wiat") && unknown.contains("spin-wait"),
        "{unknown}"
    );
}

#[test]
fn s_092_definitions_are_resolved_against_the_machine_that_is_there() {
    let on = |machine| {
        let def = CgroupDef {
            cpuset: Some(CpusetSpec::Llc(1)),
            work: vec![work("spin-wait", WorkerCount::FractionOfCpuset(1.0))],
            ..def("a")
        };
        let plan = vec![step(vec![def], vec![], ms(1))];
        let ended = Rig::on(machine).execute(nothing(), plan);
        let found = |text: &str| ended.log.lines().iter().any(|line| line.contains(text));
        (
            found("\"2-3\" to cpuset.cpus") && found("start 2 spin-wait"),
            found("\"4-7\" to cpuset.cpus") && found("start 4 spin-wait"),
        )
    };
    assert_eq!(on(Machine::uniform(2, 2, 2, 1)), (true, false));
    assert_eq!(on(Machine::uniform(1, 2, 2, 2)), (false, true));
}
