//! Whether the scheduler under test still lives, and what is done once it does
//! not (sections 4.1 and 5 of the semantics).
//!
//! Every wait of the world ends when the watched scheduler is down; between
//! ops, between steps and at the end the stage looks by itself. A death is
//! noticed once. From then on nothing is begun any more: the workers are
//! killed, for without their scheduler they would compete with whoever reaps
//! them, the scenario is torn down as ever, and the verdict says when and why.

use std::time::Duration;

use proscenium_wire::{DetailKind, LogLevel, Outcome, SchedulerChange, SchedulerExit};

use super::obituary::{self, Moment, account, why};
use super::stage::Stage;
use super::{Error, Result};
use crate::bindings::stage::SchedulerExit as ContractExit;
use crate::bindings::types::ErrorCode;
use crate::name::quote;
use crate::verdict::PhaseLabel;
use crate::world::{CrewId, Down};

/// How long the kernel may take to say all and to get back to its own scheduler.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A death that was noticed.
#[derive(Debug)]
pub(super) struct Death {
    kind: SchedulerExit,
    /// One line for the verdict.
    account: String,
    /// One line for the scenario.
    answer: String,
    label: PhaseLabel,
    /// It stands in the verdict.
    recorded: bool,
}

impl Stage {
    /// Refuses to go on if the scheduler is down; without one there is nothing
    /// to ask.
    ///
    /// # Errors
    /// `scheduler-died`.
    pub(super) fn look(&mut self) -> Result<()> {
        if self.schedulers.live.is_some()
            && let Some(down) = self.world.scheduler_down()?
        {
            self.bury(&down);
        }
        self.undisturbed()
    }

    /// Refuses to go on after a death.
    #[inline]
    pub(super) fn undisturbed(&self) -> Result<()> {
        match &self.schedulers.death {
            None => Ok(()),
            Some(death) => {
                Err(Error::new(ErrorCode::SchedulerDied, death.answer.as_str())
                    .remedy("return soon"))
            }
        }
    }

    /// Whether the scheduler under test went without being asked.
    #[must_use]
    pub fn scheduler_died(&self) -> bool {
        self.schedulers.death.is_some()
    }

    /// What a hold says, if that is why it ended.
    pub(super) fn death_of(&self, error: &Error) -> Option<ContractExit> {
        let death = self.schedulers.death.as_ref()?;
        (error.code() == Some(ErrorCode::SchedulerDied)).then_some(match death.kind {
            SchedulerExit::Crashed => ContractExit::Crashed,
            SchedulerExit::ExitedCleanly => ContractExit::ExitedCleanly,
            SchedulerExit::Unknown => ContractExit::Unknown,
        })
    }

    /// Takes note of a death: kills, then finds out, then tells.
    pub(super) fn bury(&mut self, down: &Down) {
        let Some(mut running) = self.schedulers.live.take() else {
            return;
        };
        let at = self.so_far();
        self.doom(&[]);
        self.world.watch_scheduler(None);
        self.mediation.waits += 1;
        let until = self.world.now() + LAST_WORDS;
        let remains = self.world.scheduler_remains(running.id, until);
        self.drain_log(&mut running);
        let obituary = obituary::write(down, remains);
        let moment = self.moment();
        let name = running.name.clone();
        self.schedulers.death = Some(Death {
            kind: obituary.kind,
            account: account(&name, moment, at.as_secs_f64(), &obituary, down),
            answer: format!(
                "scheduler {} is gone: {}",
                quote(&name),
                why(&obituary, down)
            ),
            label: self.phase_label(),
            recorded: false,
        });
        self.tell_scheduler(running.start, &name, SchedulerChange::Died(obituary));
        self.schedulers.remains = Some(running);
    }

    fn moment(&self) -> Moment {
        match &self.step {
            Some(step) => Moment::Workload(step.index),
            None if self.finishing => Moment::End(self.steps_begun),
            None => Moment::Between {
                completed: self.steps_begun,
                total: self.planned_steps,
            },
        }
    }

    /// Before anything is reaped: kills all workers if the scheduler is down.
    /// `ending` are those of a step that is no longer on the stage. What that
    /// means for the verdict is left to the next look.
    pub(super) fn doom_if_down(&mut self, ending: &[CrewId]) {
        if self.schedulers.live.is_some() && matches!(self.world.scheduler_down(), Ok(Some(_))) {
            self.doom(ending);
        }
    }

    fn doom(&mut self, ending: &[CrewId]) {
        if std::mem::replace(&mut self.schedulers.doomed, true) {
            return;
        }
        let staged = self.slots().flat_map(|slot| &slot.crews);
        let crews: Vec<CrewId> = staged
            .map(|crew| crew.id)
            .chain(ending.iter().copied())
            .collect();
        if !crews.is_empty() {
            self.world.kill(&crews);
            self.tally.note(
                "the workers were killed when the scheduler died: their figures are those until then"
                    .to_owned(),
            );
        }
    }

    /// The end of all scheduling: looks once more, lets no scheduler stay, and
    /// puts a death on record. `outranked`: something else is the reason why
    /// the scenario failed, and this only adds to it.
    pub(super) fn conclude_schedulers(&mut self, outranked: bool) {
        self.look_last();
        if !self.dismiss_schedulers() {
            self.record(
                DetailKind::Other,
                Outcome::Fail,
                "the kernel did not get back to its own scheduler".to_owned(),
            );
        }
        let Some(death) = self
            .schedulers
            .death
            .as_mut()
            .filter(|death| !death.recorded)
        else {
            return;
        };
        death.recorded = true;
        let (account, label) = (death.account.clone(), death.label);
        let kind = match death.kind {
            SchedulerExit::Crashed => DetailKind::SchedulerCrashed,
            SchedulerExit::ExitedCleanly => DetailKind::SchedulerExitedCleanly,
            SchedulerExit::Unknown => DetailKind::SchedulerDiedUnknownReason,
        };
        if outranked {
            self.tally.note(account);
        } else {
            self.record_in(label, kind, Outcome::Fail, account);
        }
    }

    /// As [`Self::look`], where nothing can be refused any more.
    pub(super) fn look_last(&mut self) {
        match self.look() {
            Err(Error::Fault(fault)) => self.say(LogLevel::Warn, fault.to_string()),
            Ok(()) | Err(Error::Refused(_)) => {}
        }
    }
}
