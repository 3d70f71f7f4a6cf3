//! Plans from bytes: names that collide and names that are hostile, numbers at
//! their borders, every op.

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use proscenium_guest_runtime::contract::ops::{
    CaptureProcs, Irq, MoveAllTasks, Op, Placement, SetAffinity, SetCpuset, Spawn, SteerIrq,
    SwapCpusets,
};
use proscenium_guest_runtime::contract::stage::{Backdrop, StepPlan};
use proscenium_guest_runtime::contract::types::{
    Affinity, BuiltinWork, ByteLimit, CgroupDef, CountLimit, CpuBandwidth, CpuLimits, CpusetSpec,
    DeadlineParams, FractionRange, HoldSpec, MemPolicy, MemPolicyFlags, MemoryLimits, Overlap,
    ParameterValue, Partition, PayloadRef, PayloadRun, Quota, RandomSubset, SchedPolicy, Work,
    WorkSpec, WorkerCount,
};

/// Few names, so that they collide; some that are none.
const NAMES: [&str; 12] = [
    "a", "b", "c", "a/b", "a/b/c", "", "..", "a/../b", "/a", ".a", "a\n", "a\0",
];
const WORKS: [&str; 8] = [
    "spin-wait",
    "bursty",
    "pipe-io",
    "futex-ping-pong",
    "sequence",
    "alu-hot",
    "nothing",
    "",
];

type Input<'a, 'b> = &'b mut Unstructured<'a>;

/// A persistent state.
pub fn backdrop(input: Input<'_, '_>) -> Result<Backdrop> {
    Ok(Backdrop {
        cgroups: list(input, def)?,
        ops: list(input, op)?,
        payloads: list(input, payload_run)?,
    })
}

/// A few steps.
pub fn steps(input: Input<'_, '_>) -> Result<Vec<StepPlan>> {
    list(input, |input| {
        Ok(StepPlan {
            label: option(input, name)?,
            setup: list(input, def)?,
            ops: list(input, op)?,
            hold: hold(input)?,
        })
    })
}

fn list<T>(input: Input<'_, '_>, one: impl Fn(Input<'_, '_>) -> Result<T>) -> Result<Vec<T>> {
    let length = input.int_in_range(0..=4)?;
    (0..length).map(|_| one(input)).collect()
}

fn option<T>(input: Input<'_, '_>, one: impl Fn(Input<'_, '_>) -> Result<T>) -> Result<Option<T>> {
    Ok(if input.arbitrary()? {
        Some(one(input)?)
    } else {
        None
    })
}

fn name(input: Input<'_, '_>) -> Result<String> {
    Ok(if input.ratio(1, 16)? {
        input.arbitrary::<&str>()?.to_owned()
    } else {
        (*input.choose(&NAMES)?).to_owned()
    })
}

/// Small ones, and those at the ends.
fn number(input: Input<'_, '_>) -> Result<u64> {
    Ok(match input.int_in_range(0..=3)? {
        0 => input.int_in_range(0..=8)?,
        1 => u64::MAX - input.int_in_range(0..=8)?,
        2 => 1_000_000 * input.int_in_range(0..=2_000)?,
        _ => input.arbitrary()?,
    })
}

fn small(input: Input<'_, '_>) -> Result<u32> {
    Ok(u32::try_from(number(input)?).unwrap_or(u32::MAX))
}

fn float(input: Input<'_, '_>) -> Result<f64> {
    let odd = [
        0.0,
        0.5,
        1.0,
        -1.0,
        1e308,
        f64::NAN,
        f64::INFINITY,
        f64::MIN_POSITIVE,
    ];
    Ok(if input.arbitrary()? {
        *input.choose(&odd)?
    } else {
        f64::from(input.int_in_range(0..=100_u32)?) / 100.0
    })
}

fn hold(input: Input<'_, '_>) -> Result<HoldSpec> {
    Ok(match input.int_in_range(0..=2)? {
        0 => HoldSpec::Fraction(float(input)?),
        1 => HoldSpec::Fixed(number(input)?),
        _ => HoldSpec::Repeat(number(input)?),
    })
}

fn cpuset(input: Input<'_, '_>) -> Result<CpusetSpec> {
    Ok(match input.int_in_range(0..=5)? {
        0 => CpusetSpec::Llc(small(input)?),
        1 => CpusetSpec::Numa(small(input)?),
        2 => CpusetSpec::Range(FractionRange {
            start: float(input)?,
            end: float(input)?,
        }),
        3 => CpusetSpec::Disjoint(Partition {
            index: small(input)?,
            of: small(input)?,
        }),
        4 => CpusetSpec::Overlap(Overlap {
            index: small(input)?,
            of: small(input)?,
            fraction: float(input)?,
        }),
        _ => CpusetSpec::Exact(list(input, small)?),
    })
}

fn bytes(input: Input<'_, '_>) -> Result<ByteLimit> {
    Ok(match option(input, number)? {
        Some(number) => ByteLimit::Bytes(number),
        None => ByteLimit::Unlimited,
    })
}

fn def(input: Input<'_, '_>) -> Result<CgroupDef> {
    let bandwidth = |input: Input<'_, '_>| {
        Ok(match input.int_in_range(0..=2)? {
            0 => CpuBandwidth::Unlimited,
            1 => CpuBandwidth::Percent(small(input)?),
            _ => CpuBandwidth::Quota(Quota {
                runtime: number(input)?,
                period: number(input)?,
            }),
        })
    };
    Ok(CgroupDef {
        name: name(input)?,
        cpuset: option(input, cpuset)?,
        cpuset_mems: option(input, |input| list(input, small))?,
        cpu: option(input, |input| {
            Ok(CpuLimits {
                max: option(input, bandwidth)?,
                weight: option(input, small)?,
            })
        })?,
        memory: option(input, |input| {
            Ok(MemoryLimits {
                max: option(input, bytes)?,
                high: option(input, bytes)?,
                low: option(input, number)?,
                swap_max: option(input, bytes)?,
            })
        })?,
        io_weight: option(input, small)?,
        pids_max: option(input, |input| {
            Ok(match option(input, number)? {
                Some(number) => CountLimit::Count(number),
                None => CountLimit::Unlimited,
            })
        })?,
        work: list(input, work)?,
        swappable: input.arbitrary()?,
        payload: option(input, payload_run)?,
    })
}

fn affinity(input: Input<'_, '_>) -> Result<Affinity> {
    Ok(match input.int_in_range(0..=6)? {
        0 => Affinity::Inherit,
        1 => Affinity::RandomSubset(RandomSubset {
            from: list(input, small)?,
            count: small(input)?,
        }),
        2 => Affinity::LlcAligned,
        3 => Affinity::CrossCgroup,
        4 => Affinity::SingleCpu,
        5 => Affinity::Exact(list(input, small)?),
        _ => Affinity::SmtSiblings,
    })
}

fn work(input: Input<'_, '_>) -> Result<WorkSpec> {
    Ok(WorkSpec {
        work: if input.ratio(1, 8)? {
            Work::Exported(name(input)?)
        } else {
            Work::Builtin(BuiltinWork {
                name: (*input.choose(&WORKS)?).to_owned(),
                parameters: list(input, |input| {
                    let value = if input.arbitrary()? {
                        ParameterValue::Number(number(input)?)
                    } else {
                        ParameterValue::Text(name(input)?)
                    };
                    Ok((name(input)?, value))
                })?,
            })
        },
        workers: match input.int_in_range(0..=2)? {
            0 => WorkerCount::Default,
            1 => WorkerCount::Exactly(small(input)?),
            _ => WorkerCount::FractionOfCpuset(float(input)?),
        },
        policy: match input.int_in_range(0..=6)? {
            0 => SchedPolicy::Normal,
            1 => SchedPolicy::Batch,
            2 => SchedPolicy::Idle,
            3 => SchedPolicy::Fifo(small(input)?),
            4 => SchedPolicy::RoundRobin(small(input)?),
            5 => SchedPolicy::Deadline(DeadlineParams {
                runtime: number(input)?,
                deadline: number(input)?,
                period: number(input)?,
            }),
            _ => SchedPolicy::Ext,
        },
        affinity: affinity(input)?,
        mem_policy: match input.int_in_range(0..=3)? {
            0 => MemPolicy::Default,
            1 => MemPolicy::Local,
            2 => MemPolicy::Bind(list(input, small)?),
            _ => MemPolicy::Preferred(small(input)?),
        },
        mem_policy_flags: if input.arbitrary()? {
            MemPolicyFlags::all()
        } else {
            MemPolicyFlags::empty()
        },
        nice: option(input, |input| input.arbitrary())?,
        comm: option(input, name)?,
        pcomm: option(input, name)?,
        gid: option(input, small)?,
        uid: option(input, small)?,
        numa_node: option(input, small)?,
    })
}

fn payload_run(input: Input<'_, '_>) -> Result<PayloadRun> {
    Ok(PayloadRun {
        payload: name(input)?,
        args: list(input, name)?,
        cgroup: option(input, name)?,
    })
}

fn payload_ref(input: Input<'_, '_>) -> Result<PayloadRef> {
    Ok(PayloadRef {
        payload: name(input)?,
        cgroup: option(input, name)?,
    })
}

fn op(input: Input<'_, '_>) -> Result<Op> {
    Ok(match input.int_in_range(0..=18)? {
        0 => Op::AddCgroup(name(input)?),
        1 => Op::AddCgroupDef(def(input)?),
        2 => Op::RemoveCgroup(name(input)?),
        3 => Op::SetCpuset(SetCpuset {
            cgroup: name(input)?,
            cpus: cpuset(input)?,
        }),
        4 => Op::ClearCpuset(name(input)?),
        5 => Op::SwapCpusets(SwapCpusets {
            a: name(input)?,
            b: name(input)?,
        }),
        6 => Op::Spawn(Spawn {
            placement: match option(input, name)? {
                Some(name) => Placement::Cgroup(name),
                None => Placement::Runner,
            },
            work: work(input)?,
        }),
        7 => Op::StopCgroup(name(input)?),
        8 => Op::SetAffinity(SetAffinity {
            cgroup: name(input)?,
            affinity: affinity(input)?,
        }),
        9 => Op::MoveAllTasks(MoveAllTasks {
            from: name(input)?,
            to: name(input)?,
        }),
        10 => Op::RunPayload(payload_run(input)?),
        11 => Op::WaitPayload(payload_ref(input)?),
        12 => Op::KillPayload(payload_ref(input)?),
        13 => Op::FreezeCgroup(name(input)?),
        14 => Op::UnfreezeCgroup(name(input)?),
        15 => Op::CaptureCgroupProcs(CaptureProcs {
            tag: name(input)?,
            cgroup: name(input)?,
        }),
        16 => Op::SteerIrq(SteerIrq {
            irq: if input.arbitrary()? {
                Irq::Number(small(input)?)
            } else {
                Irq::Label(name(input)?)
            },
            cpu: small(input)?,
        }),
        17 => Op::DetachScheduler,
        _ => Op::AttachScheduler(name(input)?),
    })
}
