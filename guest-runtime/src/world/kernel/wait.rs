//! Waiting for a deadline, a payload or a scheduler, and what goes on
//! meanwhile: output is taken in, children are reaped, workers are looked at,
//! the watched scheduler is watched.

use std::time::Duration;

use super::Kernel;
use super::payload::Payloads;
use super::reactor::{Happened, Reactor};
use super::scheduler::Schedulers;
use crate::world::{SchedulerId, Wake, WorldError};

/// How soon the kernel is looked at again where it announced that a scheduler
/// goes, but not yet that it is gone: that is a few of its instructions later.
const SETTLING: Duration = Duration::from_millis(1);

impl Kernel {
    /// Waits until `until`, a cancellation, the end of the component's process or
    /// of the watched scheduler, or what `happened` sees.
    pub(super) fn wait_for(
        &mut self,
        until: Duration,
        happened: impl Fn(&Payloads, &mut Schedulers) -> Option<Wake>,
    ) -> Result<Wake, WorldError> {
        let until = self.absolute(until);
        loop {
            let look = self.next_look().filter(|look| *look < until);
            let wake = self.wait_once(look.unwrap_or(until), &happened)?;
            if look.is_none() || wake != Wake::Elapsed {
                return Ok(wake);
            }
            self.look();
        }
    }

    /// The same with one deadline, in monotonic time.
    fn wait_once(
        &mut self,
        until: Duration,
        happened: impl Fn(&Payloads, &mut Schedulers) -> Option<Wake>,
    ) -> Result<Wake, WorldError> {
        self.reactor.set_deadline(until)?;
        loop {
            if let Some(reason) = self.reactor.take_cancel() {
                return Ok(Wake::Cancelled(reason));
            }
            if self.reactor.is_deserted() {
                return Ok(Wake::Deserted);
            }
            if let Some(wake) = happened(&self.payloads, &mut self.schedulers) {
                return Ok(wake);
            }
            if let Some(down) = self.schedulers.down() {
                return Ok(Wake::SchedulerDown(down.clone()));
            }
            match self.reactor.next()? {
                // What came in the same moment counts.
                Happened::Elapsed => {
                    let down = self.schedulers.look_now(&self.reactor);
                    return Ok(down.map_or(Wake::Elapsed, |down| Wake::SchedulerDown(down.clone())));
                }
                other => self.take_in(other),
            }
        }
    }

    /// See [`crate::world::World::await_scheduler`].
    pub(super) fn await_news(
        &mut self,
        id: SchedulerId,
        until: Duration,
    ) -> Result<Wake, WorldError> {
        self.schedulers.known(id)?;
        let monotonic = self.absolute(until);
        loop {
            let soon = self.settled_or(monotonic);
            let wake = self.wait_for(soon.saturating_sub(self.origin), |_, schedulers| {
                schedulers.take_news().then_some(Wake::Scheduler)
            })?;
            if wake != Wake::Elapsed || soon >= monotonic {
                return Ok(wake);
            }
        }
    }

    /// Waits until `done`, or until `until`, which is monotonic time; for what
    /// takes a bounded time. A cancellation is left to the next wait.
    pub(super) fn await_schedulers(
        &mut self,
        until: Duration,
        mut done: impl FnMut(&mut Schedulers, &Reactor) -> bool,
    ) -> Result<bool, WorldError> {
        loop {
            if done(&mut self.schedulers, &self.reactor) {
                return Ok(true);
            }
            if Reactor::monotonic() >= until {
                return Ok(false);
            }
            let next = self.settled_or(until);
            self.reactor.set_deadline(next)?;
            match self.reactor.next()? {
                Happened::Elapsed => {}
                other => self.take_in(other),
            }
        }
    }

    /// `until`, or earlier where the kernel is just about to be done.
    pub(super) fn settled_or(&mut self, until: Duration) -> Duration {
        if self.schedulers.is_settling() {
            until.min(Reactor::monotonic() + SETTLING)
        } else {
            until
        }
    }

    /// Takes in what happened, whatever is being waited for.
    pub(super) fn take_in(&mut self, happened: Happened) {
        match happened {
            Happened::Children => self.reap_children(&mut []),
            Happened::Payload(source) => self.payloads.take_in(source, &self.reactor),
            Happened::Scheduler(source) => self.schedulers.take_in(source, &self.reactor),
            Happened::SchedExt => self.schedulers.announced(),
            Happened::Control | Happened::Deserted | Happened::Ready(_) | Happened::Elapsed => {}
        }
    }
}
