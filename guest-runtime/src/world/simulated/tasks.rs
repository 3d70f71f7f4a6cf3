//! Who is in which simulated cgroup: what the kernel lets in, where it pins,
//! whom it kills.

use nix::errno::Errno;

use super::crew::Crew;
use super::{Effect, Simulated};
use crate::cpuset::CpuSet;
use crate::world::{CrewId, CrewPlan, GroupId, RootBounds, WorldError};

impl Simulated {
    /// Processes in a cgroup itself, not below it.
    pub(super) fn pids_in(&self, group: GroupId) -> impl Iterator<Item = u32> {
        let crews = self
            .crews
            .values()
            .filter(move |crew| crew.group == Some(group));
        let payloads = self.payloads.values();
        crews
            .flat_map(|crew| crew.pids.iter().copied())
            .chain(payloads.flat_map(move |payload| payload.pids_in(group, self.now)))
            .chain(
                self.strays
                    .iter()
                    .filter(move |(in_group, _)| *in_group == group)
                    .map(|(_, pid)| *pid),
            )
    }

    /// How many tasks there are in it: threads of workers count each.
    pub(super) fn tasks_in(&self, group: GroupId) -> usize {
        let crews = self.crews.values();
        let within = crews.filter(|crew| crew.group == Some(group));
        let more: usize = within.map(|crew| crew.tasks() - crew.pids.len()).sum();
        self.pids_in(group).count() + more
    }

    pub(super) fn start(
        &mut self,
        group: Option<GroupId>,
        name: &str,
        plan: &CrewPlan,
    ) -> Result<CrewId, WorldError> {
        let workers = plan.setups.len();
        if let Some(id) = group {
            self.admit(id, name, workers, "workers")?;
        }
        let breakdown = self.rehearse(plan);
        Ok(self.keep(|first| Crew::new(group, plan, first, breakdown)))
    }

    /// One process whose threads are the workers of all plans.
    pub(super) fn start_threads(
        &mut self,
        group: GroupId,
        name: &str,
        plans: &[CrewPlan],
    ) -> Result<CrewId, WorldError> {
        let workers: usize = plans.iter().map(|plan| plan.setups.len()).sum();
        self.admit(group, name, workers + 1, "threads")?;
        Ok(self.keep(|first| Crew::of_threads(group, plans, first)))
    }

    /// Gives a crew its id, and its tasks their numbers.
    fn keep(&mut self, crew: impl FnOnce(u32) -> Crew) -> CrewId {
        let id = CrewId(self.next_crew);
        self.next_crew += 1;
        let crew = crew(self.next_pid);
        self.next_pid += u32::try_from(crew.tasks()).unwrap_or(u32::MAX);
        self.crews.insert(id, crew);
        id
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

    /// The root has room for so many processes; of memory nothing is modelled.
    pub(super) fn confine_root(&mut self, bounds: RootBounds) -> Result<(), WorldError> {
        let RootBounds { processes, memory } = bounds;
        self.carry_out(&Effect::Confine { processes, memory }, |world| {
            world.tree.confine(processes);
            Ok(())
        })
    }

    /// Whether the kernel lets so many more processes into a cgroup.
    pub(super) fn admit(
        &mut self,
        group: GroupId,
        name: &str,
        count: usize,
        what: &str,
    ) -> Result<(), WorldError> {
        let refuse = |why: String, errno| {
            Err(WorldError::Kernel {
                what: format!("start {count} {what} in cgroup {name:?}{why}"),
                errno,
            })
        };
        let room = self.tree.pids_room(group, |id| self.tasks_in(id));
        if room < count {
            let in_all = self.tree.pids_room(GroupId::ROOT, |id| self.tasks_in(id));
            if in_all < count {
                self.hits.processes += 1;
            }
            let why = format!(": pids.max leaves room for {room}");
            return refuse(why, Errno::EAGAIN);
        }
        if self.tree.has_enabled_children(group) {
            return refuse(", whose children have controllers".into(), Errno::EBUSY);
        }
        Ok(())
    }

    /// As `cgroup.kill`: everything in a cgroup and below it.
    pub(super) fn kill_all_in(&mut self, group: GroupId) {
        let (tree, now) = (&self.tree, self.now);
        let within = |member: Option<GroupId>| member.is_some_and(|id| tree.is_within(id, group));
        for crew in self.crews.values_mut().filter(|crew| within(crew.group)) {
            crew.killed = true;
        }
        for payload in self.payloads.values_mut().filter(|one| within(one.group)) {
            payload.kill(now);
        }
        self.strays.retain(|(in_group, _)| !within(Some(*in_group)));
    }
}
