//! Stalls of simulated workers. Virtual CPUs serve everybody, so nobody stalls
//! but who is said to.

use super::Simulated;
use crate::world::StallReport;

impl Simulated {
    /// Has these stalls found when stalls are asked for the first time.
    #[must_use]
    pub fn with_stalls(mut self, stalls: Vec<StallReport>) -> Self {
        self.stalls = stalls;
        self
    }
}
