//! What can be known about a plan before anything is done: holds, limits,
//! names and their lifetimes, sets, work and its groups, controllers.
//!
//! Walks the plan with the names that would be alive at each point. Touches
//! nothing; the executor checks again whatever depends on what really happened.

use std::collections::BTreeMap;

use super::crew::{self, Place};
use super::limits::{self, Extent};
use super::payload_rules::{Origin, admit, check_backdrop, of_definition};
use super::preflight_payloads::Payloads;
use super::requirements::{of_plan, offered};
use super::slot::RUNNER;
use super::stage::Stage;
use super::{Error, Result, evidence, hold, interrupts, resolve};
use crate::bindings::ops::{Op, Placement};
use crate::bindings::stage::{Backdrop, StepPlan};
use crate::bindings::types::{CgroupDef, HoldSpec, PayloadRun, WorkSpec};
use crate::cpuset::CpuSet;
use crate::name::{components, quote};

/// Checks a whole plan.
///
/// # Errors
/// The first thing that cannot work, with the place it stands in.
pub(super) fn check(stage: &Stage, backdrop: &Backdrop, steps: &[StepPlan]) -> Result<()> {
    let limits = &stage.settings.limits;
    if steps.len() > limits.steps as usize {
        return Err(Error::limit(format!(
            "{} steps: this run allows {}",
            steps.len(),
            limits.steps
        )));
    }
    for (index, step) in steps.iter().enumerate() {
        let at = |error: Error| error.context(format!("step {index}"));
        hold::duration(&step.hold, stage.settings.duration).map_err(at)?;
        stage.check_op_count(step.ops.len()).map_err(at)?;
    }
    check_backdrop(&stage.settings.payloads, backdrop)
        .map_err(|error| error.context("backdrop"))?;
    let absent = of_plan(backdrop, steps) - stage.world.controllers();
    if !absent.is_empty() {
        return Err(Error::unavailable(format!(
            "the plan needs controllers {absent}, which are not available: {}",
            stage.world.absent_controllers()
        )));
    }
    let mut walk = Walk {
        stage,
        alive: BTreeMap::new(),
        payloads: Payloads::default(),
        ended: BTreeMap::new(),
        coming: &[],
        step: None,
    };
    let at = |error: Error| error.context("backdrop");
    backdrop
        .cgroups
        .iter()
        .try_for_each(|def| walk.def(def))
        .map_err(at)?;
    walk.ops(&backdrop.ops).map_err(at)?;
    backdrop
        .payloads
        .iter()
        .try_for_each(|run| walk.payload(run, Origin::Backdrop))
        .map_err(at)?;
    for (index, step) in steps.iter().enumerate() {
        walk.step(index, step)
            .map_err(|error| error.context(format!("step {index}")))?;
    }
    Ok(())
}

/// A cgroup that would be alive.
#[derive(Clone, Debug, Default)]
struct Alive {
    /// Step that owns it; `None`: the backdrop.
    owner: Option<usize>,
    cpuset: Option<CpuSet>,
    mems: Option<CpuSet>,
}

struct Walk<'a> {
    stage: &'a Stage,
    alive: BTreeMap<String, Alive>,
    payloads: Payloads,
    /// Names that a step had and took with it.
    ended: BTreeMap<String, usize>,
    /// What this step's setup will make after its ops.
    coming: &'a [CgroupDef],
    step: Option<usize>,
}

impl<'a> Walk<'a> {
    fn step(&mut self, index: usize, plan: &'a StepPlan) -> Result<()> {
        self.step = Some(index);
        if matches!(plan.hold, HoldSpec::Repeat(_)) {
            self.defs(&plan.setup)?;
            self.ops(&plan.ops)?;
        } else {
            self.coming = &plan.setup;
            self.ops(&plan.ops)?;
            self.coming = &[];
            self.defs(&plan.setup)?;
        }
        self.payloads.step.clear();
        let ended = &mut self.ended;
        self.alive.retain(|name, group| {
            let stays = group.owner.is_none();
            if !stays {
                ended.insert(name.clone(), index);
            }
            stays
        });
        Ok(())
    }

    fn defs(&mut self, defs: &[CgroupDef]) -> Result<()> {
        defs.iter().try_for_each(|def| self.def(def))
    }

    fn ops(&mut self, ops: &[Op]) -> Result<()> {
        for (index, op) in ops.iter().enumerate() {
            self.op(op)
                .map_err(|error| error.context(format!("op {index}")))?;
        }
        Ok(())
    }

    fn def(&mut self, def: &CgroupDef) -> Result<()> {
        let payload = of_definition(def)?;
        self.add(&def.name)?;
        let locate = |error: Error| error.context(format!("cgroup {}", quote(&def.name)));
        if let Some(spec) = &def.cpuset {
            let cpus = resolve::cpuset(spec, self.stage.machine()).map_err(locate)?;
            self.record(&def.name, Some(cpus));
        }
        if let Some(nodes) = &def.cpuset_mems {
            let nodes = self.stage.existing_nodes(nodes).map_err(locate)?;
            if let Some(group) = self.alive.get_mut(&def.name) {
                group.mems = Some(nodes);
            }
        }
        if let Some(cpu) = &def.cpu {
            limits::cpu(cpu, Extent::Definition).map_err(locate)?;
        }
        if let Some(weight) = def.io_weight {
            limits::io_weight(weight).map_err(locate)?;
        }
        if let Some(max) = def.pids_max {
            limits::pids_max(max).map_err(locate)?;
        }
        def.work
            .iter()
            .try_for_each(|work| self.work(Some(&def.name), work))?;
        payload.map_or(Ok(()), |run| self.payload(&run, Origin::Definition))
    }

    fn op(&mut self, op: &Op) -> Result<()> {
        offered(op)?;
        match op {
            Op::AddCgroup(name) => self.add(name),
            Op::AddCgroupDef(def) => self.def(def),
            Op::RemoveCgroup(name) => {
                self.known(name)?;
                self.payloads.drain(name);
                self.alive.remove(name);
                Ok(())
            }
            Op::SetCpuset(set) => {
                self.known(&set.cgroup)?;
                let cpus = resolve::cpuset(&set.cpus, self.stage.machine())?;
                self.record(&set.cgroup, Some(cpus));
                Ok(())
            }
            Op::ClearCpuset(name) => {
                self.known(name)?;
                self.record(name, None);
                Ok(())
            }
            Op::SwapCpusets(swap) => {
                let a = self.known(&swap.a)?.cpuset.clone();
                let b = self.known(&swap.b)?.cpuset.clone();
                self.record(&swap.a, b);
                self.record(&swap.b, a);
                Ok(())
            }
            Op::Spawn(spawn) => match &spawn.placement {
                Placement::Runner => self.work(None, &spawn.work),
                Placement::Cgroup(name) => {
                    self.known(name)?;
                    self.work(Some(name), &spawn.work)
                }
            },
            Op::StopCgroup(name) => {
                self.known(name)?;
                self.payloads.drain(name);
                Ok(())
            }
            Op::FreezeCgroup(name) | Op::UnfreezeCgroup(name) => self.known(name).map(drop),
            Op::RunPayload(run) => self.payload(run, Origin::Op),
            Op::WaitPayload(which) | Op::KillPayload(which) => self.payloads.take(which),
            Op::SetAffinity(set) => self.known(&set.cgroup).map(drop),
            Op::MoveAllTasks(tasks) => {
                if tasks.from != RUNNER {
                    self.known(&tasks.from)?;
                }
                self.known(&tasks.to).map(drop)
            }
            Op::CaptureCgroupProcs(capture) => {
                evidence::tag(capture)?;
                self.known(&capture.cgroup).map(drop)
            }
            Op::SteerIrq(steer) => interrupts::check(steer, self.stage.machine()),
            other => offered(other),
        }
    }

    fn payload(&mut self, run: &PayloadRun, origin: Origin) -> Result<()> {
        admit(&self.stage.settings.payloads, run, origin)?;
        if let Some(cgroup) = &run.cgroup {
            self.known(cgroup)?;
        }
        self.payloads.add(run, origin, self.step.is_some())
    }

    fn add(&mut self, name: &str) -> Result<()> {
        components(name)?;
        let group = Alive {
            owner: self.step,
            ..Alive::default()
        };
        match self.alive.insert(name.to_owned(), group) {
            None => Ok(()),
            Some(_) => Err(Error::declared_already(name)),
        }
    }

    fn known(&self, name: &str) -> Result<&Alive> {
        if let Some(group) = self.alive.get(name) {
            return Ok(group);
        }
        let name_shown = quote(name);
        Err(Error::not_found(
            if self.coming.iter().any(|def| def.name == name) {
                format!(
                    "cgroup {name_shown} is made by this step's setup, which comes after its ops: declare it \
                 in the backdrop, or with add-cgroup-def earlier in these ops"
                )
            } else if let (Some(ended), Some(step)) = (self.ended.get(name), self.step) {
                format!(
                    "cgroup {name_shown} ended with step {ended}; step {step} has no such cgroup: declare it \
                 in the backdrop to have it in both"
                )
            } else {
                let names: Vec<&str> = self.alive.keys().map(String::as_str).take(20).collect();
                format!("no cgroup {name_shown}: there are {}", names.join(", "))
            },
        ))
    }

    fn record(&mut self, name: &str, cpus: Option<CpuSet>) {
        if let Some(group) = self.alive.get_mut(name) {
            group.cpuset = cpus;
        }
    }

    fn work(&self, name: Option<&str>, work: &WorkSpec) -> Result<()> {
        let group = name.and_then(|name| self.alive.get(name));
        let cpuset = group.and_then(|group| group.cpuset.as_ref());
        if cpuset.is_some_and(CpuSet::is_empty) {
            // The definition's own check tells the three cases apart.
            return Ok(());
        }
        let place = Place {
            group: name,
            cpuset,
            mems: group.and_then(|group| group.mems.as_ref()),
            machine: self.stage.machine(),
            default_workers: self.stage.settings.workers_per_cgroup,
            own: self.stage.own_work(),
        };
        let most = self.stage.settings.limits.workers;
        // Draws must not disturb the run's own.
        let mut random = fastrand::Rng::with_seed(0);
        let plan = crew::plan(work, place, most, 0, &mut random)?;
        crew::directories(&plan.work, name, |name| self.known(name).map(drop)).map(drop)
    }
}
