//! The stage itself: what it holds, how things are looked up on it, how it
//! speaks, and how it closes.

use std::time::Duration;

use proscenium_wire::{
    Detail, DetailKind, Event, LogLevel, LogSource, Mediation, Outcome, Thresholds, Verdict,
};

use super::crew::OwnWork;
use super::findings::Findings;
use super::permits::Permits;
use super::refusals::Refusals;
use super::scheduler::Schedulers;
use super::settings::Settings;
use super::slot::{Group, Slot};
use super::step::Step;
use super::{Error, Result};
use crate::bindings::types::ErrorCode;
use crate::machine::Machine;
use crate::name::quote;
use crate::sink::Sink;
use crate::verdict::{Ending, PhaseLabel, Tally, stricter};
use crate::world::{Controllers, CrewId, GroupId, World};

/// See the module `executor`.
#[derive(Debug)]
pub struct Stage {
    pub(super) world: Box<dyn World>,
    pub(super) sink: Box<dyn Sink>,
    pub(super) settings: Settings,
    pub(super) permits: Permits,
    /// The plugin's own checks, which are laid over the operator's.
    own_checks: Thresholds,
    pub(super) random: fastrand::Rng,
    /// Loops that the component exports.
    works: Vec<String>,
    /// Controllers enabled below the scenario's root.
    pub(super) enabled: Controllers,
    /// The scenario's clock, once it runs.
    pub(super) started: Option<Duration>,
    pub(super) backdrop: Slot,
    pub(super) backdrop_set: bool,
    pub(super) step: Option<Step>,
    /// Crews that were started and wait for the end of their pass.
    pub(super) gated: Vec<CrewId>,
    pub(super) steps_begun: u32,
    /// Elapsed time and iterations at the last clean end of a step.
    pub(super) last_clean: Option<(Duration, u64)>,
    /// Steps of a plan that was handed over.
    pub(super) planned_steps: Option<u32>,
    /// Payload records so far.
    pub(super) payload_records: u32,
    pub(super) schedulers: Schedulers,
    pub(super) tally: Tally,
    pub(super) findings: Findings,
    pub(super) refusals: Refusals,
    /// The scenario's root has its bounds.
    pub(super) confined: bool,
    pub(super) mediation: Mediation,
    pub(super) cancelled: Option<String>,
    /// That is because nobody is left to run it for; the verdict says why.
    deserted: bool,
    /// The finish path was taken, or an early end; nothing may be begun.
    pub(super) ended: bool,
    /// The finish path was taken.
    pub(super) finishing: bool,
}

impl Stage {
    /// An empty stage.
    #[must_use]
    pub fn new(world: Box<dyn World>, sink: Box<dyn Sink>, settings: Settings) -> Self {
        let mut tally = Tally::bounded(settings.limits.report_bytes as usize);
        if settings.thresholds.any() {
            tally.assert();
        }
        Self {
            random: fastrand::Rng::with_seed(settings.seed),
            works: Vec::new(),
            world,
            sink,
            permits: Permits::new(settings.permissions.clone()),
            own_checks: Thresholds::default(),
            settings,
            enabled: Controllers::empty(),
            started: None,
            backdrop: Slot::default(),
            backdrop_set: false,
            step: None,
            gated: Vec::new(),
            steps_begun: 0,
            last_clean: None,
            planned_steps: None,
            payload_records: 0,
            schedulers: Schedulers::default(),
            tally,
            findings: Findings::default(),
            refusals: Refusals::default(),
            confined: false,
            mediation: Mediation::default(),
            cancelled: None,
            deserted: false,
            ended: false,
            finishing: false,
        }
    }

    /// With loops that the component exports for its workers, by name.
    #[must_use]
    pub fn with_works(mut self, works: Vec<String>) -> Self {
        self.works = works;
        self
    }

    pub(super) fn own_work(&self) -> OwnWork<'_> {
        OwnWork {
            names: &self.works,
            memory_bytes: self.settings.limits.memory_bytes,
        }
    }

    /// The machine that the scenario sees.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        self.world.machine()
    }

    /// Counts one call from the component.
    pub fn count_call(&mut self) {
        self.mediation.host_calls += 1;
    }

    /// Time since the scenario began, which it does now if it has not.
    pub fn elapsed(&mut self) -> Duration {
        let start = self.start();
        self.world.now().saturating_sub(start)
    }

    /// Time until its duration is over.
    pub fn remaining(&mut self) -> Duration {
        self.settings.duration.saturating_sub(self.elapsed())
    }

    /// Statistics collected so far, and the tally for whatever else is said.
    pub fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// Lays the plugin's checks over those that it has set before.
    pub fn set_thresholds(&mut self, thresholds: Thresholds) {
        self.own_checks = self.own_checks.overlaid(thresholds);
        if self.own_checks.any() {
            self.tally.assert();
        }
    }

    /// What is judged by: of the operator's checks and the plugin's, where both
    /// say something, the stricter.
    pub(super) fn thresholds(&self) -> Thresholds {
        stricter(self.settings.thresholds, self.own_checks)
    }

    /// Passes an event on.
    pub fn emit(&mut self, event: Event) {
        self.sink.emit(event);
    }

    /// Records a reason, stamped with the phase it arose in.
    pub fn record(&mut self, kind: DetailKind, outcome: Outcome, message: String) {
        self.record_in(self.phase_label(), kind, outcome, message);
    }

    pub(super) fn record_in(
        &mut self,
        phase: PhaseLabel,
        kind: DetailKind,
        outcome: Outcome,
        message: String,
    ) {
        let detail = Detail {
            kind,
            outcome,
            phase: phase.text(),
            message,
        };
        self.sink.emit(Event::Detail(detail.clone()));
        self.tally.detail(detail);
    }

    /// A line of the runtime's own.
    pub fn say(&mut self, level: LogLevel, message: String) {
        self.sink.emit(Event::Log {
            source: LogSource::Runtime,
            level,
            message,
        });
    }

    /// Ends the scenario whatever state it is in, judges it, and hands the
    /// world back as it was: another scenario may follow.
    ///
    /// An open step is torn down as one that failed. On the finish path an end
    /// frame precedes the backdrop's collection, otherwise there is none. No
    /// scheduler stays.
    pub fn close(mut self, ending: Ending) -> (Verdict, Box<dyn World>) {
        let broken = matches!(ending, Ending::Broken(_));
        if let Some(step) = self.step.take() {
            self.end_step(step, false);
        }
        let early = broken || self.cancelled.is_some() || self.scheduler_died();
        self.end_scenario(!early, false);
        self.tell_root_hits();
        if let Some(reason) = self.cancelled.take()
            && !self.deserted
        {
            self.record(
                DetailKind::Cancelled,
                Outcome::Inconclusive,
                format!("cancelled: {reason}"),
            );
        }
        let returned = match &ending {
            Ending::Returned { outcome, .. } => Some(*outcome),
            Ending::Broken(_) | Ending::PassedOn => None,
        };
        let verdict = std::mem::take(&mut self.tally).verdict(ending);
        self.tell_closing(returned, verdict.asserted);
        self.sink.emit(Event::Verdict(verdict.clone()));
        self.mediation.frames = self.sink.frames();
        self.sink.emit(Event::Mediation(self.mediation));
        self.sink.flush();
        (verdict, self.world)
    }

    /// Sends the end frame if this is the finish path, then collects the
    /// backdrop, then dismisses the scheduler. `outranked`: an error on record
    /// ends it, whatever else is found.
    pub(super) fn end_scenario(&mut self, finished: bool, outranked: bool) {
        if self.ended {
            return;
        }
        self.ended = true;
        self.finishing = finished;
        if finished && self.started.is_some() {
            let (elapsed, total_iterations) =
                self.last_clean.unwrap_or_else(|| (self.elapsed(), 0));
            let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            self.sink.emit(Event::ScenarioEnd {
                elapsed_ms,
                total_iterations,
            });
        }
        self.look_last();
        self.collect_backdrop(finished);
        self.conclude_schedulers(outranked);
    }

    /// Starts the scenario's clock with the first effect.
    pub(super) fn start(&mut self) -> Duration {
        if let Some(started) = self.started {
            return started;
        }
        let now = self.world.now();
        self.started = Some(now);
        self.sink.emit(Event::ScenarioStart);
        now
    }

    /// Refuses to go on where the scenario is over or being ended, or the
    /// scheduler under test is gone.
    #[inline]
    pub(super) fn proceed(&self) -> Result<()> {
        if self.cancelled.is_none() {
            self.undisturbed()?;
        }
        self.under_way()
    }

    /// As [`Self::proceed`], for what only looks: after a death there is still
    /// something to be seen.
    #[inline]
    pub(super) fn under_way(&self) -> Result<()> {
        if self.ended || self.cancelled.is_some() {
            return Err(self.over());
        }
        Ok(())
    }

    #[cold]
    fn over(&self) -> Error {
        match &self.cancelled {
            Some(reason) => Error::new(
                ErrorCode::Cancelled,
                format!("the run is being ended: {reason}: return soon"),
            ),
            None => Error::invalid(
                "the scenario is over: execute ran it whole; begin steps before or without it",
            ),
        }
    }

    /// The component is gone: what it began is ended as if it were cancelled.
    pub(super) fn desert(&mut self) {
        self.deserted = true;
        self.cancelled
            .get_or_insert_with(|| "the component's process is gone".to_owned());
    }

    pub(super) fn phase_label(&self) -> PhaseLabel {
        match &self.step {
            Some(step) => PhaseLabel::Step(step.index),
            None if self.steps_begun == 0 => PhaseLabel::Baseline,
            None => PhaseLabel::None,
        }
    }

    /// The running step's slot, or the backdrop's between steps.
    pub(super) fn target(&mut self) -> &mut Slot {
        match &mut self.step {
            Some(step) => &mut step.slot,
            None => &mut self.backdrop,
        }
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.step
            .iter()
            .map(|step| &step.slot)
            .chain([&self.backdrop])
    }

    pub(super) fn slots_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.step
            .iter_mut()
            .map(|step| &mut step.slot)
            .chain([&mut self.backdrop])
    }

    /// A tracked cgroup, the step's before the backdrop's.
    pub(super) fn find(&self, name: &str) -> Option<&Group> {
        self.slots().find_map(|slot| slot.groups.get(name))
    }

    /// As [`Self::find`], or an error that lists what exists.
    pub(super) fn group(&self, name: &str) -> Result<&Group> {
        self.find(name).ok_or_else(|| self.unknown(name))
    }

    pub(super) fn group_mut(&mut self, name: &str) -> Result<&mut Group> {
        let unknown = self.find(name).is_none().then(|| self.unknown(name));
        match (
            unknown,
            self.slots_mut().find_map(|slot| slot.groups.get_mut(name)),
        ) {
            (None, Some(group)) => Ok(group),
            (Some(error), _) => Err(error),
            (None, None) => Err(Error::not_found(quote(name))),
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let step = self
            .step
            .as_ref()
            .map_or_else(|| "none".to_owned(), |step| step.slot.names());
        Error::not_found(format!(
            "no cgroup {}: the step has {step}; the backdrop has {}",
            quote(name),
            self.backdrop.names()
        ))
    }

    /// Whether the backdrop owns a cgroup of this id.
    pub(super) fn is_backdrop(&self, id: GroupId) -> bool {
        self.backdrop.groups.iter().any(|group| group.id == id)
    }

    /// Live iteration count of all workers.
    #[must_use]
    pub fn iterations(&self) -> u64 {
        self.slots()
            .flat_map(|slot| &slot.crews)
            .fold(0, |total, crew| {
                total.wrapping_add(self.world.iterations(crew.id))
            })
    }

    /// Epoch under which workers that start now file what they do.
    pub(super) fn epoch(&self) -> u32 {
        self.step.as_ref().map_or(0, |step| u32::from(step.phase()))
    }
}
