//! Messages of fixed length as they lie in a payload. Little-endian, packed in
//! the order written here; a field is never moved, resized or reused.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{AuditCall, Decision, Event, Mediation, StepMark};

/// 30 bytes: step start, step end and progress.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct StepMarkLayout {
    elapsed_ms: U32,
    phase: U16,
    op_count: U16,
    op_kinds: U64,
    cgroup_count: U16,
    worker_count: U16,
    handle_count: U16,
    total_iterations: U64,
}

impl From<&StepMark> for StepMarkLayout {
    fn from(mark: &StepMark) -> Self {
        Self {
            elapsed_ms: mark.elapsed_ms.into(),
            phase: mark.phase.into(),
            op_count: mark.op_count.into(),
            op_kinds: mark.op_kinds.into(),
            cgroup_count: mark.cgroup_count.into(),
            worker_count: mark.worker_count.into(),
            handle_count: mark.handle_count.into(),
            total_iterations: mark.total_iterations.into(),
        }
    }
}

impl From<StepMarkLayout> for StepMark {
    fn from(layout: StepMarkLayout) -> Self {
        Self {
            elapsed_ms: layout.elapsed_ms.into(),
            phase: layout.phase.into(),
            op_count: layout.op_count.into(),
            op_kinds: layout.op_kinds.into(),
            cgroup_count: layout.cgroup_count.into(),
            worker_count: layout.worker_count.into(),
            handle_count: layout.handle_count.into(),
            total_iterations: layout.total_iterations.into(),
        }
    }
}

/// 16 bytes: the scenario's end.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct ScenarioEndLayout {
    pub(super) elapsed_ms: U64,
    pub(super) total_iterations: U64,
}

impl From<ScenarioEndLayout> for Event {
    fn from(layout: ScenarioEndLayout) -> Self {
        Self::ScenarioEnd {
            elapsed_ms: layout.elapsed_ms.into(),
            total_iterations: layout.total_iterations.into(),
        }
    }
}

/// 56 bytes: what was mediated.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct MediationLayout {
    host_calls: U64,
    writes: U64,
    reads: U64,
    waits: U64,
    spawns: U64,
    denied: U64,
    frames: U64,
}

impl From<&Mediation> for MediationLayout {
    fn from(counts: &Mediation) -> Self {
        Self {
            host_calls: counts.host_calls.into(),
            writes: counts.writes.into(),
            reads: counts.reads.into(),
            waits: counts.waits.into(),
            spawns: counts.spawns.into(),
            denied: counts.denied.into(),
            frames: counts.frames.into(),
        }
    }
}

impl From<MediationLayout> for Mediation {
    fn from(layout: MediationLayout) -> Self {
        Self {
            host_calls: layout.host_calls.into(),
            writes: layout.writes.into(),
            reads: layout.reads.into(),
            waits: layout.waits.into(),
            spawns: layout.spawns.into(),
            denied: layout.denied.into(),
            frames: layout.frames.into(),
        }
    }
}

/// 20 bytes: one call. A payload has as many as there are.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct AuditCallLayout {
    at_ns: U64,
    duration_ns: U64,
    function: U16,
    decision: u8,
    /// Always 0.
    reserved: u8,
}

impl From<&AuditCall> for AuditCallLayout {
    fn from(call: &AuditCall) -> Self {
        Self {
            at_ns: call.at_ns.into(),
            duration_ns: call.duration_ns.into(),
            function: call.function.into(),
            decision: call.decision.to_byte(),
            reserved: 0,
        }
    }
}

/// A byte that stands for no decision, or one that is not 0 and should be.
pub(super) struct NoDecision;

impl TryFrom<&AuditCallLayout> for AuditCall {
    type Error = NoDecision;

    fn try_from(layout: &AuditCallLayout) -> Result<Self, NoDecision> {
        let decision = Decision::from_byte(layout.decision).ok_or(NoDecision)?;
        if layout.reserved != 0 {
            return Err(NoDecision);
        }
        Ok(Self {
            at_ns: layout.at_ns.into(),
            duration_ns: layout.duration_ns.into(),
            function: layout.function.into(),
            decision,
        })
    }
}
