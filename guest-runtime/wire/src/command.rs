//! Host to guest.

use serde::{Deserialize, Serialize};

/// What the host asks of a running guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Answers the guest's hello; nothing else may precede it.
    Hello {
        /// Version of this protocol that the host speaks.
        wire_version: u16,
    },
    /// End the scenario in an orderly way: teardown, verdict, end frame.
    Cancel {
        /// Said in the verdict, such as `interrupted by the user`.
        reason: String,
    },
}
