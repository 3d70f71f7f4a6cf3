//! The gateway's methods of this world: each checks what the kernel would,
//! logs the effect, and leaves the change to the file that owns the thing.

use std::time::Duration;

use nix::errno::Errno;
use proscenium_wire::PayloadExit;
use proscenium_worker::ExitInfo;

use super::crew::{Crew, gone};
use super::{Effect, Simulated, interrupts, payload};
use crate::cpuset::CpuSet;
use crate::machine::Machine;
use crate::world::{
    Controllers, CrewId, CrewPlan, CrewReport, Down, GroupId, Interrupt, Knob, Moved, PayloadEnd,
    PayloadId, PinError, Printed, ProgramPlan, Remains, RootBounds, RootHits, SchedExt,
    SchedulerId, StallReport, Stopped, Wake, World, WorldError,
};

impl World for Simulated {
    fn now(&self) -> Duration {
        self.now
    }

    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn kernel_release(&self) -> &str {
        "simulated"
    }

    fn controllers(&self) -> Controllers {
        self.controllers
    }

    fn enable(&mut self, group: GroupId, controllers: Controllers) -> Result<(), WorldError> {
        let name = self.tree.name(group)?.to_owned();
        let controllers_text = controllers.to_string();
        let effect = Effect::Enable {
            group: name,
            controllers: controllers_text,
        };
        let busy = group != GroupId::ROOT && self.tasks_in(group) > 0;
        self.carry_out(&effect, |world| world.tree.enable(group, controllers, busy))
    }

    fn confine(&mut self, bounds: RootBounds) -> Result<(), WorldError> {
        self.confine_root(bounds)
    }

    fn root_hits(&mut self) -> RootHits {
        self.hits
    }

    fn create(&mut self, parent: GroupId, name: &str) -> Result<GroupId, WorldError> {
        let group = self.tree.child_name(parent, name)?;
        self.carry_out(&Effect::Create { group }, |world| {
            world.tree.create(parent, name)
        })
    }

    fn remove(&mut self, group: GroupId) -> Result<(), WorldError> {
        let Ok(name) = self.tree.name(group) else {
            return Ok(());
        };
        let effect = Effect::Remove {
            group: name.to_owned(),
        };
        let busy = self.tasks_in(group) > 0;
        self.carry_out(&effect, |world| world.tree.remove(group, busy))
    }

    fn write(&mut self, group: GroupId, knob: Knob, value: &str) -> Result<(), WorldError> {
        let name = self.tree.name(group)?.to_owned();
        let shown = value.trim_end().to_owned();
        let effect = Effect::Write {
            group: name.clone(),
            knob,
            value: shown,
        };
        let done = self.carry_out(&effect, |world| {
            world.tree.write(group, knob, value)?;
            if knob == Knob::Kill {
                world.kill_all_in(group);
            }
            Ok(())
        });
        done.map_err(|error| match error {
            WorldError::Kernel { errno, .. } => WorldError::Write {
                group: name,
                knob,
                value: value.to_owned(),
                errno,
            },
            other => other,
        })
    }

    fn read(&mut self, group: GroupId, knob: Knob) -> Result<&str, WorldError> {
        self.text = if knob == Knob::Procs {
            self.tree.name(group)?;
            let pids = self.pids_in(group);
            pids.map(|pid| format!("{pid}\n")).collect()
        } else {
            self.tree.read(group, knob)?
        };
        Ok(&self.text)
    }

    fn spawn(&mut self, group: Option<GroupId>, plan: &CrewPlan) -> Result<CrewId, WorldError> {
        let name = group
            .map(|group| self.tree.name(group))
            .transpose()?
            .unwrap_or("")
            .to_owned();
        let effect = Effect::Spawn {
            group: name.clone(),
            work: plan.work.name().to_owned(),
            setups: plan.setups.clone(),
        };
        self.carry_out(&effect, |world| world.start(group, &name, plan))
    }

    fn spawn_threads(
        &mut self,
        group: GroupId,
        name: &str,
        plans: &[CrewPlan],
    ) -> Result<CrewId, WorldError> {
        let place = self.tree.name(group)?.to_owned();
        let part = |plan: &CrewPlan| (plan.work.name().to_owned(), plan.setups.clone());
        let effect = Effect::SpawnThreads {
            group: place.clone(),
            process: name.to_owned(),
            parts: plans.iter().map(part).collect(),
        };
        self.carry_out(&effect, |world| world.start_threads(group, &place, plans))
    }

    fn open_gates(&mut self, crews: &[CrewId]) -> Result<(), WorldError> {
        for crew in crews {
            self.crew(*crew)?;
        }
        crews.iter().try_for_each(|&crew| {
            self.carry_out(&Effect::OpenGate { crew }, |world| {
                let crew = world.crews.get_mut(&crew).ok_or_else(|| gone(crew))?;
                crew.running = true;
                Ok(())
            })
        })
    }

    fn pids(&self, crew: CrewId) -> &[u32] {
        self.crews.get(&crew).map_or(&[], |crew| &crew.pids)
    }

    fn set_epoch(&mut self, crew: CrewId, epoch: u32) {
        self.noted(&Effect::SetEpoch { crew, epoch });
        if let Some(crew) = self.crews.get_mut(&crew) {
            crew.set_epoch(epoch);
        }
    }

    fn iterations(&self, crew: CrewId) -> u64 {
        self.crews.get(&crew).map_or(0, Crew::iterations)
    }

    fn set_affinity(
        &mut self,
        crew: CrewId,
        index: usize,
        cpus: &CpuSet,
    ) -> Result<(), WorldError> {
        let worker = self.crew(crew)?.workers.get(index);
        let effect = Effect::SetAffinity {
            pid: worker.ok_or_else(|| gone(crew))?.tid,
            cpus: cpus.to_string(),
        };
        self.carry_out(&effect, |world| world.pin(crew, index, cpus))
    }

    fn migrate(&mut self, crew: CrewId, to: GroupId) -> Result<Moved, WorldError> {
        let name = self.tree.name(to)?.to_owned();
        let effect = Effect::Migrate {
            crew,
            group: name.clone(),
        };
        self.carry_out(&effect, |world| {
            if world.tree.has_enabled_children(to) {
                let what =
                    format!("move tasks to cgroup {name:?}, whose children have controllers");
                return Err(WorldError::Kernel {
                    what,
                    errno: Errno::EBUSY,
                });
            }
            let crew = world.crews.get_mut(&crew).ok_or_else(|| gone(crew))?;
            crew.group = Some(to);
            Ok(Moved {
                moved: u32::try_from(crew.workers.len()).unwrap_or(u32::MAX),
                gone: 0,
            })
        })
    }

    fn steer_irq(&mut self, irq: &Interrupt, cpu: u32) -> Result<(), WorldError> {
        let number = interrupts::number(irq)?;
        self.carry_out(&Effect::SteerIrq { number, cpu }, |_| Ok(()))
    }

    fn kill(&mut self, crews: &[CrewId]) {
        self.noted(&Effect::Kill {
            crews: crews.to_vec(),
        });
        for id in crews {
            if let Some(crew) = self.crews.get_mut(id) {
                crew.killed = true;
            }
        }
    }

    fn collect(&mut self, crews: &[CrewId], until: Duration) -> Vec<CrewReport> {
        self.noted(&Effect::Collect {
            crews: crews.to_vec(),
        });
        let frozen = |world: &Self, id: &CrewId| {
            world
                .crews
                .get(id)
                .and_then(|crew| crew.group)
                .is_some_and(|group| world.tree.is_frozen(group))
        };
        // A frozen worker cannot take its stop signal: it runs into the deadline.
        let stuck: Vec<CrewId> = crews
            .iter()
            .copied()
            .filter(|id| frozen(self, id))
            .collect();
        if !stuck.is_empty() {
            self.advance(until);
        }
        let mut reports = Vec::with_capacity(crews.len());
        for id in crews {
            let Some(crew) = self.crews.remove(id) else {
                continue;
            };
            let ended = match (crew.killed, stuck.contains(id)) {
                (true, _) => Some(ExitInfo::Signaled(libc::SIGKILL)),
                (false, true) => Some(ExitInfo::TimedOut),
                (false, false) => None,
            };
            reports.push(CrewReport {
                crew: *id,
                reports: crew.into_reports(ended),
            });
        }
        reports
    }

    fn take_stalls(&mut self) -> Vec<StallReport> {
        std::mem::take(&mut self.stalls)
    }

    fn wait(&mut self, until: Duration) -> Result<Wake, WorldError> {
        self.begin_wait(until)?;
        Ok(self.pass(until, None).unwrap_or(Wake::Elapsed))
    }

    fn start_payload(
        &mut self,
        group: Option<GroupId>,
        plan: &ProgramPlan,
    ) -> Result<PayloadId, WorldError> {
        let name = group.map(|group| self.tree.name(group)).transpose()?;
        let name = name.unwrap_or("").to_owned();
        let effect = Effect::StartPayload {
            payload: plan.name.clone(),
            group: name.clone(),
            arguments: plan.arguments.clone(),
        };
        self.carry_out(&effect, |world| world.run_script(group, &name, plan))
    }

    fn await_payload(&mut self, payload: PayloadId, until: Duration) -> Result<Wake, WorldError> {
        self.noted(&Effect::Wait { until });
        let ends = self.payload(payload)?.ends();
        let until_end = ends.filter(|ends| *ends <= until);
        let woken = self.pass(until_end.unwrap_or(until), None);
        Ok(woken.unwrap_or(until_end.map_or(Wake::Elapsed, |_| Wake::Ended)))
    }

    fn end_payload(&mut self, payload: PayloadId) -> Result<PayloadEnd, WorldError> {
        let name = self.payload(payload)?.name().to_owned();
        let taken = self.payloads.remove(&payload);
        let effect = Effect::EndPayload { payload: name };
        self.carry_out(&effect, |world| {
            taken
                .map(|taken| world.end_script(taken))
                .ok_or_else(|| payload::gone(payload))
        })
    }

    fn sched_ext(&mut self) -> SchedExt {
        self.happen();
        self.schedulers.kernel()
    }

    fn start_scheduler(&mut self, plan: &ProgramPlan) -> Result<SchedulerId, WorldError> {
        let effect = Effect::StartScheduler {
            scheduler: plan.name.clone(),
            arguments: plan.arguments.clone(),
        };
        self.carry_out(&effect, |world| {
            Ok(world.schedulers.start(&plan.name, world.now))
        })
    }

    fn await_scheduler(&mut self, id: SchedulerId, until: Duration) -> Result<Wake, WorldError> {
        self.schedulers.loader(id)?;
        self.begin_wait(until)?;
        Ok(self.pass(until, Some(id)).unwrap_or(Wake::Elapsed))
    }

    fn watch_scheduler(&mut self, id: Option<SchedulerId>) {
        let name = id.and_then(|id| self.schedulers.loader(id).ok());
        let scheduler = name.map(|loader| loader.name.clone());
        self.noted(&Effect::WatchScheduler { scheduler });
        self.schedulers.watched = id;
    }

    fn scheduler_down(&mut self) -> Result<Option<Down>, WorldError> {
        self.happen();
        Ok(self.schedulers.down())
    }

    fn scheduler_exit(&mut self, id: SchedulerId) -> Option<PayloadExit> {
        self.happen();
        self.schedulers.loader(id).ok()?.exit
    }

    fn take_scheduler_output(&mut self, id: SchedulerId) -> Printed {
        self.happen();
        self.schedulers.take_output(id)
    }

    fn scheduler_remains(&mut self, id: SchedulerId, _until: Duration) -> Remains {
        self.happen();
        self.schedulers.remains(id)
    }

    fn stop_scheduler(&mut self, id: SchedulerId, until: Duration) -> Result<Stopped, WorldError> {
        self.happen();
        let scheduler = self.schedulers.loader(id)?.name.clone();
        let from = self.now;
        if self.schedulers.stays_until_killed(id) {
            self.advance(until);
            self.happen();
        }
        let took = self.now.saturating_sub(from);
        let stopped = self.schedulers.stop(id, took)?;
        self.noted(&Effect::StopScheduler { scheduler });
        Ok(stopped)
    }

    fn pin_map(&mut self, name: &str) -> Result<(), PinError> {
        self.happen();
        let names = self.schedulers.maps();
        if !names.iter().any(|one| one == name) {
            return Err(PinError::NotFound(names));
        }
        let effect = Effect::PinMap {
            map: name.to_owned(),
        };
        self.carry_out(&effect, |world| {
            world.schedulers.pinned.insert(name.to_owned());
            Ok(())
        })?;
        Ok(())
    }

    fn release_maps(&mut self) {
        self.schedulers.pinned.clear();
        self.noted(&Effect::ReleaseMaps);
    }
}
