//! What a component asked for, on record: function, decision, duration.
//!
//! Owns the bounds of the record. The first [`RECORDED`] calls are kept one by
//! one, the others counted by function, so a component that calls without end
//! fills nothing. A call costs two readings of the clock and no allocation; a
//! batch leaves when it is full, and before a call that may wait, so that what
//! led to a crash is on record. It decides nothing about any call.

mod function;

use std::time::Instant;

use proscenium_wire::{AuditCall, AuditTotals, Decision, Event, FunctionTotal};

pub use function::Function;

use crate::bindings::types::ErrorCode;
use crate::executor::{Error, Stage};
use crate::time::nanos;

/// Most calls of one run that are recorded one by one (1.3 MB on the wire).
pub const RECORDED: usize = 65_536;
/// Calls of one frame (10 KB).
const BATCH: usize = 512;

/// See the module.
#[derive(Debug)]
pub struct Audit {
    begun: Instant,
    batch: Vec<AuditCall>,
    /// Calls that may still be recorded.
    left: usize,
    /// By number.
    totals: Vec<FunctionTotal>,
}

impl Audit {
    /// A record that begins now.
    #[must_use]
    pub fn begin() -> Self {
        let total = |function: &Function| FunctionTotal {
            function: function.number(),
            ..FunctionTotal::default()
        };
        Self {
            begun: Instant::now(),
            batch: Vec::with_capacity(BATCH),
            left: RECORDED,
            totals: Function::ALL.iter().map(total).collect(),
        }
    }

    /// Nanoseconds of this record so far: of what is measured all is counted
    /// from one start, so that a call costs no more than two subtractions.
    fn now(&self) -> u64 {
        nanos(self.begun.elapsed())
    }

    /// Before a call: when it begins, in nanoseconds of this record.
    pub fn enter(&mut self, function: Function, stage: &mut Stage) -> u64 {
        if self.batch.len() >= BATCH || (function.waits() && !self.batch.is_empty()) {
            self.send(stage);
        }
        self.now()
    }

    /// After a call.
    pub fn leave(&mut self, function: Function, entered: u64, decision: Decision) {
        let duration_ns = self.now().saturating_sub(entered);
        if let Some(total) = self.totals.get_mut(usize::from(function.number())) {
            match decision {
                Decision::Done => total.done += 1,
                Decision::Denied => total.denied += 1,
                Decision::Refused(_) => total.refused += 1,
                Decision::Ended => total.ended += 1,
            }
            total.total_ns = total.total_ns.saturating_add(duration_ns);
            total.max_ns = total.max_ns.max(duration_ns);
            if self.left == 0 {
                total.not_recorded += 1;
                return;
            }
        }
        self.left = self.left.saturating_sub(1);
        self.batch.push(AuditCall {
            at_ns: entered,
            duration_ns,
            function: function.number(),
            decision,
        });
    }

    /// Sends what is left, and the totals.
    pub fn end(mut self, stage: &mut Stage) {
        if !self.batch.is_empty() {
            self.send(stage);
        }
        self.totals
            .retain(|total| total.done + total.denied + total.refused + total.ended > 0);
        stage.emit(Event::AuditTotals(AuditTotals {
            not_recorded: self.totals.iter().map(|total| total.not_recorded).sum(),
            functions: self.totals,
        }));
    }

    fn send(&mut self, stage: &mut Stage) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        stage.emit(Event::AuditCalls(batch));
    }
}

/// An error of a host function, as a decision.
pub(crate) trait Decided {
    fn decision(&self) -> Decision;
}

impl Decided for Error {
    fn decision(&self) -> Decision {
        match self {
            Self::Refused(refusal) if refusal.code == ErrorCode::Denied => Decision::Denied,
            Self::Refused(refusal) => Decision::Refused(refusal.code as u8),
            Self::Fault(_) => Decision::Ended,
        }
    }
}

impl Decided for wasmtime::Error {
    fn decision(&self) -> Decision {
        Decision::Ended
    }
}

/// The contract's word for the code of a refusal, if this version has one.
#[must_use]
pub fn refusal_name(code: u8) -> Option<&'static str> {
    const CODES: [(ErrorCode, &str); 11] = [
        (ErrorCode::Denied, "denied"),
        (ErrorCode::Invalid, "invalid"),
        (ErrorCode::NotFound, "not-found"),
        (ErrorCode::AlreadyExists, "already-exists"),
        (ErrorCode::Ambiguous, "ambiguous"),
        (ErrorCode::Unavailable, "unavailable"),
        (ErrorCode::LimitExceeded, "limit-exceeded"),
        (ErrorCode::TimedOut, "timed-out"),
        (ErrorCode::Kernel, "kernel"),
        (ErrorCode::SchedulerDied, "scheduler-died"),
        (ErrorCode::Cancelled, "cancelled"),
    ];
    let known = |(known, _): &&(ErrorCode, &str)| *known as u8 == code;
    CODES.iter().find(known).map(|(_, name)| *name)
}
