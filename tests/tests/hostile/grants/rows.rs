//! The things that can be granted: what needs each, how it is taken away, and the
//! line that would allow it.

use proscenium_guest_runtime::contract::ops::{
    Irq, KernelRead, KernelTarget, KernelValue, KernelWidth, KernelWrite, Op, Placement, SetCpuset,
    Spawn, SteerIrq,
};
use proscenium_guest_runtime::contract::types::{
    ByteLimit, CgroupDef, CountLimit, CpuLimits, CpusetSpec, DeadlineParams, ErrorCode,
    MemoryLimits, PayloadRun, SchedPolicy, Work, WorkSpec, WorkerCount,
};
use proscenium_wire::{KernelAccess, Names, Permissions};

use super::plans::{def, def_on, spawn, spins, work};

/// What needs a permission: as a definition, or as ops on the cgroup `a`.
#[expect(clippy::large_enum_variant, reason = "a few rows, each made once")]
pub(super) enum Deed {
    Def(Box<CgroupDef>),
    Op(Op),
}

pub(super) struct Row {
    pub(super) deed: Deed,
    /// Takes the permission away.
    pub(super) without: fn(&mut Permissions),
    /// The line that would allow it.
    pub(super) line: &'static str,
    /// What the simulated kernel and this runtime do when it is allowed.
    pub(super) then: Option<ErrorCode>,
}

fn with(work: Vec<WorkSpec>) -> Deed {
    Deed::Def(Box::new(CgroupDef { work, ..def("b") }))
}

fn policy(policy: SchedPolicy) -> Deed {
    with(vec![WorkSpec { policy, ..spins(1) }])
}

fn limited(change: fn(&mut CgroupDef)) -> Deed {
    let mut def = def("b");
    change(&mut def);
    Deed::Def(Box::new(def))
}

fn row(deed: Deed, without: fn(&mut Permissions), line: &'static str) -> Row {
    Row {
        deed,
        without,
        line,
        then: None,
    }
}

fn denied_op(op: Op, without: fn(&mut Permissions), line: &'static str) -> Row {
    row(Deed::Op(op), without, line)
}

/// An op that this version of the runtime does not carry out, allowed or not.
fn not_offered(op: Op, without: fn(&mut Permissions), line: &'static str) -> Row {
    Row {
        then: Some(ErrorCode::Unavailable),
        ..denied_op(op, without, line)
    }
}

/// An op that is allowed and has nothing to work on.
fn none_attached(op: Op, without: fn(&mut Permissions), line: &'static str) -> Row {
    Row {
        then: Some(ErrorCode::Invalid),
        ..denied_op(op, without, line)
    }
}

fn no_controller(permissions: &mut Permissions) {
    permissions.controllers = Names::default();
}

fn no_kernel(permissions: &mut Permissions) {
    permissions.kernel = KernelAccess::None;
}

fn controllers() -> Vec<Row> {
    let set = Op::SetCpuset(SetCpuset {
        cgroup: "a".to_owned(),
        cpus: CpusetSpec::Exact(vec![0]),
    });
    vec![
        row(
            Deed::Def(Box::new(def_on("b", &[0]))),
            no_controller,
            "controllers = [\"cpuset\"]",
        ),
        row(
            limited(|def| {
                def.cpu = Some(CpuLimits {
                    max: None,
                    weight: Some(5),
                });
            }),
            |without| without.controllers = Names::from_iter(["memory"]),
            "controllers = [\"cpu\", \"memory\"]",
        ),
        row(
            limited(|def| {
                def.memory = Some(MemoryLimits {
                    max: Some(ByteLimit::Unlimited),
                    high: None,
                    low: None,
                    swap_max: None,
                });
            }),
            no_controller,
            "controllers = [\"memory\"]",
        ),
        row(
            limited(|def| def.io_weight = Some(5)),
            no_controller,
            "controllers = [\"io\"]",
        ),
        row(
            limited(|def| def.pids_max = Some(CountLimit::Count(5))),
            no_controller,
            "controllers = [\"pids\"]",
        ),
        denied_op(set, no_controller, "controllers = [\"cpuset\"]"),
        denied_op(
            Op::ClearCpuset("a".to_owned()),
            no_controller,
            "controllers = [\"cpuset\"]",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn load() -> Vec<Row> {
    let own = WorkSpec {
        work: Work::Exported("own".to_owned()),
        ..spins(1)
    };
    let runner = Op::Spawn(Spawn {
        placement: Placement::Runner,
        work: spins(1),
    });
    let deadline = SchedPolicy::Deadline(DeadlineParams {
        runtime: 10_000,
        deadline: 100_000,
        period: 0,
    });
    let no_real_time: fn(&mut Permissions) = |without| without.real_time = 0;
    let no_nice: fn(&mut Permissions) = |without| without.nice = -4;
    vec![
        row(
            with(vec![work("yield-heavy", WorkerCount::Default)]),
            |without| without.work_types = Names::from_iter(["spin-wait"]),
            "work-types = [\"spin-wait\", \"yield-heavy\"]",
        ),
        // A definition without work has some all the same.
        row(
            with(vec![]),
            |without| without.work_types = Names::default(),
            "work-types",
        ),
        row(
            with(vec![own]),
            |without| without.own_work = false,
            "own-work = true",
        ),
        row(
            policy(SchedPolicy::Fifo(50)),
            no_real_time,
            "real-time = 50",
        ),
        row(
            policy(SchedPolicy::RoundRobin(2)),
            |without| without.real_time = 1,
            "real-time = 2",
        ),
        row(
            policy(deadline),
            |without| without.deadline = false,
            "deadline = true",
        ),
        // Work that chooses its class itself gets no further.
        row(
            with(vec![work("rt-starvation", WorkerCount::Exactly(2))]),
            no_real_time,
            "real-time = 50",
        ),
        row(
            with(vec![work("policy-churn", WorkerCount::Exactly(1))]),
            no_real_time,
            "real-time = 1",
        ),
        row(
            with(vec![WorkSpec {
                nice: Some(-5),
                ..spins(1)
            }]),
            no_nice,
            "nice = -5",
        ),
        row(
            with(vec![work("nice-sweep", WorkerCount::Exactly(1))]),
            no_nice,
            "nice = -20",
        ),
        denied_op(
            spawn(
                "a",
                WorkSpec {
                    policy: SchedPolicy::Fifo(1),
                    ..spins(1)
                },
            ),
            no_real_time,
            "real-time = 1",
        ),
        denied_op(runner, |without| without.runner = false, "runner = true"),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn rest() -> Vec<Row> {
    let run = |cgroup: Option<&str>| PayloadRun {
        payload: "bench".to_owned(),
        args: vec![],
        cgroup: cgroup.map(str::to_owned),
    };
    let no_payload: fn(&mut Permissions) = |without| without.payloads = Names::from_iter(["other"]);
    let no_scheduler: fn(&mut Permissions) = |without| without.schedulers = Names::default();
    let target = || KernelTarget::Symbol("jiffies".to_owned());
    let read = KernelRead {
        tag: "t".to_owned(),
        target: target(),
        width: KernelWidth::Quad,
    };
    let write = || KernelWrite {
        target: target(),
        value: KernelValue::Word(1),
    };
    let read_only: fn(&mut Permissions) = |without| without.kernel = KernelAccess::Read;
    vec![
        denied_op(
            Op::RunPayload(run(Some("a"))),
            no_payload,
            "payloads = [\"other\", \"bench\"]",
        ),
        row(
            Deed::Def(Box::new(CgroupDef {
                payload: Some(run(None)),
                ..def("b")
            })),
            no_payload,
            "payloads = [\"other\", \"bench\"]",
        ),
        denied_op(
            Op::RunPayload(run(None)),
            |without| without.runner = false,
            "runner = true",
        ),
        denied_op(
            Op::SteerIrq(SteerIrq {
                irq: Irq::Number(1),
                cpu: 0,
            }),
            |without| without.interrupts = false,
            "interrupts = true",
        ),
        not_offered(
            Op::CaptureSnapshot("s".to_owned()),
            no_kernel,
            "kernel = \"read\"",
        ),
        not_offered(
            Op::WatchSnapshot("s".to_owned()),
            no_kernel,
            "kernel = \"read\"",
        ),
        not_offered(
            Op::ReadKernelHot(read.clone()),
            no_kernel,
            "kernel = \"read\"",
        ),
        not_offered(Op::ReadKernelCold(read), no_kernel, "kernel = \"read\""),
        not_offered(
            Op::WriteKernelHot(vec![write()]),
            read_only,
            "kernel = \"write\"",
        ),
        not_offered(
            Op::WriteKernelCold(vec![write()]),
            no_kernel,
            "kernel = \"write\"",
        ),
        denied_op(
            Op::AttachScheduler("s".to_owned()),
            no_scheduler,
            "schedulers = [\"s\"]",
        ),
        none_attached(
            Op::ReplaceScheduler("s".to_owned()),
            |without| without.schedulers = Names::from_iter(["t"]),
            "schedulers = [\"t\", \"s\"]",
        ),
        none_attached(Op::DetachScheduler, no_scheduler, "schedulers = [\"*\"]"),
        none_attached(Op::RestartScheduler, no_scheduler, "schedulers = [\"*\"]"),
    ]
}

/// One for each thing that can be granted.
pub(super) fn rows() -> Vec<Row> {
    [controllers(), load(), rest()]
        .into_iter()
        .flatten()
        .collect()
}
