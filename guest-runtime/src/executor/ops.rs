//! The ops of a step, one after another (section 3 of the semantics).

use proscenium_wire::{Budget, LogLevel, TasksReason};

use super::findings::OpAt;
use super::payload_rules::Origin;
use super::requirements::{of_op, offered};
use super::slot::{Crew, Group, RUNNER};
use super::stage::Stage;
use super::step::StepId;
use super::{Error, Result, lints, moves, resolve};
use crate::bindings::ops::{Op, Placement};
use crate::bindings::types::{Affinity, CpusetSpec};
use crate::cpuset::CpuSet;
use crate::name::quote;
use crate::world::{Controllers, GroupId, Knob};

impl Stage {
    /// Carries ops out in order, up to the first that fails.
    ///
    /// # Errors
    /// Of that op; it names its place in the list and what it is about.
    pub fn apply(&mut self, step: StepId, ops: &[Op]) -> Result<()> {
        // Over all calls: a step that is driven by hand has as many as a planned one.
        let before = self.active(step).map(|step| step.op_count);
        let ready = before.and_then(|before| self.check_op_count(before.saturating_add(ops.len())));
        let ready = ready.and_then(|()| self.active(step).map(|step| step.declare(ops)));
        self.noted(ready)?;
        self.apply_ops(ops)
    }

    pub(super) fn check_op_count(&self, count: usize) -> Result<()> {
        let most = self.settings.limits.ops_per_step;
        if count > most as usize {
            let message =
                format!("{count} ops of one step, or of the backdrop: this run allows {most}");
            return Err(Error::limit(Budget::Ops, message));
        }
        Ok(())
    }

    pub(super) fn apply_ops(&mut self, ops: &[Op]) -> Result<()> {
        self.frames_left()?;
        let done = ops.iter().enumerate().try_for_each(|(index, op)| {
            self.look()?;
            self.findings.op = Some(OpAt::new(index, op));
            let done = self.apply_op(op);
            self.op_noted(index, done)
        });
        done.and(self.open_gates())
    }

    /// Whether an op is allowed, and then whether there is such a thing: what is
    /// denied is not told more.
    pub(super) fn admit_op(&self, op: &Op) -> Result<()> {
        self.permits.op(op)?;
        offered(op)
    }

    fn apply_op(&mut self, op: &Op) -> Result<()> {
        self.admit_op(op)?;
        // Every other op may be about workers that run.
        if !matches!(op, Op::AddCgroup(_) | Op::AddCgroupDef(_) | Op::Spawn(_)) {
            self.open_gates()?;
        }
        self.enable(of_op(op))?;
        match op {
            Op::AddCgroup(name) => self.add_group(name).map(drop),
            Op::AddCgroupDef(def) => self.apply_def(def),
            Op::RemoveCgroup(name) => self.remove_group(name),
            Op::SetCpuset(set) => self.set_cpuset(&set.cgroup, &set.cpus),
            Op::ClearCpuset(name) => self.put_cpuset(name, None),
            Op::SwapCpusets(swap) => self.swap_cpusets(&swap.a, &swap.b),
            Op::Spawn(spawn) => match &spawn.placement {
                Placement::Runner => self.spawn(None, &spawn.work),
                Placement::Cgroup(name) => self.spawn(Some(name), &spawn.work),
            },
            Op::StopCgroup(name) => self.stop_group(name),
            Op::SetAffinity(set) => self.set_affinity(&set.cgroup, &set.affinity),
            Op::MoveAllTasks(tasks) => self.move_all(&tasks.from, &tasks.to).map(drop),
            Op::RunPayload(run) => self.run_payload(run, Origin::Op).map(drop),
            Op::WaitPayload(which) => {
                let payload = self.find_payload(which)?;
                self.wait_payload(payload, None).map(drop)
            }
            Op::KillPayload(which) => {
                let payload = self.find_payload(which)?;
                self.kill_payload(payload).map(drop)
            }
            Op::FreezeCgroup(name) => self.set_frozen(name, true),
            Op::UnfreezeCgroup(name) => self.set_frozen(name, false),
            Op::AttachScheduler(name) => self.attach(name),
            Op::DetachScheduler => self.detach(),
            Op::RestartScheduler => self.restart(),
            Op::ReplaceScheduler(name) => self.replace(name),
            Op::PinBpfMap(name) => self.pin(name),
            Op::CaptureCgroupProcs(capture) => self.capture_procs(capture),
            Op::SteerIrq(steer) => self.steer_irq(steer),
            other => offered(other),
        }
    }

    pub(super) fn set_cpuset(&mut self, name: &str, spec: &CpusetSpec) -> Result<()> {
        self.group(name)?;
        let cpus = self.op_cpuset(name, spec)?;
        self.put_cpuset(name, Some(cpus))
    }

    /// The CPUs that a change of a cgroup's cpuset means; never none.
    pub(super) fn op_cpuset(&self, name: &str, spec: &CpusetSpec) -> Result<CpuSet> {
        let cpus = resolve::cpuset(spec, self.machine())?;
        if cpus.is_empty() {
            return Err(Error::invalid(format!(
                "cpuset of cgroup {}: {} resolves to no CPU",
                quote(name),
                resolve::words(spec)
            ))
            .remedy("widen it, or use clear-cpuset to lift it"));
        }
        Ok(cpus)
    }

    fn swap_cpusets(&mut self, a: &str, b: &str) -> Result<()> {
        let (set_a, set_b) = (self.group(a)?.cpuset.clone(), self.group(b)?.cpuset.clone());
        self.put_cpuset(a, set_b)?;
        self.put_cpuset(b, set_a)
    }

    /// Ends a cgroup's payloads, stops and collects its workers; their figures
    /// are kept.
    pub(super) fn stop_group(&mut self, name: &str) -> Result<()> {
        self.group(name)?;
        self.drain_group(name);
        self.thaw(name);
        if let Some(step) = &mut self.step {
            let (crews, phase) = (step.slot.take_crews(name), step.phase());
            self.collect_crews(&crews, Some(phase));
        }
        // What the backdrop's did in earlier steps is not this one's.
        let crews = self.backdrop.take_crews(name);
        self.collect_crews(&crews, None);
        let group = self.group(name)?;
        let (id, hosted_payload) = (group.id, group.hosted_payload);
        self.sweep(id, hosted_payload);
        Ok(())
    }

    /// Stops what runs in a cgroup, then removes it.
    pub(super) fn remove_group(&mut self, name: &str) -> Result<()> {
        self.group(name)?;
        if self.has_children(name) {
            return Err(Error::has_children(name));
        }
        let id = self.group(name)?.id;
        let reaching = |crew: &&Crew| crew.key != name && crew.reaches.contains(&id);
        if let Some(crew) = self.slots().flat_map(|slot| &slot.crews).find(reaching) {
            return Err(Error::invalid(format!(
                "cgroup {} is where {} workers of cgroup {} go by themselves: stop those first",
                quote(name),
                crew.work(),
                quote(&crew.key)
            )));
        }
        self.stop_group(name)?;
        self.mediation.writes += 1;
        self.world.remove(id)?;
        for slot in self.slots_mut() {
            slot.groups.remove(id);
        }
        Ok(())
    }

    fn set_affinity(&mut self, name: &str, affinity: &Affinity) -> Result<()> {
        let pool = self
            .group(name)?
            .cpuset
            .clone()
            .unwrap_or_else(|| self.machine().cpus.clone());
        let crews: Vec<_> = self
            .slots()
            .flat_map(|slot| &slot.crews)
            .filter(|crew| crew.key == name)
            .cloned()
            .collect();
        if crews.is_empty() {
            let message = format!("set-affinity: cgroup {} has no workers", quote(name));
            self.say(LogLevel::Warn, message);
        }
        for crew in crews {
            for worker in 0..crew.workers() as usize {
                let resolved =
                    resolve::affinity(affinity, &pool, self.world.machine(), &mut self.random)?;
                let Some(cpus) = resolved else { continue };
                if let Err(error) = self.world.set_affinity(crew.id, worker, &cpus) {
                    self.say(
                        LogLevel::Warn,
                        format!("set-affinity: cgroup {}: {error}", quote(name)),
                    );
                }
            }
        }
        Ok(())
    }

    /// Moves all workers of one cgroup to another; says how many. They then
    /// belong to the longer-lived of their slot and the target's.
    pub(super) fn move_all(&mut self, from: &str, to: &str) -> Result<u32> {
        moves::different(from, to)?;
        if from != RUNNER {
            self.group(from)?;
        }
        let target = self.group(to)?.id;
        let to_backdrop = self.is_backdrop(target);
        let from_backdrop = self.backdrop.crews.iter().any(|crew| crew.key == from);
        if from_backdrop && !to_backdrop && self.step.is_some() {
            return Err(moves::from_backdrop(from, to));
        }
        let crews: Vec<_> = self
            .slots()
            .flat_map(|slot| &slot.crews)
            .filter(|crew| crew.key == from)
            .cloned()
            .collect();
        if crews.is_empty() {
            let message = format!(
                "move-all-tasks: no workers in cgroup {}: nothing moved",
                quote(from)
            );
            self.tally.note(message.clone());
            self.say(LogLevel::Warn, message);
            self.lint(lints::nothing_to_move(from));
            return Ok(0);
        }
        if let Some(crew) = crews.iter().find(|crew| !crew.reaches.is_empty()) {
            return Err(Error::invalid(format!(
                "move-all-tasks: {} workers of cgroup {} go where they were told by themselves: stop them, and start them there",
                crew.work(),
                quote(from)
            )));
        }
        self.clear_subtree_control(to);
        let moved = self.migrate_all(&crews, from, target)?;
        self.rekey(&crews, to, to_backdrop);
        for crew in &crews {
            let from = from.to_owned();
            self.tell_crew(crew.id, to, TasksReason::Moved { from });
        }
        Ok(moved)
    }

    fn migrate_all(&mut self, crews: &[Crew], from: &str, target: GroupId) -> Result<u32> {
        let (mut moved, mut gone) = (0, 0);
        for crew in crews {
            self.mediation.writes += u64::from(crew.workers());
            let done = self.world.migrate(crew.id, target)?;
            moved += done.moved;
            gone += done.gone;
        }
        if moved == 0 {
            return Err(Error::not_found(format!(
                "move-all-tasks: all {gone} workers of cgroup {} are gone",
                quote(from)
            )));
        }
        Ok(moved)
    }

    /// A cgroup with enabled children cannot take tasks. Failing is only worth
    /// a warning: the move itself tells.
    fn clear_subtree_control(&mut self, name: &str) {
        if self.enabled.is_empty() || !self.has_children(name) {
            return;
        }
        let text: Vec<String> = self
            .enabled
            .names()
            .map(|name| format!("-{name}"))
            .collect();
        let id = self.find(name).map(|group| group.id);
        if let Some(Err(error)) = id.map(|id| self.write(id, Knob::SubtreeControl, &text.join(" ")))
        {
            self.say(LogLevel::Warn, format!("move-all-tasks: {error}"));
        }
    }

    fn rekey(&mut self, moved: &[Crew], to: &str, to_backdrop: bool) {
        let is_moved = |crew: &Crew| moved.iter().any(|one| one.id == crew.id);
        for slot in self.slots_mut() {
            slot.crews
                .iter_mut()
                .filter(|c| is_moved(c))
                .for_each(|c| to.clone_into(&mut c.key));
        }
        let epoch = self.epoch();
        if let Some(step) = self.step.as_mut().filter(|_| to_backdrop) {
            // They outlive the step now, so they file under its phase.
            let (promoted, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut step.slot.crews)
                .into_iter()
                .partition(is_moved);
            step.slot.crews = kept;
            for crew in promoted {
                self.world.set_epoch(crew.id, epoch);
                self.backdrop.crews.push(crew);
            }
        }
    }

    /// Freezes or thaws. Needs no controller.
    pub(super) fn set_frozen(&mut self, name: &str, frozen: bool) -> Result<()> {
        let id = self.group(name)?.id;
        let text = if frozen { "1" } else { "0" };
        self.write(id, Knob::Freeze, text).map_err(|error| {
            error.context(format!(
                "{} cgroup {}",
                if frozen { "freezing" } else { "thawing" },
                quote(name)
            ))
        })?;
        self.group_mut(name)?.frozen = frozen;
        Ok(())
    }

    /// Thaws a cgroup and those above it that were frozen here: a frozen
    /// worker cannot take its stop signal. Failure is only a warning.
    pub(super) fn thaw(&mut self, name: &str) {
        let frozen: Vec<String> = self
            .slots()
            .flat_map(|slot| &slot.groups)
            .filter(|group: &&Group| group.frozen && is_or_above(&group.name, name))
            .map(|group| group.name.clone())
            .collect();
        for name in frozen {
            if let Err(error) = self.set_frozen(&name, false) {
                self.say(LogLevel::Warn, error.to_string());
            }
        }
    }

    /// Controllers for a change by handle.
    #[inline]
    pub(super) fn enable_for(&mut self, controllers: Controllers) -> Result<()> {
        self.proceed()?;
        if self.enabled.contains(controllers) {
            return Ok(());
        }
        self.enable(controllers)
    }
}

fn is_or_above(ancestor: &str, name: &str) -> bool {
    name.strip_prefix(ancestor)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
