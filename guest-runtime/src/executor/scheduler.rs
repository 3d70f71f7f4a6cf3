//! Schedulers under test on the stage: detached, swapped, dismissed, and their
//! maps (ops 21 to 25 of the semantics). How one gets attached is in
//! `scheduler_start`, what becomes of one that is in `liveness`.
//!
//! ```text
//!            start          enabled, as expected
//!   none ───────────▶ new ──────────────────────▶ attached ──▶ dead
//!    ▲                 │ ended, too late, another     │ detach
//!    └──── stopped ◀───┴──────────────────────────────┘
//! ```
//!
//! Every way out of `new` and `attached` ends the loader's process, and tells
//! what became of it.

use std::collections::BTreeSet;
use std::time::Duration;

use proscenium_wire::{Event, LogLevel, SchedulerChange, SchedulerNews, SchedulerSpec};

use super::liveness::Death;
use super::scheduler_log::Log;
use super::scheduler_rules::{attached, declared, map_name, no_such_map};
use super::stage::Stage;
use super::{Error, Result, lints};
use crate::bindings::types::{CpuLimits, ErrorCode};
use crate::name::quote;
use crate::time::nanos;
use crate::world::{PinError, SchedExt, SchedulerId, Stopped, WorldError};

/// How long one that is asked to leave may take.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// How long the process of one may take that has nothing to lose any more.
pub(super) const LINGER: Duration = Duration::from_secs(2);
/// Most maps that one scenario keeps: each is a descriptor.
const MAX_PINNED: usize = 64;

/// One start of a scheduler whose process has not been stopped.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) id: SchedulerId,
    /// Counts the starts of this run.
    pub(super) start: u32,
    pub(super) name: String,
    pub(super) log: Log,
}

/// What the stage knows of schedulers.
#[derive(Debug, Default)]
pub(super) struct Schedulers {
    /// The one that is attached, and watched.
    pub(super) live: Option<Running>,
    /// The process of one that died.
    pub(super) remains: Option<Running>,
    pub(super) death: Option<Death>,
    /// The scenario's workers were killed because the scheduler is down.
    pub(super) doomed: bool,
    pub(super) starts: u32,
    pinned: BTreeSet<String>,
}

impl Stage {
    /// What the operator declared.
    #[must_use]
    pub fn declared_schedulers(&self) -> &[SchedulerSpec] {
        &self.settings.schedulers
    }

    /// Name of the scheduler that is attached.
    #[must_use]
    pub fn scheduler(&self) -> Option<&str> {
        let live = self.schedulers.live.as_ref();
        live.map(|running| running.name.as_str())
    }

    /// What the kernel says of sched_ext.
    pub fn sched_ext(&mut self) -> SchedExt {
        self.mediation.reads += 1;
        self.world.sched_ext()
    }

    /// Attaches a scheduler before the scenario begins: its clock stands.
    ///
    /// # Errors
    /// As [`Self::attach_scheduler`].
    pub fn boot_scheduler(&mut self, name: &str) -> Result<()> {
        self.attach(name)
    }

    /// Starts a declared scheduler and waits until the kernel has it enabled.
    ///
    /// # Errors
    /// `not-found` for a name that is not declared, `invalid` while one is
    /// attached, `unavailable` without sched_ext, `timed-out` and `kernel`
    /// where it does not get there, `cancelled`. Its process is gone then.
    pub fn attach_scheduler(&mut self, name: &str) -> Result<()> {
        self.permits.scheduler(Some(name))?;
        self.ready_to_change()?;
        self.attach(name)
    }

    /// Has the attached scheduler leave and the kernel's own take over.
    ///
    /// # Errors
    /// `invalid` if none is attached, `timed-out` if the kernel's own is not
    /// back in time.
    pub fn detach_scheduler(&mut self) -> Result<()> {
        self.permits.scheduler(None)?;
        self.ready_to_change()?;
        self.detach()
    }

    /// Detaches the attached scheduler and attaches it anew.
    ///
    /// # Errors
    /// As those two.
    pub fn restart_scheduler(&mut self) -> Result<()> {
        self.permits.scheduler(None)?;
        self.ready_to_change()?;
        self.restart()
    }

    /// Detaches the attached scheduler and attaches another.
    ///
    /// # Errors
    /// As those two; `not-found` before anything is done.
    pub fn replace_scheduler(&mut self, name: &str) -> Result<()> {
        self.permits.scheduler(Some(name))?;
        self.ready_to_change()?;
        self.replace(name)
    }

    /// Keeps a BPF map to the scenario's end.
    ///
    /// # Errors
    /// `invalid` for what is no name of a map, `not-found` with those that are
    /// there, `limit-exceeded` beyond 64 of them, `kernel`.
    pub fn pin_map(&mut self, name: &str) -> Result<()> {
        self.permits.scheduler(None)?;
        self.ready_to_change()?;
        self.pin(name)
    }

    fn ready_to_change(&mut self) -> Result<()> {
        self.proceed()?;
        self.start();
        self.look()
    }

    pub(super) fn detach(&mut self) -> Result<()> {
        attached(self.scheduler())?;
        match self.retire()? {
            Some(Stopped {
                restored: false, ..
            }) => Err(Error::new(
                ErrorCode::TimedOut,
                "the scheduler was stopped and the kernel's own is not back",
            )
            .remedy("see the kernel's log for what it waits for")),
            _ => Ok(()),
        }
    }

    pub(super) fn restart(&mut self) -> Result<()> {
        let name = attached(self.scheduler())?.to_owned();
        self.detach()?;
        self.attach(&name)
    }

    pub(super) fn replace(&mut self, name: &str) -> Result<()> {
        attached(self.scheduler())?;
        declared(&self.settings.schedulers, name)?;
        self.detach()?;
        self.attach(name)
    }

    pub(super) fn pin(&mut self, name: &str) -> Result<()> {
        map_name(name)?;
        let pinned = &self.schedulers.pinned;
        if pinned.contains(name) {
            return Ok(());
        }
        if pinned.len() >= MAX_PINNED {
            return Err(Error::new(
                ErrorCode::LimitExceeded,
                format!(
                    "BPF map {}: a scenario can keep {MAX_PINNED} at most",
                    quote(name)
                ),
            ));
        }
        match self.world.pin_map(name) {
            Ok(()) => {
                self.schedulers.pinned.insert(name.to_owned());
                Ok(())
            }
            Err(PinError::NotFound(names)) => Err(no_such_map(name, &names)),
            Err(PinError::World(error)) => {
                Err(Error::from(error).context(format!("BPF map {}", quote(name))))
            }
        }
    }

    /// Asks the attached scheduler to leave, if there is one: from now on its
    /// end is no death.
    fn retire(&mut self) -> Result<Option<Stopped>, WorldError> {
        let Some(running) = self.schedulers.live.take() else {
            return Ok(None);
        };
        let (start, name) = (running.start, running.name.clone());
        let (stopped, _) = self.stop(running, STOP_DEADLINE);
        let stopped = stopped?;
        self.tell_scheduler(
            start,
            &name,
            SchedulerChange::Detached {
                exit: stopped.exit,
                killed: stopped.killed,
                took_ns: nanos(stopped.took),
            },
        );
        if stopped.killed {
            let message = format!(
                "scheduler {} did not leave within {STOP_DEADLINE:?} of being asked, and was killed",
                quote(&name)
            );
            self.tally.note(message.clone());
            self.say(LogLevel::Warn, message);
        }
        Ok(Some(stopped))
    }

    /// Remarks on a cap that the attached scheduler need not keep.
    pub(super) fn doubt_cap(&mut self, cgroup: &str, limits: &CpuLimits) {
        if let Some(lint) = lints::doubtful_cap(cgroup, limits, self.scheduler()) {
            self.lint(lint);
        }
    }

    /// Ends a loader's process, and passes on what it printed last.
    pub(super) fn stop(
        &mut self,
        mut running: Running,
        patience: Duration,
    ) -> (Result<Stopped, WorldError>, Option<String>) {
        self.world.watch_scheduler(None);
        self.drain_log(&mut running);
        self.mediation.waits += 1;
        self.sink.flush();
        let until = self.world.now() + patience;
        let stopped = self.world.stop_scheduler(running.id, until);
        self.drain_log(&mut running);
        for event in running.log.finish() {
            self.sink.emit(event);
        }
        (stopped, running.log.last_words())
    }

    /// At the scenario's end, when everything else is torn down: no scheduler
    /// stays, and no map. Says whether the kernel's own is back.
    pub(super) fn dismiss_schedulers(&mut self) -> bool {
        let mut restored = true;
        if let Some(running) = self.schedulers.remains.take() {
            let (stopped, _) = self.stop(running, LINGER);
            restored &= self.is_restored(stopped.map(Some));
        }
        let retired = self.retire();
        restored &= self.is_restored(retired);
        if !std::mem::take(&mut self.schedulers.pinned).is_empty() {
            self.world.release_maps();
        }
        restored
    }

    fn is_restored(&mut self, stopped: Result<Option<Stopped>, WorldError>) -> bool {
        match stopped {
            Ok(stopped) => stopped.is_none_or(|stopped| stopped.restored),
            Err(error) => {
                self.say(LogLevel::Warn, error.to_string());
                true
            }
        }
    }

    /// Passes on what the attached one printed; called before waits.
    pub(super) fn drain_scheduler_log(&mut self) {
        if let Some(mut running) = self.schedulers.live.take() {
            self.drain_log(&mut running);
            self.schedulers.live = Some(running);
        }
    }

    pub(super) fn drain_log(&mut self, running: &mut Running) {
        let printed = self.world.take_scheduler_output(running.id);
        for event in running.log.take(&printed) {
            self.sink.emit(event);
        }
    }

    /// News of one start. The scenario's clock is not started by it.
    pub(super) fn tell_scheduler(&mut self, start: u32, name: &str, change: SchedulerChange) {
        let at_ns = nanos(self.so_far());
        self.sink.emit(Event::Scheduler(SchedulerNews {
            start,
            name: name.to_owned(),
            at_ns,
            phase: u16::try_from(self.steps_begun).unwrap_or(u16::MAX),
            change,
        }));
    }

    /// Time since the scenario began; zero before.
    pub(super) fn so_far(&self) -> Duration {
        let now = self.world.now();
        self.started
            .map_or(Duration::ZERO, |start| now.saturating_sub(start))
    }
}
