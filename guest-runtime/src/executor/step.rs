//! One bounded phase: its beginning, its frames, its end.

use std::time::Duration;

use proscenium_wire::{Budget, CpuTime, Event, LogLevel, PhaseStats, StepInfo, StepMark, WideMark};

use super::collect::{cpu_stat, cpu_time_since};
use super::requirements::op_bit;
use super::slot::{Group, Slot};
use super::stage::Stage;
use super::{Error, Result};
use crate::bindings::ops::Op;
use crate::name::clean_line;
use crate::time::nanos;
use crate::verdict::PhaseLabel;

/// Epoch of backdrop workers between steps: what they do then belongs to none.
const BETWEEN_STEPS: u32 = u32::MAX;
/// Longest label of a step, in bytes.
const MAX_LABEL: usize = 128;

/// Which step; never reused within a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepId(u32);

/// The running step.
#[derive(Debug)]
pub(super) struct Step {
    /// From 0.
    pub(super) index: u32,
    pub(super) label: Option<String>,
    pub(super) slot: Slot,
    pub(super) op_count: usize,
    pub(super) op_kinds: u64,
    /// Sent when it became active.
    pub(super) start: Option<StepMark>,
    /// Taken when its last hold ended, with the exact time.
    pub(super) end: Option<(StepMark, Duration)>,
}

impl Step {
    /// Phase number; saturates.
    pub(super) fn phase(&self) -> u16 {
        u16::try_from(self.index.saturating_add(1)).unwrap_or(u16::MAX)
    }

    /// Adds ops to what the step's frames say.
    pub(super) fn declare(&mut self, ops: &[Op]) {
        self.op_count = self.op_count.saturating_add(ops.len());
        self.op_kinds |= ops.iter().fold(0, |kinds, op| kinds | 1_u64 << op_bit(op));
    }
}

/// What the author calls a step, as one bounded line.
pub(super) fn clean_label(label: &str) -> String {
    clean_line(label, MAX_LABEL)
}

impl Stage {
    /// Opens a step.
    ///
    /// # Errors
    /// `invalid` while another is open, `limit-exceeded` beyond the run's
    /// number of steps, `cancelled`, `scheduler-died`.
    pub fn begin(&mut self, label: Option<&str>) -> Result<StepId> {
        let begun = self.begin_step(label, None);
        self.noted(begun)
    }

    pub(super) fn begin_step(
        &mut self,
        label: Option<&str>,
        hold: Option<Duration>,
    ) -> Result<StepId> {
        self.proceed()?;
        if let Some(step) = &self.step {
            return Err(Error::invalid(format!(
                "step {} is still open: finish it before the next begins",
                step.index
            )));
        }
        if self.steps_begun >= self.settings.limits.steps {
            let most = self.settings.limits.steps;
            let message = format!("{most} steps is the most that this run allows");
            return Err(Error::limit(Budget::Steps, message));
        }
        self.frames_left()?;
        self.start();
        self.look()?;
        let index = self.steps_begun;
        self.steps_begun += 1;
        let label = label.map(clean_label);
        let step = Step {
            index,
            label: label.clone(),
            slot: Slot::default(),
            op_count: 0,
            op_kinds: 0,
            start: None,
            end: None,
        };
        self.enter_phase(u32::from(step.phase()));
        self.step = Some(step);
        let hold_ns = hold.map(nanos);
        self.sink.emit(Event::StepInfo(StepInfo {
            index,
            label,
            hold_ns,
        }));
        Ok(StepId(index))
    }

    /// Refuses a handle of a step that is over.
    pub(super) fn active(&mut self, id: StepId) -> Result<&mut Step> {
        self.proceed()?;
        match &mut self.step {
            Some(step) if step.index == id.0 => Ok(step),
            _ => Err(Error::not_found(format!("step {} is over", id.0))),
        }
    }

    /// Stops, collects and removes what the step made.
    ///
    /// # Errors
    /// `not-found` if it is over already.
    pub fn finish(&mut self, id: StepId) -> Result<()> {
        match self.step.take_if(|step| step.index == id.0) {
            Some(step) => {
                self.end_step(step, true);
                Ok(())
            }
            None => Err(Error::not_found(format!("step {} is over", id.0))),
        }
    }

    /// As [`Self::finish`], for a handle that was dropped. A step that is over
    /// already needs nothing.
    pub fn abandon(&mut self, id: StepId) {
        if let Some(step) = self.step.take_if(|step| step.index == id.0) {
            self.end_step(step, true);
        }
    }

    /// The one way out of a step. `clean`: its end frame may be sent.
    pub(super) fn end_step(&mut self, step: Step, clean: bool) {
        let phase = step.phase();
        let name = PhaseLabel::Step(step.index).text().unwrap_or_default();
        let undisturbed = self.cancelled.is_none() && !self.scheduler_died();
        let end = step.end.filter(|_| clean && undisturbed);
        if let Some((mark, at)) = end {
            self.sink.emit(Event::StepEnd(mark));
            self.last_clean = Some((at, mark.total_iterations));
        }
        if let Some(start) = step.start {
            self.tally.phase(PhaseStats {
                phase,
                name,
                label: step.label.clone(),
                start_ms: u64::from(start.elapsed_ms),
                end_ms: end.map(|(mark, _)| u64::from(mark.elapsed_ms)),
                iterations: end
                    .map(|(mark, _)| mark.total_iterations.saturating_sub(start.total_iterations)),
            });
        }
        self.leave_phase(phase);
        let crews: Vec<_> = step.slot.crews.iter().map(|crew| crew.id).collect();
        self.doom_if_down(&crews);
        self.sink.emit(Event::Pause);
        self.collect_slot(step.slot, Some(phase));
    }

    /// Sends the frames that say that load is now representative.
    pub(super) fn announce(&mut self) {
        if self.step.as_ref().is_none_or(|step| step.start.is_some()) {
            return;
        }
        let (mark, _) = self.mark();
        if let Some(step) = &mut self.step {
            step.start = Some(mark);
        }
        self.sink.emit(Event::StepStart(mark));
        self.sink.emit(Event::Resume);
    }

    /// The running step at this instant: clock and counters read together.
    pub(super) fn mark(&mut self) -> (StepMark, Duration) {
        let total_iterations = self.iterations();
        let elapsed = self.elapsed();
        let step = self.step.as_ref();
        let (mark, saturated) = StepMark::saturating(&WideMark {
            elapsed,
            step_index: step.map(|step| step.index as usize),
            op_count: step.map_or(0, |step| step.op_count),
            op_kinds: step.map_or(0, |step| step.op_kinds),
            cgroup_count: self.slots().map(|slot| slot.groups.len()).sum(),
            worker_count: self.slots().map(Slot::worker_count).sum(),
            handle_count: self.slots().map(|slot| slot.crews.len()).sum(),
            total_iterations,
        });
        if !saturated.is_empty() {
            let message = format!(
                "{} beyond the range of a step frame: capped",
                saturated.join(", ")
            );
            self.say(LogLevel::Warn, message);
        }
        (mark, elapsed)
    }

    /// Backdrop workers file under this phase from now on.
    fn enter_phase(&mut self, epoch: u32) {
        for crew in &self.backdrop.crews {
            self.world.set_epoch(crew.id, epoch);
        }
        self.account_backdrop(|group, now| group.cpu_base = Some(now));
    }

    fn leave_phase(&mut self, phase: u16) {
        for crew in &self.backdrop.crews {
            self.world.set_epoch(crew.id, BETWEEN_STEPS);
        }
        self.account_backdrop(|group, now| {
            if let Some(base) = group.cpu_base.take() {
                group.cpu_phases.push((phase, cpu_time_since(now, base)));
            }
        });
    }

    /// Reads the kernel's accounting of every backdrop cgroup that has workers.
    fn account_backdrop(&mut self, mut note: impl FnMut(&mut Group, CpuTime)) {
        let Self {
            world,
            backdrop,
            mediation,
            ..
        } = self;
        for group in backdrop.groups.iter_mut() {
            if backdrop.crews.iter().any(|crew| crew.key == group.name) {
                mediation.reads += 1;
                if let Some(now) = cpu_stat(world.as_mut(), group.id) {
                    note(group, now);
                }
            }
        }
    }
}
