//! The audit of a run: what a plugin asked for, call by call, on disk.
//!
//! ```text
//!   guest ── AuditCalls, AuditTotals ──► record ──► audit.jsonl ──► read ──► `audit`
//! ```
//!
//! Owns the file's form: one [`Entry`] a line. A guest is not believed: how much
//! it can have written is bounded, and a number that stands for no function is
//! written as such. It reports what was asked and judges nothing.

mod read;
mod record;

use serde::{Deserialize, Serialize};

pub use read::{Audit, AuditError, Row};
pub use record::lines;

/// File in a run's directory in which the calls stand.
pub const AUDIT_LOG: &str = "audit.jsonl";
/// Most that is kept of it, in bytes: four times what a runtime of ours sends.
pub const AUDIT_LIMIT: u64 = 32 << 20;

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Entry {
    /// One call.
    Call(Call),
    /// All calls, counted. Without it the plugin's end was not seen.
    Totals(Totals),
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Nanoseconds since the plugin was started.
    pub at_ns: u64,
    /// Nanoseconds that it took, waiting included.
    pub duration_ns: u64,
    /// Interface, resource and function, such as `stage.step.hold`.
    pub function: String,
    /// What was decided: `done`, `denied`, `ended`, or the code of the refusal,
    /// such as `not-found`.
    pub decision: String,
}

/// All calls, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Calls that have no line of their own, because there were too many.
    pub not_recorded: u64,
    /// Every function that was called.
    pub functions: Vec<Total>,
}

/// What became of all calls of one function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Interface, resource and function.
    pub function: String,
    /// Calls that were carried out.
    pub done: u64,
    /// Calls that were refused: a wrong value, a limit, the kernel's answer.
    pub refused: u64,
    /// Calls that the grant did not cover.
    pub denied: u64,
    /// Calls that ended the plugin.
    pub ended: u64,
    /// Of these, calls that have no line of their own.
    pub not_recorded: u64,
    /// Nanoseconds of all of them.
    pub total_ns: u64,
    /// Nanoseconds of the longest.
    pub max_ns: u64,
}

impl Total {
    /// Calls in all.
    #[must_use]
    pub fn calls(&self) -> u64 {
        [self.done, self.refused, self.denied, self.ended]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}
