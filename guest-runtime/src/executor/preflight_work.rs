//! Workers that would be started at a point of a plan, in whatever cgroup
//! would be there.

use super::preflight::{Walk, draws};
use super::teams::{self, Unit};
use super::{Error, crew, lints};
use crate::bindings::ops::Placement;
use crate::bindings::types::{CgroupDef, WorkSpec};
use crate::name::quote;
use crate::world::CrewPlan;

impl Walk<'_> {
    pub(super) fn spawn(&mut self, placement: &Placement, work: &WorkSpec) {
        let name = match placement {
            Placement::Runner => None,
            Placement::Cgroup(name) => Some(name.as_str()),
        };
        if self.note(teams::alone(work)).is_none() {
            return;
        }
        if let Some(name) = name {
            if self.note(self.known(name)).is_none() {
                return;
            }
            if self.place.step.is_some() && self.names.is_backdrop(name) {
                self.lint(lints::dies_with_step(name));
            }
        }
        self.work(name, work, false);
    }

    /// All work of a definition.
    pub(super) fn def_work(&mut self, def: &CgroupDef) {
        let (name, swap) = (&*def.name, def.swappable);
        if def.work.is_empty() {
            self.work(Some(name), &crew::default_spec(), swap);
        }
        for unit in teams::arranged(&def.work) {
            match unit {
                Unit::Alone(spec) => drop(self.work(Some(name), spec, swap)),
                Unit::Together(process, specs) => {
                    let plans = specs
                        .into_iter()
                        .map(|spec| self.work(Some(name), spec, swap));
                    let plans: Vec<CrewPlan> = plans.flatten().collect();
                    let locate =
                        |error: Error| error.context(format!("work in cgroup {}", quote(name)));
                    self.note(teams::check(process, &plans).map_err(locate));
                }
            }
        }
    }

    fn work(&mut self, name: Option<&str>, work: &WorkSpec, swap: bool) -> Option<CrewPlan> {
        let group = name.and_then(|name| self.names.get(name));
        let place = crew::Place {
            group: name,
            cpuset: group.and_then(|group| group.cpuset.as_ref()),
            mems: group.and_then(|group| group.mems.as_ref()),
            machine: self.stage.machine(),
            default_workers: self.stage.settings.workers_per_cgroup,
            swap: self.stage.settings.swap_work.as_ref().filter(|_| swap),
            own: self.stage.own_work(),
            permits: &self.stage.permits,
        };
        let limit = self.stage.settings.limits.workers;
        let most = limit.saturating_sub(self.names.workers());
        let plan = crew::plan(work, place, most, 0, &mut draws());
        let plan = self.note(plan)?;
        let known = |name: &str| self.names.known(name).map(drop);
        let directories = crew::directories(&plan.work, name, known).map(drop);
        self.note(directories);
        let workers = u32::try_from(plan.setups.len()).unwrap_or(u32::MAX);
        self.seen.crew(name, &plan.work, workers);
        if swap && self.stage.is_swapped_in(&plan.work) {
            self.seen.swapped();
            if let Some(lint) = lints::swapped(name, work, plan.work.name()) {
                self.lint(lint);
            }
        }
        self.names.start(name, workers);
        Some(plan)
    }
}
