//! Workers that would be started at a point of a plan, in whatever cgroup
//! would be there.

use super::preflight::{Walk, draws};
use super::{crew, lints};
use crate::bindings::ops::Placement;
use crate::bindings::types::WorkSpec;

impl Walk<'_> {
    pub(super) fn spawn(&mut self, placement: &Placement, work: &WorkSpec) {
        let name = match placement {
            Placement::Runner => None,
            Placement::Cgroup(name) => Some(name.as_str()),
        };
        if let Some(name) = name {
            if self.note(self.known(name)).is_none() {
                return;
            }
            if self.place.step.is_some() && self.names.is_backdrop(name) {
                self.lint(lints::dies_with_step(name));
            }
        }
        self.work(name, work);
    }

    pub(super) fn work(&mut self, name: Option<&str>, work: &WorkSpec) {
        let group = name.and_then(|name| self.names.get(name));
        let place = crew::Place {
            group: name,
            cpuset: group.and_then(|group| group.cpuset.as_ref()),
            mems: group.and_then(|group| group.mems.as_ref()),
            machine: self.stage.machine(),
            default_workers: self.stage.settings.workers_per_cgroup,
            own: self.stage.own_work(),
            permits: &self.stage.permits,
        };
        let limit = self.stage.settings.limits.workers;
        let most = limit.saturating_sub(self.names.workers());
        let plan = crew::plan(work, place, most, 0, &mut draws());
        if let Some(plan) = self.note(plan) {
            let known = |name: &str| self.names.known(name).map(drop);
            let directories = crew::directories(&plan.work, name, known).map(drop);
            self.note(directories);
            let workers = u32::try_from(plan.setups.len()).unwrap_or(u32::MAX);
            self.seen.crew(name, &plan.work, workers);
            self.names.start(name, workers);
        }
    }
}
