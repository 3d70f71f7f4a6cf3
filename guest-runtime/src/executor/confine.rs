//! The bounds of the scenario's root: set before the first load, asked after
//! the last. What runs beside the runtime is not in it.

use proscenium_wire::{Budget, Outcome};

use super::Result;
use super::stage::Stage;
use crate::world::RootBounds;

impl Stage {
    /// Bounds the root, once, before anything is started in it.
    pub(super) fn confine(&mut self) -> Result<()> {
        if !self.confined {
            let limits = &self.settings.limits;
            let bounds = RootBounds {
                processes: limits.processes,
                memory: limits.root_memory_bytes,
            };
            self.world.confine(bounds)?;
            self.confined = true;
        }
        Ok(())
    }

    /// Load that was cut short by the bounds says little about a scheduler.
    pub(super) fn tell_root_hits(&mut self) {
        if !self.confined {
            return;
        }
        let hits = self.world.root_hits();
        for (budget, hits, what) in [
            (
                Budget::Processes,
                hits.processes,
                "could not start a process",
            ),
            (Budget::RootMemory, hits.memory, "ran out of memory"),
        ] {
            if hits > 0 {
                let key = budget.key();
                let message = format!(
                    "the scenario's load {what}, {hits} times: make it smaller, or have more of limits.{key} granted"
                );
                self.record(budget.kind(), Outcome::Fail, message);
            }
        }
    }
}
