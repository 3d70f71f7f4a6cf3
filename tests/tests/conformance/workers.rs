//! Sections 2.5 to 2.7: what one worker is set up with, as it reaches the world.

use proscenium_guest_runtime::contract::types::{
    Affinity, CgroupDef, DeadlineParams, MemPolicy, MemPolicyFlags, RandomSubset, SchedPolicy,
    WorkSpec, WorkerCount,
};
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::world::simulated::Effect;
use proscenium_worker::{MemPolicy as KernelPolicy, Policy, Setup};

use crate::support::{Rig, def, def_on, ms, nothing, run_defs, spins, standing, step, work};

/// The set-up of each worker that a definition starts.
fn setups(def: &CgroupDef) -> Vec<Setup> {
    let (rig, result) = standing(def);
    result.unwrap();
    let effects = rig.log.effects().into_iter();
    let spawned = effects.filter_map(|effect| match effect {
        Effect::Spawn { setups, .. } => Some(setups),
        _ => None,
    });
    spawned.flatten().collect()
}

fn with(spec: WorkSpec) -> CgroupDef {
    CgroupDef {
        work: vec![spec],
        ..def("a")
    }
}

fn refused(spec: WorkSpec) -> String {
    standing(&with(spec)).1.unwrap_err().to_string()
}

fn cpus(affinity: Affinity, pool: &[u32]) -> Option<Vec<u32>> {
    let spec = WorkSpec {
        affinity,
        ..spins(1)
    };
    let def = CgroupDef {
        work: vec![spec],
        ..def_on("a", pool)
    };
    setups(&def)[0].affinity.clone()
}

#[test]
fn affinities_stay_within_the_cgroups_set() {
    assert_eq!(cpus(Affinity::Inherit, &[1, 2]), None);
    assert_eq!(cpus(Affinity::SingleCpu, &[1, 2]), Some(vec![1]));
    assert_eq!(cpus(Affinity::Exact(vec![0, 2]), &[1, 2]), Some(vec![2]));
    // Two caches, 0-1 and 2-3: the one with more of the set, the first of equals.
    assert_eq!(cpus(Affinity::LlcAligned, &[1, 2, 3]), Some(vec![2, 3]));
    assert_eq!(cpus(Affinity::LlcAligned, &[1, 2]), Some(vec![1]));
    assert_eq!(
        cpus(Affinity::CrossCgroup, &[1, 2]),
        Some(vec![0, 1, 2, 3]),
        "leaves the set on purpose"
    );
    let disjoint = with(WorkSpec {
        affinity: Affinity::Exact(vec![3]),
        ..spins(1)
    });
    let def = CgroupDef {
        work: disjoint.work,
        ..def_on("a", &[0, 1])
    };
    let error = standing(&def).1.unwrap_err().to_string();
    assert!(error.contains("\"a\"") && error.contains("0-1"), "{error}");
}

#[test]
fn random_subsets_are_drawn_for_each_worker_and_clamped() {
    let drawn = |count, workers| {
        let affinity = Affinity::RandomSubset(RandomSubset {
            from: vec![1, 2, 3, 9],
            count,
        });
        let spec = WorkSpec {
            affinity,
            ..spins(workers)
        };
        let sets = setups(&with(spec)).into_iter();
        sets.map(|setup| setup.affinity.unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(drawn(9, 1), [vec![1, 2, 3]], "as many as there are");
    let pairs = drawn(2, 40);
    assert!(pairs.iter().all(|pair| pair.len() == 2));
    assert!(pairs.iter().any(|pair| *pair != pairs[0]), "one each");
}

#[test]
fn siblings_are_both_threads_of_the_first_core_that_has_two() {
    let spec = WorkSpec {
        affinity: Affinity::SmtSiblings,
        ..spins(2)
    };
    let mut rig = Rig::on(Machine::uniform(1, 1, 2, 2));
    let step = rig.stage.begin(None).unwrap();
    let def = CgroupDef {
        work: vec![spec.clone()],
        ..def_on("a", &[1, 2, 3])
    };
    rig.stage.setup(step, &[def]).unwrap();
    let effects = rig.log.effects();
    let pairs = effects.iter().find_map(|effect| match effect {
        Effect::Spawn { setups, .. } => Some(setups),
        _ => None,
    });
    let pairs: Vec<_> = pairs.unwrap().iter().map(|s| s.affinity.clone()).collect();
    assert_eq!(pairs, [Some(vec![2, 3]), Some(vec![2, 3])], "shared");
    assert!(refused(spec).contains("two hardware threads"));
}

#[test]
fn a_node_narrows_the_affinity() {
    let on = |affinity, numa_node| {
        let spec = WorkSpec {
            affinity,
            numa_node: Some(numa_node),
            ..spins(1)
        };
        standing(&with(spec)).1.map_err(|error| error.to_string())
    };
    let spec = WorkSpec {
        numa_node: Some(1),
        ..spins(1)
    };
    assert_eq!(setups(&with(spec))[0].affinity, Some(vec![2, 3]));
    on(Affinity::Exact(vec![0, 3]), 1).unwrap();
    let outside = on(Affinity::Exact(vec![0, 1]), 1).unwrap_err();
    assert!(
        outside.contains("numa-node 1") && outside.contains("0-1"),
        "{outside}"
    );
    let missing = on(Affinity::Inherit, 7).unwrap_err();
    assert!(
        missing.contains("numa(7)") && missing.contains("{0, 1}"),
        "{missing}"
    );
}

#[test]
fn every_scheduling_class_reaches_the_worker() {
    let deadline = DeadlineParams {
        runtime: 2_000,
        deadline: 1_000_000,
        period: 0,
    };
    for (policy, expected) in [
        (SchedPolicy::Normal, Policy::Normal),
        (SchedPolicy::Batch, Policy::Batch),
        (SchedPolicy::Idle, Policy::Idle),
        (SchedPolicy::Fifo(1), Policy::Fifo(1)),
        (SchedPolicy::RoundRobin(99), Policy::RoundRobin(99)),
        (
            SchedPolicy::Deadline(deadline),
            Policy::Deadline {
                runtime: 2_000,
                deadline: 1_000_000,
                period: 1_000_000,
            },
        ),
        (SchedPolicy::Ext, Policy::Ext),
    ] {
        let spec = WorkSpec { policy, ..spins(1) };
        assert_eq!(setups(&with(spec))[0].policy, expected);
    }
}

#[test]
fn nice_name_and_ids_reach_the_worker_and_have_ranges() {
    let spec = WorkSpec {
        nice: Some(-20),
        comm: Some("a-name-of-15-by".into()),
        gid: Some(7),
        uid: Some(0),
        ..spins(1)
    };
    let setup = setups(&with(spec)).remove(0);
    assert_eq!(
        (setup.nice, setup.comm.as_deref(), setup.gid, setup.uid),
        (Some(-20), Some("a-name-of-15-by"), Some(7), Some(0))
    );
    let spec = || spins(1);
    for (bad, word) in [
        (
            WorkSpec {
                nice: Some(20),
                ..spec()
            },
            "-20 to 19",
        ),
        (
            WorkSpec {
                comm: Some(String::new()),
                ..spec()
            },
            "1 to 15",
        ),
        (
            WorkSpec {
                comm: Some("a-name-of-16-byt".into()),
                ..spec()
            },
            "1 to 15",
        ),
        (
            WorkSpec {
                comm: Some("a\0b".into()),
                ..spec()
            },
            "NUL",
        ),
        (
            WorkSpec {
                uid: Some(u32::MAX),
                ..spec()
            },
            "user id",
        ),
        (
            WorkSpec {
                gid: Some(u32::MAX),
                ..spec()
            },
            "group id",
        ),
    ] {
        let error = refused(bad);
        assert!(error.contains(word) && error.contains("\"a\""), "{error}");
    }
}

#[test]
fn a_share_of_the_cpus_is_rounded_up_and_may_exceed_one() {
    let count = |pool: Option<&[u32]>, share| {
        let def = CgroupDef {
            work: vec![work("spin-wait", WorkerCount::FractionOfCpuset(share))],
            ..pool.map_or_else(|| def("a"), |pool| def_on("a", pool))
        };
        setups(&def).len()
    };
    assert_eq!(count(Some(&[0, 1]), 0.6), 2);
    assert_eq!(count(Some(&[0, 1]), 2.0), 4);
    assert_eq!(count(None, 0.5), 2, "of the three usable ones");
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = refused(work("spin-wait", WorkerCount::FractionOfCpuset(bad)));
        assert!(error.contains("above 0"), "{error}");
    }
    assert!(refused(work("spin-wait", WorkerCount::Exactly(0))).contains("0 workers"));
}

#[test]
fn s_136_only_the_three_flags_can_be_said_and_they_are_judged_before_the_nodes() {
    // The contract's flags have no fourth bit: what a component sets beyond
    // is not lifted. What is left is judged first, also beside other errors.
    let mut said = MemPolicyFlags::STATIC_NODES | MemPolicyFlags::RELATIVE_NODES;
    assert_eq!(MemPolicyFlags::all(), said | MemPolicyFlags::NUMA_BALANCING);
    for nodes in [vec![], vec![99]] {
        let spec = WorkSpec {
            mem_policy: MemPolicy::Bind(nodes),
            mem_policy_flags: said,
            ..spins(1)
        };
        let error = refused(spec);
        assert!(error.contains("exclude each other"), "{error}");
        said |= MemPolicyFlags::NUMA_BALANCING;
    }
}

#[test]
fn s_142_a_policy_that_passes_reaches_the_worker_unchanged() {
    const STATIC: u32 = 1 << 15;
    const RELATIVE: u32 = 1 << 14;
    const BALANCING: u32 = 1 << 13;
    let none = MemPolicyFlags::empty();
    for (policy, flags, mode, nodes) in [
        (MemPolicy::Preferred(0), none, 1, vec![0]),
        (MemPolicy::Bind(vec![1, 0, 1]), none, 2, vec![0, 1]),
        (MemPolicy::Interleave(vec![1]), none, 3, vec![1]),
        (MemPolicy::Local, none, 4, vec![]),
        (MemPolicy::PreferredMany(vec![0, 1]), none, 5, vec![0, 1]),
        (MemPolicy::WeightedInterleave(vec![0]), none, 6, vec![0]),
        (
            MemPolicy::Bind(vec![1]),
            MemPolicyFlags::STATIC_NODES | MemPolicyFlags::NUMA_BALANCING,
            2 | STATIC | BALANCING,
            vec![1],
        ),
        (
            MemPolicy::Bind(vec![9]),
            MemPolicyFlags::RELATIVE_NODES,
            2 | RELATIVE,
            vec![9],
        ),
    ] {
        let spec = WorkSpec {
            mem_policy: policy,
            mem_policy_flags: flags,
            ..spins(1)
        };
        let expected = KernelPolicy { mode, nodes };
        assert_eq!(setups(&with(spec))[0].mem_policy, Some(expected));
    }
    assert_eq!(setups(&with(spins(1)))[0].mem_policy, None, "no call");
}

#[test]
fn c_1_a_plan_is_judged_by_cpuset_mems_too() {
    let bound = |mems| {
        let spec = WorkSpec {
            mem_policy: MemPolicy::Bind(vec![1]),
            ..spins(1)
        };
        CgroupDef {
            work: vec![spec],
            cpuset_mems: Some(mems),
            ..def_on("a", &[0, 1])
        }
    };
    let ended = run_defs(vec![bound(vec![1])]);
    ended.position("start 1 spin-wait");
    let plan = vec![step(vec![bound(vec![0])], vec![], ms(1))];
    let error = Rig::new().refused(nothing(), plan);
    for word in ["\"a\"", "[1]", "{0}", "static-nodes", "widen"] {
        assert!(error.contains(word), "{word}: {error}");
    }
}
