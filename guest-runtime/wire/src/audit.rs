//! What the component asked of the runtime, call by call: evidence, not news.
//!
//! Which number stands for which function is the runtime's affair; numbers are
//! never used again. A run records a bounded number of calls and then only
//! counts, so a component that calls without end fills nothing.

use serde::{Deserialize, Serialize};

/// One call of the component into the runtime. Fixed layout on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditCall {
    /// Nanoseconds since the component was started, on the runtime's clock.
    pub at_ns: u64,
    /// Nanoseconds that it took, waiting included.
    pub duration_ns: u64,
    /// Number of the function.
    pub function: u16,
    /// What was decided.
    pub decision: Decision,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It was carried out.
    Done,
    /// The grant does not cover it.
    Denied,
    /// It was refused; the number is that of the contract's error code.
    Refused(u8),
    /// It ended the component: a fault of the environment, or misuse.
    Ended,
}

impl Decision {
    /// Codes of refusals begin here on the wire.
    const REFUSED: u8 = 16;

    /// As one byte.
    pub(crate) fn to_byte(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Denied => 1,
            Self::Ended => 2,
            Self::Refused(code) => Self::REFUSED.saturating_add(code),
        }
    }

    /// From one byte, if it stands for a decision.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Done),
            1 => Some(Self::Denied),
            2 => Some(Self::Ended),
            _ => byte.checked_sub(Self::REFUSED).map(Self::Refused),
        }
    }
}

/// All calls of a run, by function: the recorded ones and the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditTotals {
    /// Calls that are in no [`crate::Event::AuditCalls`], because there were too many.
    pub not_recorded: u64,
    /// Every function that was called, by its number.
    pub functions: Vec<FunctionTotal>,
}

/// What became of all calls of one function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionTotal {
    /// Its number.
    pub function: u16,
    /// Calls that were carried out.
    pub done: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// Calls that the grant did not cover.
    pub denied: u64,
    /// Calls that ended the component.
    pub ended: u64,
    /// Of these, calls that are not recorded one by one.
    pub not_recorded: u64,
    /// Nanoseconds of all of them.
    pub total_ns: u64,
    /// Nanoseconds of the longest.
    pub max_ns: u64,
}
