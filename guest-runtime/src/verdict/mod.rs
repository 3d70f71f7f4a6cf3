//! How a scenario is judged: statistics from reports, opt-in checks on them,
//! and the tally that makes one verdict of everything that was said.
//!
//! Pure. Nothing here fails by default: a check is active only if the operator
//! or the plugin turned it on.

mod checks;
mod numa;
mod stats;
mod tally;

pub(crate) use checks::gap_limit;
pub use checks::{Subject, evaluate, stricter};
pub use numa::{Memory, placed};
pub use stats::{Sample, of_reports, of_slices};
pub use tally::{Ending, PhaseLabel, Tally};
