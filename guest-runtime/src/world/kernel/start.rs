//! Crews into cgroups: started in one, moved to another.
//!
//! Owns what an error of these says. Which crew goes where is the executor's.

use nix::errno::Errno;

use super::Kernel;
use super::crew::Crew;
use crate::name::quote;
use crate::world::{CrewId, CrewPlan, GroupId, Knob, Moved, WorldError};

impl Kernel {
    /// See [`crate::world::World::spawn`].
    pub(super) fn start_crew(
        &mut self,
        group: Option<GroupId>,
        plan: &CrewPlan,
    ) -> Result<CrewId, WorldError> {
        let directories = self.groups.directories(&plan.directories)?;
        let cgroup = group
            .map(|group| self.groups.directory(group))
            .transpose()?;
        let started = Crew::start(plan, &self.programs, cgroup, directories);
        started
            .and_then(|crew| self.crews.add(crew))
            .map_err(|errno| {
                let place = group.map_or_else(
                    || "beside the runtime".to_owned(),
                    |group| format!("in cgroup {:?}", self.groups.name(group)),
                );
                let what = format!("start {} workers {place}", plan.setups.len());
                WorldError::Kernel { what, errno }
            })
    }

    /// See [`crate::world::World::spawn_threads`].
    pub(super) fn start_threads(
        &mut self,
        group: GroupId,
        name: &str,
        plans: &[CrewPlan],
    ) -> Result<CrewId, WorldError> {
        let directories = plans
            .iter()
            .map(|plan| self.groups.directories(&plan.directories))
            .collect::<Result<_, _>>()?;
        let cgroup = self.groups.directory(group)?;
        let started = Crew::start_threads(name, plans, &self.programs, cgroup, directories);
        started
            .and_then(|crew| self.crews.add(crew))
            .map_err(|errno| {
                let threads: usize = plans.iter().map(|plan| plan.setups.len()).sum();
                let what = format!(
                    "start {threads} workers as threads of process {} in cgroup {:?}",
                    quote(name),
                    self.groups.name(group)
                );
                WorldError::Kernel { what, errno }
            })
    }

    /// See [`crate::world::World::migrate`].
    pub(super) fn move_crew(&mut self, crew: CrewId, to: GroupId) -> Result<Moved, WorldError> {
        let mut moved = Moved::default();
        for (process, workers) in self.crews.alive(crew)?.processes_mut() {
            let workers = u32::try_from(workers).unwrap_or(u32::MAX);
            if process.reap() {
                moved.gone += workers;
                continue;
            }
            match self
                .groups
                .write(to, Knob::Procs, &process.pid().to_string())
            {
                Ok(()) => moved.moved += workers,
                Err(error) if error.errno() == Some(Errno::ESRCH) => moved.gone += workers,
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }
}
