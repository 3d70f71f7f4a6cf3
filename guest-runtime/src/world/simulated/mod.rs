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
mod fate;
mod gateway;
mod interrupts;
mod load;
mod payload;
mod rehearse;
mod scheduler;
mod stalls;
mod tasks;
mod tree;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    Controllers, CrewId, GroupId, PayloadId, RootHits, SchedulerId, StallReport, Wake, WorldError,
};
use crate::machine::Machine;

pub use effect::{Effect, EffectLog};
pub use fate::{Death, Fate};
pub use payload::Script;
pub use rehearse::Rehearse;
pub use scheduler::{Loading, SchedulerScript};

use cancel::Cancel;
use crew::{Crew, gone};
use payload::Payload;
use scheduler::Schedulers;
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
    schedulers: Schedulers,
    /// Processes that payloads left behind, by cgroup.
    strays: Vec<(GroupId, u32)>,
    next_pid: u32,
    controllers: Controllers,
    log: EffectLog,
    cancel: Cancel,
    rehearsal: Option<Box<dyn Rehearse>>,
    stalls: Vec<StallReport>,
    hits: RootHits,
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
            schedulers: Schedulers::default(),
            strays: Vec::new(),
            next_pid: 1_000,
            controllers: Controllers::all(),
            log: EffectLog::default(),
            cancel: Cancel::default(),
            rehearsal: None,
            stalls: Vec::new(),
            hits: RootHits::default(),
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

    /// Lets time pass until something happens that ends the wait: the watched
    /// scheduler is down, the run is cancelled, or anything about schedulers
    /// if `awaited` is one.
    fn pass(&mut self, until: Duration, awaited: Option<SchedulerId>) -> Option<Wake> {
        loop {
            self.happen();
            if let Some(down) = self.schedulers.down() {
                return Some(Wake::SchedulerDown(down));
            }
            let next = self.schedulers.next().filter(|at| *at <= until);
            let to = next.unwrap_or(until);
            if let Some((at, reason)) = self.cancel.within(self.now, to) {
                self.advance(at);
                return Some(Wake::Cancelled(reason));
            }
            self.advance(to);
            next?;
            if awaited.is_some() {
                self.happen();
                return Some(Wake::Scheduler);
            }
        }
    }

    /// What is due by now happens to schedulers.
    fn happen(&mut self) {
        self.schedulers.happen(self.now);
    }

    /// Logs a wait, or fails it as a test asked for.
    fn begin_wait(&mut self, until: Duration) -> Result<(), WorldError> {
        let effect = Effect::Wait { until };
        if let Some(errno) = self.log.fault(&effect) {
            let what = "wait on the simulated clock".to_owned();
            return Err(WorldError::Environment { what, errno });
        }
        self.noted(&effect);
        Ok(())
    }

    /// Logs an effect; a scheduler may be meant to die of it.
    fn noted(&mut self, effect: &Effect) {
        self.log.note(effect);
        self.schedulers.fate.observe(effect);
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
        self.noted(effect);
        Ok(done)
    }
}
