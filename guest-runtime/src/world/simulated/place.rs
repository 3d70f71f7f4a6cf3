//! Where simulated workers are put: whether there is room, and which CPUs.

use nix::errno::Errno;

use super::{Crew, Simulated};
use crate::cpuset::CpuSet;
use crate::world::{CrewId, CrewPlan, GroupId, WorldError};

impl Simulated {
    /// Workers in a cgroup itself, not below it.
    pub(super) fn tasks_in(&self, group: GroupId) -> usize {
        let members = self.crews.values().filter(|crew| crew.group == Some(group));
        members.map(|crew| crew.pids.len()).sum()
    }

    pub(super) fn start(
        &mut self,
        group: Option<GroupId>,
        name: &str,
        plan: &CrewPlan,
    ) -> Result<CrewId, WorldError> {
        let workers = plan.setups.len();
        if let Some(id) = group {
            let room = self.tree.pids_room(id, |id| self.tasks_in(id));
            if room < workers {
                let what = format!(
                    "start {workers} workers in cgroup {name:?}: pids.max leaves room for {room}"
                );
                return Err(WorldError::Kernel {
                    what,
                    errno: Errno::EAGAIN,
                });
            }
            if self.tree.has_enabled_children(id) {
                let what =
                    format!("start workers in cgroup {name:?}, whose children have controllers");
                return Err(WorldError::Kernel {
                    what,
                    errno: Errno::EBUSY,
                });
            }
        }
        let id = CrewId(self.next_crew);
        self.next_crew += 1;
        let pids = (self.next_pid..).take(workers).collect();
        self.next_pid += u32::try_from(workers).unwrap_or(u32::MAX);
        let breakdown = self.rehearse(plan);
        self.crews
            .insert(id, Crew::new(group, plan, pids, breakdown));
        Ok(id)
    }

    pub(super) fn pin(
        &mut self,
        crew: CrewId,
        index: usize,
        cpus: &CpuSet,
    ) -> Result<(), WorldError> {
        let group = self.crew(crew)?.group;
        let effective = group.map_or(&self.machine.cpus, |id| self.tree.effective(id));
        if cpus.intersection(effective).is_empty() {
            let what = format!("pin a worker of crew {} to CPUs {cpus}", crew.0);
            return Err(WorldError::Kernel {
                what,
                errno: Errno::EINVAL,
            });
        }
        let crew = self.crews.get_mut(&crew);
        if let Some(worker) = crew.and_then(|crew| crew.workers.get_mut(index)) {
            worker.affinity = Some(cpus.clone());
        }
        Ok(())
    }
}
