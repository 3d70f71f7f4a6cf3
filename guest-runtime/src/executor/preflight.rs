//! What can be known about a plan before anything is done: holds, limits,
//! names and their lifetimes, sets, work and its groups, controllers.
//!
//! Walks the plan with the names that would be alive at each point, to its end
//! whatever is wrong on the way, and collects everything. Touches nothing; the
//! executor checks again whatever depends on what really happened.

use std::time::Duration;

use proscenium_wire::{Budget, Finding};

use super::findings::{OpAt, Place};
use super::lifetimes::Lifetimes;
use super::limits::{self, Extent};
use super::payload_rules::{Origin, admit, of_definition};
use super::preflight_payloads::Payloads;
use super::requirements::{lacking, of_def, of_op, offered};
use super::scheduler_rules::Attached;
use super::stage::Stage;
use super::step::clean_label;
use super::unmet::Seen;
use super::{Error, Result, evidence, hold, interrupts, lints, resolve};
use crate::bindings::ops::Op;
use crate::bindings::stage::{Backdrop, StepPlan};
use crate::bindings::types::{CgroupDef, HoldSpec, PayloadRun};
use crate::cpuset::CpuSet;
use crate::name::quote;
use crate::world::{Controllers, ExtState};

/// What rounding may take from a hold.
const ROUNDING: Duration = Duration::from_millis(1);

/// Checks a whole plan and tells everything that is found.
///
/// # Errors
/// The first thing that cannot work, with the place it stands in, and how many
/// there are.
pub(super) fn check(stage: &mut Stage, backdrop: &Backdrop, steps: &[StepPlan]) -> Result<()> {
    let most = stage.settings.limits.steps;
    if steps.len() > most as usize {
        let message = format!("{} steps: this run allows {most}", steps.len());
        let error = Error::limit(Budget::Steps, message);
        return stage.noted(Err(error));
    }
    let kernel = stage.sched_ext().state;
    let mut walk = Walk::new(stage, kernel);
    walk.backdrop(backdrop);
    for (index, step) in steps.iter().enumerate() {
        walk.step(index, step);
    }
    let Walk {
        found,
        left_out,
        errors,
        first,
        first_denied,
        seen,
        ..
    } = walk;
    for finding in found {
        stage.tell(finding);
    }
    stage.findings.left_out += left_out;
    stage.findings.seen.join(seen);
    // That something was denied is what is to be on record.
    let error = match (first_denied, first) {
        (_, None) => return Ok(()),
        (Some(error), _) | (None, Some(error)) if errors == 1 => error,
        (Some(error), _) => error.context(format!("{errors} errors, the first that is denied")),
        (None, Some(error)) => error.context(format!("{errors} errors, the first")),
    };
    stage.told_already(&error);
    Err(error)
}

pub(super) struct Walk<'a> {
    pub(super) stage: &'a Stage,
    pub(super) names: Lifetimes<'a>,
    payloads: Payloads,
    scheduler: Attached<'a>,
    pub(super) place: Place,
    /// Scenario time that the steps so far hold.
    held: Duration,
    /// In a repeating step: 1, and 2 for the second time round.
    pub(super) round: u32,
    pub(super) found: Vec<Finding>,
    pub(super) left_out: u64,
    pub(super) errors: usize,
    pub(super) first: Option<Error>,
    pub(super) first_denied: Option<Error>,
    pub(super) seen: Seen,
}

impl<'a> Walk<'a> {
    fn new(stage: &'a Stage, kernel: ExtState) -> Self {
        let declared = stage.declared_schedulers();
        Self {
            stage,
            names: Lifetimes::new(stage.settings.limits.cgroups),
            payloads: Payloads::default(),
            scheduler: Attached::new(declared, kernel, stage.scheduler()),
            place: Place::default(),
            held: Duration::ZERO,
            round: 0,
            found: Vec::new(),
            left_out: 0,
            errors: 0,
            first: None,
            first_denied: None,
            seen: Seen::default(),
        }
    }

    fn backdrop(&mut self, backdrop: &'a Backdrop) {
        self.defs(&backdrop.cgroups);
        self.ops(&backdrop.ops);
        for run in &backdrop.payloads {
            let started = self.payload(run, Origin::Backdrop);
            self.note(started);
        }
    }

    fn step(&mut self, index: usize, plan: &'a StepPlan) {
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        self.place.step = Some((number, plan.label.as_deref().map(clean_label)));
        self.names.begin_step(index);
        let wanted = self.note(hold::duration(&plan.hold, self.stage.settings.duration));
        let left = self.stage.settings.duration.saturating_sub(self.held);
        if let HoldSpec::Repeat(interval) = plan.hold {
            self.defs(&plan.setup);
            self.repeat(&plan.ops, left, Duration::from_nanos(interval));
            self.held += left;
        } else {
            self.names.coming = &plan.setup;
            self.ops(&plan.ops);
            self.names.coming = &[];
            self.defs(&plan.setup);
            let wanted = wanted.flatten().unwrap_or_default();
            if let Some(lint) = lints::clipped_hold(&plan.hold, wanted, left, ROUNDING) {
                self.lint(lint);
            }
            self.held += wanted.min(left);
        }
        self.payloads.step.clear();
        self.names.end_step(index);
    }

    /// Twice, if there is time for it: what works once need not work again.
    fn repeat(&mut self, ops: &'a [Op], left: Duration, interval: Duration) {
        if left.is_zero() {
            self.lint(lints::never_repeats());
        }
        let before = self.errors;
        self.round = 1;
        self.ops(ops);
        if self.errors == before && interval < left {
            self.round = 2;
            self.ops(ops);
        }
        self.round = 0;
    }

    fn defs(&mut self, defs: &'a [CgroupDef]) {
        for def in defs {
            self.def(def);
        }
    }

    fn ops(&mut self, ops: &'a [Op]) {
        if self.note(self.stage.check_op_count(ops.len())).is_none() {
            return;
        }
        for (index, op) in ops.iter().enumerate() {
            self.place.op = Some(OpAt::new(index, op));
            self.op(op);
        }
        self.place.op = None;
    }

    fn controllers(&mut self, needed: Controllers) {
        self.note(self.stage.permits.controllers(needed));
        self.note(lacking(needed, self.stage.world.as_ref()));
    }

    fn def(&mut self, def: &CgroupDef) {
        let locate = |error: Error| error.context(format!("cgroup {}", quote(&def.name)));
        self.controllers(of_def(def));
        // Everything else in the definition is looked at all the same.
        let added = self.names.add(&def.name);
        self.note(added);
        if let Some(spec) = &def.cpuset {
            let cpus = self.stage.definition_cpuset(def, spec).map_err(locate);
            if let Some(cpus) = self.note(cpus) {
                self.record(&def.name, Some(cpus));
            }
        }
        if let Some(nodes) = &def.cpuset_mems {
            let nodes = self.note(self.stage.existing_nodes(nodes).map_err(locate));
            if let Ok(group) = self.names.known_mut(&def.name) {
                group.mems = nodes;
            }
        }
        if let Some(cpu) = &def.cpu {
            self.note(limits::cpu(cpu, Extent::Definition).map_err(locate));
            let scheduler = self.scheduler.name.as_deref();
            if let Some(lint) = lints::doubtful_cap(&def.name, cpu, scheduler) {
                self.lint(lint);
            }
        }
        if let Some(weight) = def.io_weight {
            self.note(limits::io_weight(weight).map_err(locate));
        }
        if let Some(max) = def.pids_max {
            self.note(limits::pids_max(max).map_err(locate));
        }
        self.def_work(def);
        let started = match of_definition(def) {
            Ok(Some(run)) => self.payload(&run, Origin::Definition),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        self.note(started.map_err(locate));
    }

    fn op(&mut self, op: &'a Op) {
        if self.round > 0 && matches!(op, Op::CaptureSnapshot(_)) {
            self.note::<()>(Err(Error::invalid(
                "a snapshot cannot be captured in a step that repeats its ops",
            )
            .remedy("capture in a step of its own")));
        }
        if self.note(self.stage.admit_op(op)).is_none() {
            return;
        }
        match op {
            Op::AddCgroupDef(def) => return self.def(def),
            Op::Spawn(spawn) => return self.spawn(&spawn.placement, &spawn.work),
            _ => self.controllers(of_op(op)),
        }
        let done = match op {
            Op::AddCgroup(name) => self.names.add(name),
            Op::RemoveCgroup(name) => {
                self.payloads.drain(name);
                self.names.remove(name)
            }
            Op::StopCgroup(name) => {
                self.payloads.drain(name);
                self.names.stop(name)
            }
            Op::RunPayload(run) => self.payload(run, Origin::Op),
            Op::WaitPayload(which) | Op::KillPayload(which) => self.payloads.take(which),
            Op::SetCpuset(set) => self.known(&set.cgroup).and_then(|()| {
                let cpus = self.stage.op_cpuset(&set.cgroup, &set.cpus)?;
                self.record(&set.cgroup, Some(cpus));
                Ok(())
            }),
            Op::ClearCpuset(name) => self.known(name).map(|()| self.record(name, None)),
            Op::SwapCpusets(swap) => self.swap(&swap.a, &swap.b),
            Op::SetAffinity(set) => self.known(&set.cgroup).and_then(|()| {
                let cpuset = self.cpuset_of(&set.cgroup);
                let machine = self.stage.machine();
                let pool = cpuset.unwrap_or(&machine.cpus);
                resolve::affinity(&set.affinity, pool, machine, &mut draws()).map(drop)
            }),
            Op::MoveAllTasks(tasks) => match self.names.move_all(&tasks.from, &tasks.to) {
                Ok(false) => {
                    self.lint(lints::nothing_to_move(&tasks.from));
                    Ok(())
                }
                moved => moved.map(drop),
            },
            Op::FreezeCgroup(name) | Op::UnfreezeCgroup(name) => self.known(name),
            Op::CaptureCgroupProcs(capture) => {
                evidence::tag(capture).and_then(|_| self.known(&capture.cgroup))
            }
            Op::AttachScheduler(_)
            | Op::DetachScheduler
            | Op::RestartScheduler
            | Op::ReplaceScheduler(_)
            | Op::PinBpfMap(_) => self.scheduler.op(op),
            Op::SteerIrq(steer) => interrupts::check(steer, self.stage.machine()),
            other => offered(other),
        };
        self.note(done);
    }

    pub(super) fn known(&self, name: &str) -> Result<()> {
        self.names.known(name).map(drop)
    }

    fn payload(&mut self, run: &PayloadRun, origin: Origin) -> Result<()> {
        let stage = self.stage;
        admit(&stage.settings.payloads, &stage.permits, run, origin)?;
        if let Some(cgroup) = &run.cgroup {
            self.known(cgroup)?;
        }
        self.payloads.add(run, origin, self.place.step.is_some())
    }

    fn swap(&mut self, a: &str, b: &str) -> Result<()> {
        let set_a = self.names.known(a)?.cpuset.clone();
        let set_b = self.names.known(b)?.cpuset.clone();
        self.record(a, set_b);
        self.record(b, set_a);
        Ok(())
    }

    fn record(&mut self, name: &str, cpus: Option<CpuSet>) {
        if cpus.is_some() {
            self.seen.cpuset();
        }
        if let Ok(group) = self.names.known_mut(name) {
            group.cpuset = cpus;
        }
    }

    fn cpuset_of(&self, name: &str) -> Option<&CpuSet> {
        self.names.get(name)?.cpuset.as_ref()
    }
}

/// Draws that do not disturb the run's own.
pub(super) fn draws() -> fastrand::Rng {
    fastrand::Rng::with_seed(0)
}
