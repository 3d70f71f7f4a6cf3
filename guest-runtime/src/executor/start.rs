//! Workers into cgroups: planned, started, owned, put on record. They run at the
//! end of the pass.

use proscenium_wire::TasksReason;
use proscenium_worker::Work;

use super::crew::{self, Place};
use super::slot::{Crew, Part, RUNNER, Slot};
use super::stage::Stage;
use super::teams::{self, Unit};
use super::{Error, Result, lints};
use crate::bindings::types::{CgroupDef, WorkSpec};
use crate::name::quote;
use crate::world::{CrewId, CrewPlan};

impl Stage {
    /// Starts all that a definition's cgroup is to do.
    pub(super) fn start_work(&mut self, def: &CgroupDef) -> Result<()> {
        let (name, swap) = (&*def.name, def.swappable);
        if def.work.is_empty() {
            return self.start_crew(Some(name), &crew::default_spec(), swap);
        }
        teams::arranged(&def.work)
            .into_iter()
            .try_for_each(|unit| match unit {
                Unit::Alone(spec) => self.start_crew(Some(name), spec, swap),
                Unit::Together(process, specs) => self.start_team(name, process, &specs, swap),
            })
    }

    /// As an op, in a cgroup that is there or beside the runtime.
    pub(super) fn spawn(&mut self, name: Option<&str>, spec: &WorkSpec) -> Result<()> {
        teams::alone(spec)?;
        if let (Some(name), true) = (name, self.step.is_some())
            && self.is_backdrop(self.group(name)?.id)
        {
            self.lint(lints::dies_with_step(name));
        }
        self.start_crew(name, spec, false)
    }

    /// Starts the workers of one specification, a process for each.
    fn start_crew(&mut self, name: Option<&str>, spec: &WorkSpec, swap: bool) -> Result<()> {
        let plan = self.planned(name, spec, swap, 0)?;
        let group = name.map(|name| self.group(name)).transpose()?;
        let group = group.map(|group| group.id);
        if group.is_some() {
            self.confine()?;
        }
        self.mediation.spawns += plan.setups.len() as u64;
        let started = self.world.spawn(group, &plan).map_err(|error| {
            Error::from(error).context(format!(
                "starting {} {} workers in {}",
                plan.setups.len(),
                plan.work.name(),
                name.map_or_else(|| "the runner's cgroup".to_owned(), quote)
            ))
        })?;
        self.own(started, name.unwrap_or(RUNNER), vec![plan]);
        Ok(())
    }

    /// Starts one process of which the workers of several specifications are
    /// threads.
    fn start_team(
        &mut self,
        name: &str,
        process: &str,
        specs: &[&WorkSpec],
        swap: bool,
    ) -> Result<()> {
        let locate = |error: Error| error.context(format!("work in cgroup {}", quote(name)));
        let mut plans: Vec<CrewPlan> = Vec::with_capacity(specs.len());
        for spec in specs {
            let before = plans.iter().map(|plan| plan.setups.len()).sum();
            plans.push(self.planned(Some(name), spec, swap, before)?);
        }
        teams::check(process, &plans).map_err(locate)?;
        let group = self.group(name)?.id;
        self.confine()?;
        self.mediation.spawns += 1;
        let started = self.world.spawn_threads(group, process, &plans);
        let started = started.map_err(|error| {
            Error::from(error).context(format!(
                "starting process {} in {}",
                quote(process),
                quote(name)
            ))
        })?;
        self.own(started, name, plans);
        Ok(())
    }

    /// What one specification stands for here, `before` workers after what runs.
    fn planned(
        &mut self,
        name: Option<&str>,
        spec: &WorkSpec,
        swap: bool,
        before: usize,
    ) -> Result<CrewPlan> {
        let running: usize = self.slots().map(Slot::worker_count).sum();
        let most = (self.settings.limits.workers as usize).saturating_sub(running + before);
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let mut random = self.random.fork();
        let group = name.map(|name| self.group(name)).transpose()?;
        let place = Place {
            group: name,
            cpuset: group.and_then(|group| group.cpuset.as_ref()),
            mems: group.and_then(|group| group.mems.as_ref()),
            machine: self.machine(),
            default_workers: self.settings.workers_per_cgroup,
            swap: self.settings.swap_work.as_ref().filter(|_| swap),
            own: self.own_work(),
            permits: &self.permits,
        };
        let mut plan = crew::plan(spec, place, most, self.epoch(), &mut random)?;
        // Whatever is alive now lasts at least as long as these workers.
        let find = |name: &str| Ok(self.group(name)?.id);
        plan.directories = crew::directories(&plan.work, name, find)?;
        self.findings.seen.crew(name, &plan.work, count(&plan));
        if swap && self.is_swapped_in(&plan.work) {
            self.findings.seen.swapped();
            if let Some(lint) = lints::swapped(name, spec, plan.work.name()) {
                self.lint(lint);
            }
        }
        Ok(plan)
    }

    /// Whether this is the work that the operator wants done instead.
    pub(super) fn is_swapped_in(&self, work: &Work) -> bool {
        let swap = self.settings.swap_work.as_ref();
        swap.is_some_and(|swap| swap.name == work.name())
    }

    /// Owned before it runs: whatever fails next, it is collected.
    fn own(&mut self, id: CrewId, key: &str, plans: Vec<CrewPlan>) {
        let part = |plan: &CrewPlan| Part {
            work: plan.work.name().to_owned(),
            workers: count(plan),
        };
        let crew = Crew {
            id,
            key: key.to_owned(),
            parts: plans.iter().map(part).collect(),
            reaches: plans
                .into_iter()
                .flat_map(|plan| plan.directories)
                .collect(),
        };
        let work = crew.work();
        self.target().crews.push(crew);
        self.tell_crew(id, key, TasksReason::Placed { work });
        self.gated.push(id);
    }
}

fn count(plan: &CrewPlan) -> u32 {
    u32::try_from(plan.setups.len()).unwrap_or(u32::MAX)
}
