//! The bounds of the scenario's root: whatever its load does, the runtime and
//! the machine have something left. Never enables a controller for the cgroups
//! in it.

use cap_std::fs::Dir;
use nix::errno::Errno;
use nix::sys::sysinfo::sysinfo;

use super::groups::Groups;
use crate::world::{Controllers, GroupId, Knob, RootBounds, RootHits, WorldError};

/// What of the machine's memory is left to the runtime: so much, or a quarter.
const RESERVE: u64 = 256 << 20;

impl Groups {
    /// See [`crate::world::World::confine`]; `offered`: the controllers that
    /// there are.
    pub(super) fn confine(
        &mut self,
        offered: Controllers,
        bounds: RootBounds,
    ) -> Result<(), WorldError> {
        let wanted = offered & (Controllers::PIDS | Controllers::MEMORY);
        self.enable_base(wanted).map_err(|error| defect(&error))?;
        let memory = bounds.memory.min(spare());
        for (controller, knob, value) in [
            (Controllers::PIDS, Knob::PidsMax, bounds.processes.into()),
            (Controllers::MEMORY, Knob::MemoryMax, memory),
        ] {
            if wanted.contains(controller) {
                self.put(GroupId::ROOT, knob, &value.to_string())
                    .map_err(|error| defect(&error))?;
            }
        }
        Ok(())
    }

    /// See [`crate::world::World::root_hits`].
    pub(super) fn root_hits(&self) -> RootHits {
        let Some(root) = self.root() else {
            return RootHits::default();
        };
        RootHits {
            processes: count(root, process_events(root), "max"),
            memory: count(root, "memory.events.local", "oom"),
        }
    }
}

/// The file that counts processes which the root's own bound refused.
///
/// Since Linux 6.11 it counts them where the bound is, and `pids.events` those
/// of the whole subtree. Before, there is only `pids.events`, and it counts where
/// the process was to be. For the controller that is the root, as long as the
/// scenario does not use it itself: then its cgroups count, where what the
/// root refused cannot be told from what their own bounds did. Those are missed.
fn process_events(root: &Dir) -> &'static str {
    const LOCAL: &str = "pids.events.local";
    if root.exists(LOCAL) {
        LOCAL
    } else {
        "pids.events"
    }
}

/// What the machine can spare.
fn spare() -> u64 {
    sysinfo().map_or(u64::MAX, |machine| {
        let total = machine.ram_total();
        total - (total / 4).min(RESERVE)
    })
}

/// One number of a file of events; 0 where the kernel does not have it.
fn count(dir: &Dir, file: &str, key: &str) -> u64 {
    let text = dir.read_to_string(file).unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    line.and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}

/// The root is ours: that it cannot be bounded is not the scenario's fault.
fn defect(error: &WorldError) -> WorldError {
    WorldError::Environment {
        what: format!("bound the scenario's root: {error}"),
        errno: error.errno().unwrap_or(Errno::EIO),
    }
}
