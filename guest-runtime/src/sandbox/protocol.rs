//! What the two processes say to each other besides calls.
//!
//! ```text
//!   runtime   Start ──▶        ◀── Works          component's process
//!             Context ──▶      ◀── Call …
//!             an answer ──▶    ◀── Ended
//! ```

use nix::errno::Errno;
use proscenium_wire::Limits;
use serde::{Deserialize, Serialize};

use crate::bindings::scenario::Outcome;
use crate::bindings::types;
use crate::plugin::{Abort, computing_time};
use crate::world::WorldError;

/// The runtime's first word.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Start {
    /// Bounds on the component.
    pub(super) limits: Limits,
    /// Imports that are not ours are traps.
    pub(super) trap_foreign_imports: bool,
}

/// What the component's process says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Said {
    /// Which loops it exports, or why that is not known; the first word.
    Works(Result<Vec<String>, String>),
    /// A host function by its number, with its encoded arguments. Waits for the
    /// encoded answer.
    Call(u16, Vec<u8>),
    /// The component is over; the last word.
    Ended(Result<Result<Outcome, types::Error>, End>),
}

/// How a component's code ended other than by returning.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum End {
    Unfit(String),
    Trapped(String),
    OutOfTime,
    Limit(String),
    Broken(String),
}

impl From<Abort> for End {
    fn from(abort: Abort) -> Self {
        match abort {
            Abort::Unfit(reason) => Self::Unfit(reason),
            Abort::Trapped(reason) => Self::Trapped(reason),
            Abort::OutOfTime(_) => Self::OutOfTime,
            Abort::Limit(_, reason) => Self::Limit(reason),
            Abort::Fault(fault) => Self::Broken(fault.to_string()),
        }
    }
}

impl End {
    /// The same under the budget that the runtime gave.
    pub(super) fn into_abort(self, limits: &Limits) -> Abort {
        match self {
            Self::Unfit(reason) => Abort::Unfit(reason),
            Self::Trapped(reason) => Abort::Trapped(reason),
            Self::OutOfTime => Abort::OutOfTime(computing_time(limits)),
            // Which one is known only where it is counted.
            Self::Limit(reason) => Abort::Limit(None, reason),
            Self::Broken(reason) => Abort::Fault(WorldError::Environment {
                what: format!("run the component in its process ({reason})"),
                errno: Errno::EIO,
            }),
        }
    }
}
