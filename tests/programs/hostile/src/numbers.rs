//! Numbers out of every range that the contract gives, and those that are none.

use proscenium_sdk::bindings::proscenium::scenario::stage;
use proscenium_sdk::prelude::*;
use proscenium_sdk::types::DeadlineParams;
use proscenium_sdk::types::{FractionRange, HoldSpec as RawHold, Overlap, Partition, RandomSubset};

use crate::expect_all_invalid;

const NO_NUMBERS: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

/// Gives each to what takes it.
pub(crate) fn attack() -> Result<Outcome, Error> {
    let step = stage::Step::begin(Some("numbers"))?;
    let live = live::Cgroup::create("target")?;
    let mut answers: Vec<(String, Result<(), Error>)> = Vec::new();

    for spec in cpusets() {
        let what = format!("cpuset {spec:?}");
        answers.push((
            format!("resolve {what}"),
            topology::resolve(&spec).map(drop),
        ));
        answers.push((format!("set {what}"), live.set_cpuset(&spec)));
    }
    for fraction in NO_NUMBERS.into_iter().chain([0.0, -0.0, -1.0, 1.5, 1e308]) {
        let hold = step.hold(RawHold::Fraction(fraction)).map(drop);
        answers.push((format!("hold {fraction}"), hold));
    }
    for interval in [0, 1, u64::MAX] {
        let hold = step.hold(RawHold::Repeat(interval)).map(drop);
        answers.push((format!("hold to repeat at {interval}"), hold));
    }
    for spec in works() {
        let what = format!("work {spec:?}");
        let op = ops::spawn("target", spec);
        answers.push((what, step.apply(&[op])));
    }
    for weight in [0, 10_001, u32::MAX] {
        answers.push((format!("cpu weight {weight}"), live.set_cpu_weight(weight)));
        answers.push((format!("io weight {weight}"), live.set_io_weight(weight)));
    }
    answers.push(("cpu percent 0".to_owned(), live.set_cpu_percent(0)));
    answers.push(("no pids".to_owned(), live.set_pids_max(Some(0))));
    let ns = Duration::from_nanos;
    for (runtime, period) in [(0, 1_000_000), (999, 1_000_000), (1_000, 999), (1_000, 0)] {
        answers.push((
            format!("quota {runtime} of {period}"),
            live.set_cpu_quota(ns(runtime), ns(period)),
        ));
    }
    expect_all_invalid(answers)
}

fn cpusets() -> Vec<CpusetSpec> {
    let range = |start, end| CpusetSpec::Range(FractionRange { start, end });
    let mut specs = vec![
        CpusetSpec::Llc(u32::MAX),
        CpusetSpec::Numa(u32::MAX),
        CpusetSpec::Exact(vec![]),
        CpusetSpec::Exact(vec![u32::MAX]),
        CpusetSpec::Disjoint(Partition { index: 0, of: 0 }),
        CpusetSpec::Disjoint(Partition { index: 2, of: 2 }),
        CpusetSpec::Disjoint(Partition {
            index: u32::MAX,
            of: u32::MAX,
        }),
        range(0.5, 0.5),
        range(0.7, 0.2),
        range(-0.1, 0.5),
        range(0.0, 1.1),
    ];
    for bad in NO_NUMBERS {
        specs.push(range(bad, 1.0));
        specs.push(range(0.0, bad));
    }
    for fraction in NO_NUMBERS.into_iter().chain([-0.1, 1.1]) {
        specs.push(CpusetSpec::Overlap(Overlap {
            index: 0,
            of: 2,
            fraction,
        }));
    }
    specs
}

fn works() -> Vec<WorkSpec> {
    let work = WorkSpec::default;
    let deadline = |runtime, deadline, period| {
        work().policy(SchedPolicy::Deadline(DeadlineParams {
            runtime,
            deadline,
            period,
        }))
    };
    let mut specs = vec![
        work().workers(0),
        work().workers_per_cpu(0.0),
        work().workers_per_cpu(-1.0),
        work().nice(-21),
        work().nice(20),
        work().nice(i32::MIN),
        work().policy(SchedPolicy::Fifo(0)),
        work().policy(SchedPolicy::Fifo(100)),
        work().policy(SchedPolicy::RoundRobin(u32::MAX)),
        deadline(0, 0, 0),
        deadline(1_023, 10_000, 10_000),
        deadline(10_000, 5_000, 10_000),
        deadline(5_000, 10_000, 5_000),
        deadline(u64::MAX, u64::MAX, u64::MAX),
        work().affinity(Affinity::Exact(vec![])),
        work().affinity(Affinity::Exact(vec![u32::MAX])),
        work().affinity(Affinity::RandomSubset(RandomSubset {
            from: vec![0],
            count: 0,
        })),
        work().mem_policy(MemPolicy::Bind(vec![]), MemPolicyFlags::empty()),
        work().mem_policy(MemPolicy::Local, MemPolicyFlags::all()),
        WorkSpec::new(proscenium_sdk::work::builtin("no-such-work")),
        WorkSpec::new(proscenium_sdk::work::builtin("spin-wait").with("no-such-knob", 1)),
        WorkSpec::new(proscenium_sdk::work::builtin("bursty").with("busy-us", u64::MAX)),
    ];
    specs.extend(NO_NUMBERS.map(|fraction| work().workers_per_cpu(fraction)));
    specs
}
