//! How calls on a cgroup definition add up: what the contract's record holds.

use proscenium_sdk::prelude::*;
use proscenium_sdk::types::{
    BuiltinWork, ByteLimit, CgroupDef as Raw, CountLimit, CpuBandwidth, CpuLimits, MemoryLimits,
    Quota, Work, WorkerCount,
};

fn raw(def: CgroupDef) -> Raw {
    def.into()
}

fn named(name: &str) -> Work {
    Work::Builtin(BuiltinWork {
        name: name.to_owned(),
        parameters: Vec::new(),
    })
}

#[test]
fn a_bare_definition_writes_nothing_and_leaves_the_load_to_the_runtime() {
    let def = raw(CgroupDef::new("a/b"));
    assert_eq!(def.name, "a/b");
    assert_eq!(
        (def.cpuset, def.cpuset_mems, def.cpu, def.memory),
        (None, None, None, None)
    );
    assert_eq!(
        (def.io_weight, def.pids_max, def.payload),
        (None, None, None)
    );
    assert!(def.work.is_empty());
}

#[test]
fn the_last_call_for_a_limit_wins() {
    let def = raw(CgroupDef::new("a")
        .cpuset(llc(0))
        .cpu_percent(20)
        .pids_max(4)
        .cpuset(numa(1)));
    assert_eq!(def.cpuset, Some(CpusetSpec::Numa(1)));
    let def = raw(CgroupDef::new("a").pids_max(4).pids_unlimited());
    assert_eq!(def.pids_max, Some(CountLimit::Unlimited));
}

#[test]
fn lifting_the_quota_keeps_the_weight() {
    let def = raw(CgroupDef::new("a")
        .cpu_weight(250)
        .cpu_percent(50)
        .cpu_unlimited());
    let expected = CpuLimits {
        max: Some(CpuBandwidth::Unlimited),
        weight: Some(250),
    };
    assert_eq!(def.cpu, Some(expected));
}

#[test]
fn a_quota_is_written_in_nanoseconds() {
    let def =
        raw(CgroupDef::new("a").cpu_quota(Duration::from_millis(5), Duration::from_millis(20)));
    let quota = Quota {
        runtime: 5_000_000,
        period: 20_000_000,
    };
    assert_eq!(
        def.cpu.and_then(|cpu| cpu.max),
        Some(CpuBandwidth::Quota(quota))
    );
}

#[test]
fn lifting_the_memory_limits_replaces_the_whole_block() {
    let limited = CgroupDef::new("a")
        .memory_max(1)
        .memory_high(2)
        .memory_low(3)
        .memory_swap_max(4);
    let expected = MemoryLimits {
        max: Some(ByteLimit::Unlimited),
        high: Some(ByteLimit::Unlimited),
        low: Some(0),
        swap_max: None,
    };
    assert_eq!(raw(limited.memory_unlimited()).memory, Some(expected));
}

#[test]
fn a_definition_derived_from_another_rewinds_its_limits_and_leaves_it_alone() {
    let base = CgroupDef::new("a").memory_max(64).memory_swap_max(0);
    let derived = raw(base.clone().memory_swap_unlimited());
    let memory = derived.memory.expect("set");
    assert_eq!(memory.swap_max, Some(ByteLimit::Unlimited));
    assert_eq!(memory.max, Some(ByteLimit::Bytes(64)));
    assert_eq!(
        raw(base).memory.expect("set").swap_max,
        Some(ByteLimit::Bytes(0))
    );
}

#[test]
fn setters_of_the_load_share_one_group_in_any_order() {
    let one = raw(CgroupDef::new("a")
        .workers(2)
        .work(Mixed::new())
        .policy(SchedPolicy::Batch));
    let other = raw(CgroupDef::new("a")
        .policy(SchedPolicy::Batch)
        .work(Mixed::new())
        .workers(2));
    assert_eq!(one, other);
    assert_eq!(one.work.len(), 1);
    assert_eq!(one.work[0].work, named("mixed"));
    assert_eq!(one.work[0].workers, WorkerCount::Exactly(2));
    assert_eq!(one.work[0].policy, SchedPolicy::Batch);
}

#[test]
fn count_and_share_exclude_each_other_and_the_last_wins() {
    let def = raw(CgroupDef::new("a").workers(2).workers_per_cpu(0.5));
    assert_eq!(def.work[0].workers, WorkerCount::FractionOfCpuset(0.5));
    let def = raw(CgroupDef::new("a").workers_per_cpu(0.5).workers(2));
    assert_eq!(def.work[0].workers, WorkerCount::Exactly(2));
}

#[test]
fn setters_of_the_load_change_the_first_group_even_after_others_were_appended() {
    let def = CgroupDef::new("a")
        .also(WorkSpec::new(ForkExit::new()))
        .also(WorkSpec::new(PipeIo::new()).workers(2));
    let def = raw(def.workers(3).affinity(Affinity::SingleCpu));
    assert_eq!(def.work[0].work, named("fork-exit"));
    assert_eq!(def.work[0].workers, WorkerCount::Exactly(3));
    assert_eq!(def.work[0].affinity, Affinity::SingleCpu);
    assert_eq!(def.work[1].workers, WorkerCount::Exactly(2));
    assert_eq!(def.work[1].affinity, Affinity::Inherit);
}

#[test]
fn nice_and_comm_fill_what_groups_left_open_whenever_they_are_called() {
    let early = CgroupDef::new("a").nice(5).comm("load");
    let early = early
        .also(WorkSpec::default())
        .also(WorkSpec::default().nice(0).comm("own"));
    let late = CgroupDef::new("a")
        .also(WorkSpec::default())
        .also(WorkSpec::default().nice(0).comm("own"))
        .nice(5)
        .comm("load");
    let (early, late) = (raw(early), raw(late));
    assert_eq!(early, late);
    assert_eq!(
        (early.work[0].nice, early.work[0].comm.as_deref()),
        (Some(5), Some("load"))
    );
    assert_eq!(
        (early.work[1].nice, early.work[1].comm.as_deref()),
        (Some(0), Some("own"))
    );
}

#[test]
fn ids_and_the_node_fill_what_groups_left_open_and_zero_counts_as_given() {
    let def = raw(CgroupDef::new("a")
        .uid(1000)
        .gid(1000)
        .numa_node(1)
        .also(WorkSpec::default())
        .also(WorkSpec::default().uid(0).gid(0).numa_node(0)));
    let filled = |spec: &WorkSpec| (spec.uid, spec.gid, spec.numa_node);
    assert_eq!(filled(&def.work[0]), (Some(1000), Some(1000), Some(1)));
    assert_eq!(filled(&def.work[1]), (Some(0), Some(0), Some(0)));
}

#[test]
fn nice_without_a_group_makes_the_default_one_to_carry_it() {
    let def = raw(CgroupDef::new("a").nice(-5));
    assert_eq!(def.work, [WorkSpec::default().nice(-5)]);
    assert_eq!(def.work[0].work, named("spin-wait"));
    assert_eq!(def.work[0].workers, WorkerCount::Default);
}

#[test]
fn a_payload_runs_inside_its_own_cgroup() {
    let payload = raw(CgroupDef::new("a").payload("fio", ["--rw=read"]))
        .payload
        .expect("set");
    assert_eq!((payload.payload.as_str(), payload.cgroup), ("fio", None));
    assert_eq!(payload.args, ["--rw=read"]);
}

#[test]
fn pcomm_stamps_the_groups_that_are_there_and_overwrites() {
    let own = WorkSpec::new(SpinWait::new()).pcomm("own");
    let def = raw(CgroupDef::new("a")
        .workers(2)
        .also(own)
        .pcomm("server")
        .also(WorkSpec::new(SpinWait::new())));
    let names: Vec<_> = def.work.iter().map(|spec| spec.pcomm.as_deref()).collect();
    assert_eq!(names, [Some("server"), Some("server"), None]);
    let def = raw(CgroupDef::new("a").pcomm("server"));
    assert_eq!(def.work.len(), 1, "a process has a worker");
    assert_eq!(def.work[0].pcomm.as_deref(), Some("server"));
}
