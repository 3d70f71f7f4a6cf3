//! What nearly every scenario names: `use proscenium_sdk::prelude::*;`.
//!
//! Owns a list of names. Naming them imports nothing: a capability is imported
//! by the functions that a scenario calls.

pub use std::time::Duration;

pub use crate::bindings::proscenium::scenario::ops::Op;
pub use crate::cgroup_def::CgroupDef;
pub use crate::checks::{self, Thresholds, check};
pub use crate::context::Context;
pub use crate::cpuset::{disjoint, exact, llc, numa, overlap, range};
pub use crate::error::{Error, ErrorCode};
pub use crate::manifest::Manifest;
pub use crate::outcome::{Outcome, Verdict};
pub use crate::plan::{Backdrop, HoldSpec, Plan, Step};
pub use crate::request::{Controllers, KernelAccess};
pub use crate::scenario::Scenario;
pub use crate::types::{Affinity, CpusetSpec, MemPolicy, MemPolicyFlags, SchedPolicy};
pub use crate::work::{
    AffinityChurn, AluHot, AsymmetricWaker, Bursty, CachePipe, CachePressure, CacheYield,
    CgroupAttachStorm, CgroupChurn, Class, CrossAffinityChurn, EpollStorm, FanOutCompute, ForkExit,
    FutexFanOut, FutexPingPong, IdleChurn, IoConvoy, IoRandRead, IoSyncWrite, IpcVariance, IrqWake,
    Lock, Mixed, MutexContention, NetTraffic, NiceSweep, NumaMigrationChurn, NumaWorkingSetSweep,
    PageFaultChurn, PipeIo, PolicyChurn, PreemptStorm, PriorityInversion,
    ProducerConsumerImbalance, RtStarvation, Schbench, Sequence, SignalStorm, SmtSiblingSpin,
    SpinWait, Taobench, Through, ThunderingHerd, TimerLatency, WakeChain, Width, YieldHeavy,
};
pub use crate::work_spec::WorkSpec;
pub use crate::worker::{Seat, Worker};
pub use crate::{clock, live, ops, scheduler, stimulus, topology};
