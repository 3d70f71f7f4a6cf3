//! A world without a kernel: an in-memory cgroup tree that keeps the kernel's
//! rules, workers that share CPUs fairly, and a clock that jumps.
//!
//! Deterministic: the same calls give the same figures. Waits return at once.
//! The figures are plausible, not predictions; latencies are not modelled, so
//! nothing here ever reports a wake sample.

mod accounting;
mod cancel;
mod crew;
mod effect;
mod interrupts;
mod load;
mod payload;
mod rehearse;
mod stalls;
mod tasks;
mod tree;

use std::collections::BTreeMap;
use std::time::Duration;

use nix::errno::Errno;
use proscenium_worker::ExitInfo;

use super::{
    Controllers, CrewId, CrewPlan, CrewReport, GroupId, Interrupt, Knob, Moved, PayloadEnd,
    PayloadId, PayloadPlan, StallReport, Wake, World, WorldError,
};
use crate::cpuset::CpuSet;
use crate::machine::Machine;

pub use effect::{Effect, EffectLog};
pub use payload::Script;
pub use rehearse::Rehearse;

use cancel::Cancel;
use crew::{Crew, gone};
use payload::Payload;
use tree::Tree;

/// See the module.
#[derive(Debug)]
pub struct Simulated {
    machine: Machine,
    now: Duration,
    tree: Tree,
    crews: BTreeMap<CrewId, Crew>,
    next_crew: u32,
    scripts: BTreeMap<String, Script>,
    payloads: BTreeMap<PayloadId, Payload>,
    next_payload: u32,
    /// Processes that payloads left behind, by cgroup.
    strays: Vec<(GroupId, u32)>,
    next_pid: u32,
    controllers: Controllers,
    log: EffectLog,
    cancel: Cancel,
    rehearsal: Option<Box<dyn Rehearse>>,
    stalls: Vec<StallReport>,
    text: String,
}

impl Simulated {
    /// A machine with nothing on it, at time zero.
    #[must_use]
    pub fn new(machine: Machine) -> Self {
        Self {
            tree: Tree::new(machine.cpus.clone()),
            machine,
            now: Duration::ZERO,
            crews: BTreeMap::new(),
            next_crew: 0,
            scripts: BTreeMap::new(),
            payloads: BTreeMap::new(),
            next_payload: 0,
            strays: Vec::new(),
            next_pid: 1_000,
            controllers: Controllers::all(),
            log: EffectLog::default(),
            cancel: Cancel::default(),
            rehearsal: None,
            stalls: Vec::new(),
            text: String::new(),
        }
    }

    /// Logs every effect into `log`, and fails what it says is to fail.
    #[must_use]
    pub fn with_log(mut self, log: EffectLog) -> Self {
        self.log = log;
        self
    }

    /// A kernel that offers only these controllers.
    #[must_use]
    pub fn with_controllers(mut self, controllers: Controllers) -> Self {
        self.controllers = controllers;
        self
    }

    fn advance(&mut self, until: Duration) {
        if let Some(span) = until.checked_sub(self.now).filter(|span| !span.is_zero()) {
            load::advance(&mut self.tree, &mut self.crews, &self.machine, span);
            self.now = until;
        }
    }

    /// Lets time pass; a cancellation on the way comes first.
    fn pass(&mut self, until: Duration) -> Option<Wake> {
        if let Some((at, reason)) = self.cancel.within(self.now, until) {
            self.advance(at);
            return Some(Wake::Cancelled(reason));
        }
        self.advance(until);
        None
    }

    fn crew(&self, id: CrewId) -> Result<&Crew, WorldError> {
        self.crews.get(&id).ok_or_else(|| gone(id))
    }

    /// Carries an effect out and logs it, or fails as a test asked for.
    fn carry_out<T>(
        &mut self,
        effect: &Effect,
        act: impl FnOnce(&mut Self) -> Result<T, WorldError>,
    ) -> Result<T, WorldError> {
        if let Some(errno) = self.log.fault(effect) {
            let what = effect.to_string();
            return Err(WorldError::Kernel { what, errno });
        }
        let done = act(self)?;
        self.log.note(effect);
        Ok(done)
    }
}

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
        self.log.note(&Effect::SetEpoch { crew, epoch });
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
        let pid = *self.crew(crew)?.pids.get(index).ok_or_else(|| gone(crew))?;
        let effect = Effect::SetAffinity {
            pid,
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
                moved: u32::try_from(crew.pids.len()).unwrap_or(u32::MAX),
                gone: 0,
            })
        })
    }

    fn steer_irq(&mut self, irq: &Interrupt, cpu: u32) -> Result<(), WorldError> {
        let number = interrupts::number(irq)?;
        self.carry_out(&Effect::SteerIrq { number, cpu }, |_| Ok(()))
    }

    fn kill(&mut self, crews: &[CrewId]) {
        self.log.note(&Effect::Kill {
            crews: crews.to_vec(),
        });
        for id in crews {
            if let Some(crew) = self.crews.get_mut(id) {
                crew.killed = true;
            }
        }
    }

    fn collect(&mut self, crews: &[CrewId], until: Duration) -> Vec<CrewReport> {
        self.log.note(&Effect::Collect {
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
        let effect = Effect::Wait { until };
        if let Some(errno) = self.log.fault(&effect) {
            let what = "wait on the simulated clock".to_owned();
            return Err(WorldError::Environment { what, errno });
        }
        self.log.note(&effect);
        Ok(self.pass(until).unwrap_or(Wake::Elapsed))
    }

    fn start_payload(
        &mut self,
        group: Option<GroupId>,
        plan: &PayloadPlan,
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
        self.log.note(&Effect::Wait { until });
        let ends = self.payload(payload)?.ends();
        let until_end = ends.filter(|ends| *ends <= until);
        let woken = self.pass(until_end.unwrap_or(until));
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
}
