//! Loops that a component exports: tried, because in this world no process runs
//! them. How that is done is not this world's affair.

use std::fmt::Debug;

use proscenium_worker::{Breakdown, Work};

use super::Simulated;
use crate::world::CrewPlan;

/// Tries loops.
pub trait Rehearse: Debug {
    /// Runs the loop `name` a little, as the first of `workers`, in an instance
    /// with at most so much linear memory. Says how it broke down, if it did.
    fn rehearse(&mut self, name: &str, workers: u32, memory_bytes: u64) -> Option<Breakdown>;
}

impl Simulated {
    /// Tries exported work for real when workers with it start; without, it
    /// only counts as load.
    #[must_use]
    pub fn with_rehearsal(mut self, rehearsal: Box<dyn Rehearse>) -> Self {
        self.rehearsal = Some(rehearsal);
        self
    }

    /// How the loop of a crew that starts breaks down, if it does.
    pub(super) fn rehearse(&mut self, plan: &CrewPlan) -> Option<Breakdown> {
        let Work::Exported { name, memory_bytes } = &plan.work else {
            return None;
        };
        let workers = u32::try_from(plan.setups.len()).unwrap_or(u32::MAX);
        self.rehearsal
            .as_mut()?
            .rehearse(name, workers, *memory_bytes)
    }
}
