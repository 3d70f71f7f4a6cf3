//! All crews of one world, by id.
//!
//! Owns which crew has which id, and what is left of crews that did not die in
//! time. Whatever is about all of them is here, what is about one is in `crew`.

use std::time::Instant;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::crew::{Crew, Task};
use super::process::Process;
use crate::world::{CrewId, WorldError};

/// All crews of one world.
#[derive(Debug, Default)]
pub(super) struct Crews {
    /// By id; ids are not reused.
    slots: Vec<Option<Box<Crew>>>,
    /// Killed, but not yet dead when they had to be forgotten: in the middle
    /// of a system call that does not end.
    undead: Vec<Process>,
}

impl Crews {
    /// Keeps a crew.
    pub(super) fn add(&mut self, crew: Crew) -> Result<CrewId, Errno> {
        let id = u32::try_from(self.slots.len()).map_err(|_| Errno::EOVERFLOW)?;
        self.slots.push(Some(Box::new(crew)));
        Ok(CrewId(id))
    }

    pub(super) fn get(&self, id: CrewId) -> Option<&Crew> {
        self.slots.get(id.0 as usize)?.as_deref()
    }

    fn get_mut(&mut self, id: CrewId) -> Option<&mut Crew> {
        self.slots.get_mut(id.0 as usize)?.as_deref_mut()
    }

    pub(super) fn alive(&mut self, id: CrewId) -> Result<&mut Crew, WorldError> {
        self.get_mut(id).ok_or_else(|| WorldError::Gone {
            what: format!("crew {}", id.0),
        })
    }

    /// Kills every worker of one; one that is gone has none.
    pub(super) fn kill(&mut self, id: CrewId) {
        if let Some(crew) = self.get_mut(id) {
            crew.kill();
        }
    }

    /// Opens the gates of crews that are alive once all their workers reached
    /// them, or their time for it is over.
    pub(super) fn open_gates(&mut self, ids: &[CrewId]) -> Result<(), WorldError> {
        let since = Instant::now();
        for id in ids {
            self.alive(*id)?.await_ready(since);
        }
        ids.iter()
            .try_for_each(|id| self.alive(*id).map(Crew::open_gate))
    }

    /// Whether the gate of any crew is open.
    pub(super) fn any_running(&self) -> bool {
        self.slots.iter().flatten().any(|crew| crew.running)
    }

    /// Workers that went through their gate and are alive.
    pub(super) fn running_tasks(&mut self) -> Vec<Task> {
        let crews = self.slots.iter_mut().flatten();
        let running = crews.filter(|crew| crew.running);
        running.flat_map(|crew| crew.tasks()).collect()
    }

    /// Hands a crew over; its id is gone.
    pub(super) fn take(&mut self, id: CrewId) -> Option<Box<Crew>> {
        self.slots.get_mut(id.0 as usize)?.take()
    }

    /// Where processes are left that did not die in time.
    pub(super) fn undead(&mut self) -> &mut Vec<Process> {
        &mut self.undead
    }

    /// Reaps `pid` if it is one of ours. False: it is nobody's.
    pub(super) fn reap(&mut self, pid: Pid) -> bool {
        let crews = self
            .slots
            .iter_mut()
            .flatten()
            .flat_map(|crew| &mut crew.processes);
        match crews
            .chain(&mut self.undead)
            .find(|process| process.pid() == pid && process.exit().is_none())
        {
            Some(process) => process.reap(),
            None => false,
        }
    }

    /// Drops every crew: kills all, then reaps all.
    pub(super) fn clear(&mut self) {
        for crew in self.slots.iter_mut().flatten() {
            crew.kill();
        }
        self.slots.clear();
        self.undead.retain_mut(|worker| !worker.reap());
    }
}
