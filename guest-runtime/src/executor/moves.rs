//! What a move of workers from one cgroup to another may be, said once for the
//! pre-flight and for the move itself.

use super::{Error, Result};
use crate::name::quote;

/// # Errors
/// `invalid` for a move that goes nowhere.
pub(super) fn different(from: &str, to: &str) -> Result<()> {
    if from != to {
        return Ok(());
    }
    Err(
        Error::invalid(format!("move-all-tasks from {0} to {0}", quote(from)))
            .remedy("name two cgroups"),
    )
}

/// Workers that last cannot go where a step's end takes them.
pub(super) fn from_backdrop(from: &str, to: &str) -> Error {
    Error::invalid(format!(
        "move-all-tasks from {}, which lasts for the scenario, to {}, which ends with this step: \
         its workers would be lost",
        quote(from),
        quote(to)
    ))
    .remedy("move them to a backdrop cgroup")
}
