//! What is put on record about processes: where workers went, and what a
//! scenario asks to see. Changes nothing.

use proscenium_wire::{Event, Tasks, TasksReason};

use super::stage::Stage;
use super::{Error, Result};
use crate::bindings::ops::CaptureProcs;
use crate::bindings::types::ErrorCode;
use crate::name::{clean_line, quote};
use crate::time::nanos;
use crate::world::{CrewId, GroupId, Knob};

/// Most process ids that one reading gives.
const MAX_TASKS: usize = 16_384;
/// Longest tag of a capture, in bytes.
const MAX_TAG: usize = 256;

impl Stage {
    /// Process ids in the `cgroup.procs` of one cgroup.
    ///
    /// # Errors
    /// `limit-exceeded` beyond 16,384, the kernel's own.
    pub(super) fn read_procs(&mut self, id: GroupId, name: &str) -> Result<Vec<u32>> {
        let text = self.read(id, Knob::Procs)?;
        let pids: Vec<u32> = text
            .lines()
            .take(MAX_TASKS + 1)
            .filter_map(|line| line.parse().ok())
            .collect();
        if pids.len() > MAX_TASKS {
            return Err(Error::new(
                ErrorCode::LimitExceeded,
                format!("cgroup {} has more than {MAX_TASKS} processes", quote(name)),
            ));
        }
        Ok(pids)
    }

    /// `capture-cgroup-procs`.
    pub(super) fn capture_procs(&mut self, capture: &CaptureProcs) -> Result<()> {
        let tag = tag(capture)?;
        let name = &capture.cgroup;
        let id = self.group(name)?.id;
        let locate = |error: Error| error.context(format!("capturing cgroup {}", quote(name)));
        let pids = self.read_procs(id, name).map_err(locate)?;
        self.tell_tasks(name, pids, TasksReason::Captured { tag });
        Ok(())
    }

    /// Puts on record where a crew's workers are now.
    pub(super) fn tell_crew(&mut self, crew: CrewId, cgroup: &str, why: TasksReason) {
        let pids = self.world.pids(crew).to_vec();
        self.tell_tasks(cgroup, pids, why);
    }

    fn tell_tasks(&mut self, cgroup: &str, pids: Vec<u32>, why: TasksReason) {
        let at = self.elapsed();
        self.sink.emit(Event::Tasks(Tasks {
            at_ns: nanos(at),
            phase: u16::try_from(self.steps_begun).unwrap_or(u16::MAX),
            cgroup: cgroup.to_owned(),
            pids,
            why,
        }));
    }
}

/// The capture's name.
///
/// # Errors
/// `invalid` if it is empty or longer than 256 bytes.
pub(super) fn tag(capture: &CaptureProcs) -> Result<String> {
    let tag = &capture.tag;
    if tag.is_empty() || tag.len() > MAX_TAG {
        return Err(Error::invalid(format!(
            "capture of cgroup {}: the tag has {} bytes: 1 to {MAX_TAG} are possible",
            quote(&capture.cgroup),
            tag.len()
        )));
    }
    Ok(clean_line(tag, MAX_TAG))
}
