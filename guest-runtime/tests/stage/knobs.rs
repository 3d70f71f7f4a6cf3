//! A. Declarative knobs, as cgroupfs shows them.

use nix::errno::Errno;
use proscenium_guest_runtime::contract::types::{
    ByteLimit, CgroupDef, CountLimit, CpuBandwidth, CpuLimits, CpusetSpec, MemoryLimits, Partition,
    Quota,
};
use proscenium_guest_runtime::cpuset::CpuSet;
use proscenium_guest_runtime::executor::Error;

use crate::place::skip;
use crate::plans::{MS, def, def_on, spins};
use crate::rig::Rig;

fn cpu(max: CpuBandwidth, weight: Option<u32>) -> CgroupDef {
    let max = Some(max);
    CgroupDef {
        cpu: Some(CpuLimits { max, weight }),
        ..def("a")
    }
}

const NO_MEMORY: MemoryLimits = MemoryLimits {
    max: None,
    high: None,
    low: None,
    swap_max: None,
};

fn memory(limits: MemoryLimits) -> CgroupDef {
    CgroupDef {
        memory: Some(limits),
        ..def("a")
    }
}

#[test]
fn s_001_a_cpuset_binds_the_workers() {
    let disjoint = CpusetSpec::Disjoint(Partition { index: 1, of: 3 });
    for (spec, set) in [(CpusetSpec::Exact(vec![3, 1]), "1,3"), (disjoint, "1")] {
        let def = CgroupDef {
            cpuset: Some(spec),
            work: vec![spins(2)],
            ..def("a")
        };
        let Some(rig) = Rig::standing("s_001", &def) else {
            return;
        };
        assert_eq!(rig.file("a", "cpuset.cpus"), set);
        assert_eq!(rig.file("a", "cpuset.cpus.effective"), set);
        let set: CpuSet = set.parse().unwrap();
        assert_eq!(rig.allowed("a"), [set.clone(), set]);
    }
}

#[test]
fn s_001_a_caches_cpus_are_what_the_kernel_says_they_are() {
    let def = CgroupDef {
        cpuset: Some(CpusetSpec::Llc(0)),
        ..def("a")
    };
    let Some(rig) = Rig::standing("s_001-llc", &def) else {
        return;
    };
    let cache = "/sys/devices/system/cpu/cpu0/cache";
    let level = |index: usize| std::fs::read_to_string(format!("{cache}/index{index}/level"));
    let last = (0..)
        .take_while(|index| level(*index).is_ok())
        .last()
        .unwrap();
    let shared = std::fs::read_to_string(format!("{cache}/index{last}/shared_cpu_list"));
    assert_eq!(rig.file("a", "cpuset.cpus"), shared.unwrap().trim_end());
}

#[test]
fn s_002_memory_nodes_are_set_only_when_given() {
    let with = CgroupDef {
        cpuset_mems: Some(vec![0]),
        ..def_on("a", &[0])
    };
    for (def, mems) in [(with, "0"), (def_on("a", &[0]), "")] {
        let Some(rig) = Rig::standing("s_002", &def) else {
            return;
        };
        assert_eq!(rig.file("a", "cpuset.mems"), mems);
    }
}

#[test]
fn s_003_to_s_006_bandwidth_and_weight_are_in_force() {
    let quota = CpuBandwidth::Quota(Quota {
        runtime: 30 * MS,
        period: 50 * MS,
    });
    for (max, weight, shown) in [
        (CpuBandwidth::Percent(50), None, ("50000 100000", "100")),
        (CpuBandwidth::Percent(200), Some(1), ("200000 100000", "1")),
        (quota, Some(10_000), ("30000 50000", "10000")),
        (CpuBandwidth::Unlimited, Some(250), ("max 100000", "250")),
    ] {
        let Some(rig) = Rig::standing("s_003", &cpu(max, weight)) else {
            return;
        };
        let found = (rig.file("a", "cpu.max"), rig.file("a", "cpu.weight"));
        assert_eq!((found.0.as_str(), found.1.as_str()), shown);
    }
}

#[test]
fn s_003_a_share_of_one_cpu_is_what_two_workers_get() {
    let def = CgroupDef {
        work: vec![spins(2)],
        ..cpu(CpuBandwidth::Percent(20), None)
    };
    let Some(mut rig) = Rig::new("s_003-share") else {
        return;
    };
    let step = rig.set_up(&def).unwrap();
    for _ in 0..5 {
        rig.hold(step);
    }
    assert!(rig.value("a", "cpu.stat", "nr_throttled") > 0);
}

#[test]
fn s_007_to_s_010_memory_limits_are_in_force() {
    let bytes = |mib: u64| Some(ByteLimit::Bytes(mib << 20));
    let all = MemoryLimits {
        max: bytes(64),
        high: bytes(32),
        low: Some(4 << 20),
        ..NO_MEMORY
    };
    let unlimited = MemoryLimits {
        max: Some(ByteLimit::Unlimited),
        ..NO_MEMORY
    };
    for (limits, shown) in [
        (all, ["67108864", "33554432", "4194304"]),
        (unlimited, ["max", "max", "0"]),
    ] {
        let Some(rig) = Rig::standing("s_007", &memory(limits)) else {
            return;
        };
        let files = ["memory.max", "memory.high", "memory.low"];
        assert_eq!(files.map(|file| rig.file("a", file)), shown);
    }
}

#[test]
fn s_011_and_s_012_swap_is_capped_and_uncapped() {
    let cap = |swap_max| {
        memory(MemoryLimits {
            swap_max,
            ..NO_MEMORY
        })
    };
    for (limit, shown) in [
        (None, "max"),
        (Some(ByteLimit::Bytes(1 << 20)), "1048576"),
        (Some(ByteLimit::Bytes(0)), "0"),
        (Some(ByteLimit::Unlimited), "max"),
    ] {
        let Some(mut rig) = Rig::new("s_011") else {
            return;
        };
        rig.set_up(&cap(limit)).unwrap();
        if !rig.cgroup("a").join("memory.swap.max").exists() {
            return skip("s_011", "this kernel has no swap");
        }
        assert_eq!(rig.file("a", "memory.swap.max"), shown);
    }
}

#[test]
fn s_013_io_weight_is_in_force() {
    let def = CgroupDef {
        io_weight: Some(250),
        ..def("a")
    };
    let Some(mut rig) = Rig::new("s_013") else {
        return;
    };
    match rig.set_up(&def) {
        Ok(_) => assert_eq!(rig.file("a", "io.weight"), "default 250"),
        // The weight is a part of the io controller that a kernel may lack.
        Err(error) => skip("s_013", &error.to_string()),
    }
}

#[test]
fn s_014_pids_max_is_the_kernels_bound_on_workers() {
    let limited = CgroupDef {
        pids_max: Some(CountLimit::Count(2)),
        work: vec![spins(2)],
        ..def("a")
    };
    let Some(rig) = Rig::standing("s_014", &limited) else {
        return;
    };
    assert_eq!(rig.file("a", "pids.max"), "2");
    assert_eq!(rig.file("a", "pids.current"), "2");
    drop(rig);
    let mut rig = Rig::new("s_014").unwrap();
    let more = CgroupDef {
        work: vec![spins(3)],
        ..limited
    };
    let error = rig.set_up(&more).unwrap_err();
    let Error::Refused(refusal) = error else {
        panic!("the plugin is to be told: {error}");
    };
    assert_eq!(refusal.errno, Some(Errno::EAGAIN), "{}", refusal.message);
    assert!(refusal.message.contains("\"a\""), "{}", refusal.message);
    assert_eq!(rig.procs("a"), Vec::<u32>::new());
}

#[test]
fn s_015_knobs_hold_as_long_as_the_cgroup() {
    let limits = cpu(CpuBandwidth::Percent(50), Some(50));
    let Some((mut rig, step)) = Rig::under_way("s_015", vec![limits]) else {
        return;
    };
    rig.hold(step);
    rig.stage.finish(step).unwrap();
    let next = rig.stage.begin(None).unwrap();
    rig.hold(next);
    assert_eq!(rig.file("a", "cpu.max"), "50000 100000");
    assert_eq!(rig.file("a", "cpu.weight"), "50");
}
