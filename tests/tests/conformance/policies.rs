//! J. Memory policies and topology, and the checks on reports.

use proscenium_guest_runtime::contract::types::{
    CgroupDef, CpusetSpec, DeadlineParams, MemPolicy, MemPolicyFlags, SchedPolicy, WorkSpec,
};
use proscenium_guest_runtime::machine::Machine;
use proscenium_wire::{DetailKind, Outcome, Thresholds};

use crate::support::{Rig, def, def_on, ms, nothing, spins, standing, step};

fn bind(nodes: &[u32], flags: MemPolicyFlags) -> Result<(), String> {
    policy(MemPolicy::Bind(nodes.to_vec()), flags)
}

/// In a cgroup on node 0 of a machine with nodes 0 and 1.
fn policy(mem_policy: MemPolicy, mem_policy_flags: MemPolicyFlags) -> Result<(), String> {
    let work = WorkSpec {
        mem_policy,
        mem_policy_flags,
        ..spins(1)
    };
    let def = CgroupDef {
        work: vec![work],
        ..def_on("a", &[0, 1])
    };
    standing(&def).1.map_err(|error| error.to_string())
}

#[test]
fn s_137_static_and_relative_exclude_each_other() {
    let error = bind(
        &[0],
        MemPolicyFlags::STATIC_NODES | MemPolicyFlags::RELATIVE_NODES,
    )
    .unwrap_err();
    assert!(
        error.contains("static-nodes") && error.contains("relative-nodes"),
        "{error}"
    );
}

#[test]
fn s_138_policies_without_nodes_pass() {
    policy(MemPolicy::Local, MemPolicyFlags::empty()).unwrap();
    policy(MemPolicy::Default, MemPolicyFlags::empty()).unwrap();
}

#[test]
fn s_139_static_nodes_must_exist_and_need_no_cover() {
    bind(&[1], MemPolicyFlags::STATIC_NODES).unwrap();
    let error = bind(&[7], MemPolicyFlags::STATIC_NODES).unwrap_err();
    assert!(error.contains("[7]") && error.contains("{0, 1}"), "{error}");
}

#[test]
fn s_140_relative_nodes_need_no_cover() {
    bind(&[1], MemPolicyFlags::RELATIVE_NODES).unwrap();
}

#[test]
fn c_1_cpuset_mems_decides_where_it_is_set() {
    let work = WorkSpec {
        mem_policy: MemPolicy::Bind(vec![1]),
        ..spins(1)
    };
    let def = CgroupDef {
        work: vec![work],
        cpuset_mems: Some(vec![1]),
        ..def_on("a", &[0, 1])
    };
    standing(&def).1.unwrap();
}

#[test]
fn c_8_a_numa_set_is_a_node_id() {
    let mut machine = Machine::uniform(2, 2, 2, 1);
    machine.llcs[1].node = 4;
    machine.nodes = [0, 4].into();
    let on = |node| {
        let mut rig = Rig::on(machine.clone());
        let id = rig.stage.begin(None).unwrap();
        let def = CgroupDef {
            cpuset: Some(CpusetSpec::Numa(node)),
            ..def("a")
        };
        rig.stage
            .setup(id, &[def])
            .map(|()| rig.writes("cpuset.cpus"))
            .map_err(|error| error.to_string())
    };
    assert_eq!(on(4).unwrap(), ["2-3"]);
    assert!(on(1).unwrap_err().contains("{0, 4}"));
}

#[test]
fn scheduling_policies_have_ranges() {
    let with = |policy| {
        let def = CgroupDef {
            work: vec![WorkSpec { policy, ..spins(1) }],
            ..def("a")
        };
        standing(&def).1.map_err(|error| error.to_string())
    };
    let deadline = |runtime, deadline, period| {
        with(SchedPolicy::Deadline(DeadlineParams {
            runtime,
            deadline,
            period,
        }))
    };
    with(SchedPolicy::Fifo(99)).unwrap();
    deadline(2_000, 1_000_000, 0).unwrap();
    assert!(with(SchedPolicy::Fifo(0)).unwrap_err().contains("1 to 99"));
    assert!(
        with(SchedPolicy::RoundRobin(100))
            .unwrap_err()
            .contains("100")
    );
    for bad in [
        deadline(1_000, 1_000_000, 0),
        deadline(3_000, 2_000, 0),
        deadline(2_000, 9_000, 8_000),
    ] {
        assert!(bad.unwrap_err().contains("runtime"));
    }
    assert!(deadline(u64::MAX, u64::MAX, u64::MAX).is_err());
}

#[test]
fn s_123_a_worker_outside_its_cpuset_is_an_isolation_failure() {
    use proscenium_guest_runtime::contract::ops::{Op, SetCpuset};
    let isolation = Thresholds {
        isolation: Some(true),
        ..Thresholds::default()
    };
    let mut rig = Rig::thresholds(isolation);
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def_on("a", &[0])]).unwrap();
    rig.stage.hold(id, &ms(10)).unwrap();
    // A change of the set is no escape: what was allowed once stays allowed.
    let set = SetCpuset {
        cgroup: "a".into(),
        cpus: CpusetSpec::Exact(vec![1]),
    };
    rig.stage.apply(id, &[Op::SetCpuset(set)]).unwrap();
    rig.stage.hold(id, &ms(10)).unwrap();
    assert_eq!(rig.close().verdict.outcome, Outcome::Pass);
}

#[test]
fn frozen_workers_are_starved_workers() {
    use proscenium_guest_runtime::contract::ops::Op;
    let starved = Thresholds {
        max_gap_ns: Some(100_000_000),
        ..Thresholds::default()
    };
    let mut rig = Rig::thresholds(starved);
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("a")]).unwrap();
    rig.stage
        .apply(id, &[Op::FreezeCgroup("a".into())])
        .unwrap();
    rig.stage.hold(id, &ms(500)).unwrap();
    rig.stage.finish(id).unwrap();
    let verdict = rig.close().verdict;
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert_eq!(verdict.details[0].kind, DetailKind::Stuck);
}

#[test]
fn a_run_without_checks_says_that_nothing_was_asserted() {
    let ended = Rig::new().execute(nothing(), vec![step(vec![def("a")], vec![], ms(1))]);
    assert!(!ended.verdict.asserted);
}
