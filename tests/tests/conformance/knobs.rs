//! A. Declarative knobs.

use nix::errno::Errno;
use proscenium_guest_runtime::contract::types::{
    ByteLimit, CgroupDef, CountLimit, CpuBandwidth, CpuLimits, CpusetSpec, MemoryLimits, Partition,
    Quota, WorkerCount,
};
use proscenium_guest_runtime::world::Knob;
use proscenium_guest_runtime::world::simulated::Effect;

use crate::support::{MS, def, def_on, run_defs, spins, standing, work};

const NO_MEMORY: MemoryLimits = MemoryLimits {
    max: None,
    high: None,
    low: None,
    swap_max: None,
};

fn cpu(max: Option<CpuBandwidth>, weight: Option<u32>) -> CgroupDef {
    CgroupDef {
        cpu: Some(CpuLimits { max, weight }),
        ..def("a")
    }
}

fn memory(limits: MemoryLimits) -> CgroupDef {
    CgroupDef {
        memory: Some(limits),
        ..def("a")
    }
}

/// What one definition writes to one file.
fn written(def: &CgroupDef, file: &str) -> Vec<String> {
    let (rig, result) = standing(def);
    result.unwrap();
    rig.writes(file)
}

fn refused(def: &CgroupDef) -> String {
    standing(def).1.unwrap_err().to_string()
}

#[test]
fn s_001_a_cpuset_is_resolved_and_written() {
    let set = |cpus| {
        written(
            &CgroupDef {
                cpuset: Some(cpus),
                ..def("a")
            },
            "cpuset.cpus",
        )
    };
    assert_eq!(set(CpusetSpec::Llc(1)), ["2-3"]);
    assert_eq!(
        set(CpusetSpec::Disjoint(Partition { index: 0, of: 3 })),
        ["0"]
    );
    assert_eq!(set(CpusetSpec::Exact(vec![3, 0, 1])), ["0-1,3"]);
}

#[test]
fn s_002_memory_nodes_are_written_only_when_given() {
    assert_eq!(
        written(
            &CgroupDef {
                cpuset_mems: Some(vec![1]),
                ..def("a")
            },
            "cpuset.mems"
        ),
        ["1"]
    );
    assert!(written(&def("a"), "cpuset.mems").is_empty());
    assert!(
        refused(&CgroupDef {
            cpuset_mems: Some(vec![7]),
            ..def("a")
        })
        .contains('7')
    );
}

#[test]
fn s_003_percent_is_of_one_cpu() {
    assert_eq!(
        written(&cpu(Some(CpuBandwidth::Percent(50)), None), "cpu.max"),
        ["50000 100000"]
    );
    assert_eq!(
        written(&cpu(Some(CpuBandwidth::Percent(200)), None), "cpu.max"),
        ["200000 100000"]
    );
}

#[test]
fn s_004_quota_and_period_are_explicit() {
    let quota = |runtime, period| cpu(Some(CpuBandwidth::Quota(Quota { runtime, period })), None);
    assert_eq!(
        written(&quota(30 * MS, 50 * MS), "cpu.max"),
        ["30000 50000"]
    );
    for bad in [quota(0, 50 * MS), quota(30 * MS, 0)] {
        let error = refused(&bad);
        assert!(error.contains("\"a\""), "{error}");
    }
}

#[test]
fn s_005_unlimited_rewinds_a_quota_and_keeps_the_weight() {
    let base = cpu(Some(CpuBandwidth::Percent(50)), Some(250));
    let derived = CgroupDef {
        cpu: Some(CpuLimits {
            max: Some(CpuBandwidth::Unlimited),
            ..base.cpu.clone().unwrap()
        }),
        ..base
    };
    assert_eq!(written(&derived, "cpu.max"), ["max 100000"]);
    assert_eq!(written(&derived, "cpu.weight"), ["250"]);
}

#[test]
fn s_006_weight_has_a_range() {
    assert_eq!(written(&cpu(None, Some(250)), "cpu.weight"), ["250"]);
    for weight in [0, 10_001] {
        let error = refused(&cpu(None, Some(weight)));
        assert!(
            error.contains(&weight.to_string()) && error.contains("1 to 10000"),
            "{error}"
        );
        assert!(error.contains("cpu.weight"), "{error}");
    }
}

#[test]
fn s_007_memory_max_is_bytes_or_max() {
    let limits = MemoryLimits {
        max: Some(ByteLimit::Bytes(1 << 20)),
        ..NO_MEMORY
    };
    assert_eq!(written(&memory(limits), "memory.max"), ["1048576"]);
    assert_eq!(written(&memory(NO_MEMORY), "memory.max"), ["max"]);
}

#[test]
fn s_008_memory_unlimited_rewinds_all() {
    let unlimited = MemoryLimits {
        max: Some(ByteLimit::Unlimited),
        high: Some(ByteLimit::Unlimited),
        low: Some(0),
        swap_max: None,
    };
    let def = memory(unlimited);
    let all = ["memory.max", "memory.high", "memory.low"].map(|file| written(&def, file).join(""));
    assert_eq!(all, ["max", "max", "0"]);
}

#[test]
fn s_009_memory_high_is_written() {
    let limits = MemoryLimits {
        high: Some(ByteLimit::Bytes(4096)),
        ..NO_MEMORY
    };
    assert_eq!(written(&memory(limits), "memory.high"), ["4096"]);
}

#[test]
fn s_010_memory_low_defaults_to_zero() {
    let limits = MemoryLimits {
        low: Some(4096),
        ..NO_MEMORY
    };
    assert_eq!(written(&memory(limits), "memory.low"), ["4096"]);
    assert_eq!(written(&memory(NO_MEMORY), "memory.low"), ["0"]);
}

fn without_swap(limit: ByteLimit) -> Result<(), String> {
    let mut rig = crate::support::Rig::new();
    rig.fail(Errno::ENOENT, |effect| {
        matches!(
            effect,
            Effect::Write {
                knob: Knob::MemorySwapMax,
                ..
            }
        )
    });
    let id = rig.stage.begin(None).unwrap();
    let def = memory(MemoryLimits {
        swap_max: Some(limit),
        ..NO_MEMORY
    });
    rig.stage
        .setup(id, &[def])
        .map_err(|error| error.to_string())
}

#[test]
fn s_011_a_swap_cap_is_written_only_when_set() {
    let limits = MemoryLimits {
        swap_max: Some(ByteLimit::Bytes(8192)),
        ..NO_MEMORY
    };
    assert_eq!(written(&memory(limits), "memory.swap.max"), ["8192"]);
    assert!(written(&memory(NO_MEMORY), "memory.swap.max").is_empty());
    let error = without_swap(ByteLimit::Bytes(8192)).unwrap_err();
    assert!(error.contains("memory.swap.max"), "{error}");
}

#[test]
fn s_012_a_swap_cap_is_rewound_by_max() {
    let limits = MemoryLimits {
        swap_max: Some(ByteLimit::Unlimited),
        ..NO_MEMORY
    };
    assert_eq!(written(&memory(limits), "memory.swap.max"), ["max"]);
    // Where there is no swap accounting there is no cap to lift.
    assert_eq!(without_swap(ByteLimit::Unlimited), Ok(()));
}

#[test]
fn s_013_io_weight_has_a_range() {
    assert_eq!(
        written(
            &CgroupDef {
                io_weight: Some(300),
                ..def("a")
            },
            "io.weight"
        ),
        ["300"]
    );
    assert!(
        refused(&CgroupDef {
            io_weight: Some(0),
            ..def("a")
        })
        .contains("1 to 10000")
    );
}

#[test]
fn s_014_pids_max_limits_workers() {
    let limited = |count, workers| CgroupDef {
        pids_max: Some(CountLimit::Count(count)),
        work: vec![spins(workers)],
        ..def("a")
    };
    assert_eq!(written(&limited(5, 5), "pids.max"), ["5"]);
    let error = refused(&limited(5, 6));
    assert!(
        error.contains("pids.max") || error.contains("EAGAIN"),
        "{error}"
    );
    assert!(refused(&limited(0, 1)).contains("unlimited"));
    let unlimited = CgroupDef {
        pids_max: Some(CountLimit::Unlimited),
        ..def("a")
    };
    assert_eq!(written(&unlimited, "pids.max"), ["max"]);
}

#[test]
fn s_015_knobs_hold_for_the_cgroups_lifetime() {
    let ended = run_defs(vec![cpu(Some(CpuBandwidth::Percent(50)), Some(250))]);
    let effects = ended.log.effects();
    let writes = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Write { .. }))
        .count();
    assert_eq!(
        writes, 2,
        "nothing is written after the definition's own writes"
    );
}

#[test]
fn s_016_all_limits_precede_the_first_worker() {
    let full = CgroupDef {
        cpuset: Some(CpusetSpec::Llc(0)),
        memory: Some(NO_MEMORY),
        io_weight: Some(50),
        pids_max: Some(CountLimit::Count(9)),
        ..cpu(None, Some(10))
    };
    let (rig, result) = standing(&full);
    result.unwrap();
    let lines = rig.lines();
    let first_worker = rig.position("start 1");
    let last_write = lines
        .iter()
        .rposition(|line| line.starts_with("write"))
        .unwrap();
    assert!(last_write < first_worker, "{lines:#?}");
    let order = [
        "cpuset.cpus",
        "cpu.weight",
        "cpu.max",
        "memory.max",
        "memory.low",
        "io.weight",
        "pids.max",
    ];
    let places = order.map(|file| rig.position(file));
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn s_017_every_work_entry_is_a_handle_of_its_own() {
    let def = CgroupDef {
        work: vec![spins(2), work("yield-heavy", WorkerCount::Exactly(3))],
        ..def("a")
    };
    let ended = run_defs(vec![def]);
    let workers: Vec<_> = ended
        .verdict
        .cgroups
        .iter()
        .map(|s| (s.cgroup.as_str(), s.workers))
        .collect();
    assert_eq!(workers, [("a", 2), ("a", 3)]);
}

#[test]
fn s_018_a_name_is_declared_once() {
    let mut rig = crate::support::Rig::new();
    rig.stage
        .set_backdrop(&crate::support::backdrop(vec![def("a")], vec![]))
        .unwrap();
    let id = rig.stage.begin(None).unwrap();
    let error = rig.stage.setup(id, &[def("a")]).unwrap_err().to_string();
    assert!(
        error.contains("\"a\"") && error.contains("one place"),
        "{error}"
    );
    rig.stage.setup(id, &[def("b")]).unwrap();
    rig.stage.setup(id, &[def("b")]).unwrap_err();
    let created = rig
        .lines()
        .iter()
        .filter(|line| line.starts_with("create"))
        .count();
    assert_eq!(created, 2, "no second mkdir");
}

#[test]
fn s_141_a_policy_outside_the_cpuset_names_both_remedies() {
    use proscenium_guest_runtime::contract::types::MemPolicy;
    let mut work = spins(1);
    work.mem_policy = MemPolicy::Bind(vec![1]);
    let error = refused(&CgroupDef {
        work: vec![work],
        ..def_on("a", &[0, 1])
    });
    for word in ["\"a\"", "[1]", "{0}", "static-nodes", "widen"] {
        assert!(error.contains(word), "{word}: {error}");
    }
}
