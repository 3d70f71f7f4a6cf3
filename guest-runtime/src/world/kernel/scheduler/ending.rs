//! The end of a scheduler: asking it to leave, and what it left behind.
//!
//! Every wait is bounded. A loader whose own scheduler does not let it run is
//! what the kernel's emergency exit is for; nothing else uses that.

use std::time::Duration;

use nix::sys::signal::Signal;
use proscenium_wire::PayloadExit;

use super::said::Said;
use super::{STUCK, Schedulers};
use crate::world::kernel::Kernel;
use crate::world::kernel::crew::DYING;
use crate::world::kernel::reactor::Reactor;
use crate::world::{ExtState, Remains, SchedulerId, Stopped, WorldError};

/// How long the kernel's own scheduler may take to be back once the loader is
/// gone, which it is by then unless something else holds on to the scheduler.
const RESTORED: Duration = Duration::from_secs(3);
/// How long the end of a loader is waited for that seems to be leaving.
const LEAVING: Duration = Duration::from_millis(500);
/// The kernel's reason where the loader let go of its scheduler, which the end
/// of its process does as well, a moment before that is seen.
const LET_GO: &str = "unregistered from user space";

impl Schedulers {
    /// Nobody is loaded: none is, or there is no sched_ext.
    fn is_restored(&self) -> bool {
        matches!(self.state(), ExtState::Disabled | ExtState::Absent)
    }

    /// Nothing of this one is loaded.
    fn is_over(&self, id: SchedulerId) -> bool {
        self.is_restored()
            || self.state() != ExtState::Disabling
                && self
                    .loader(id)
                    .is_ok_and(|loader| loader.is_outdone(self.enables()))
    }

    fn has_ended(&mut self, id: SchedulerId, reactor: &Reactor) -> bool {
        self.exit(id, reactor).is_some()
    }
}

impl Kernel {
    /// See [`crate::world::World::stop_scheduler`]. `until` is monotonic time.
    pub(in crate::world::kernel) fn end_scheduler(
        &mut self,
        id: SchedulerId,
        until: Duration,
    ) -> Result<Stopped, WorldError> {
        let asked = Reactor::monotonic();
        self.schedulers.watch(None);
        self.schedulers.loader(id)?.signal(Signal::SIGTERM);
        // Who cancels the run does not wait for manners.
        let left = if self.reactor.is_cancelled() {
            asked
        } else {
            until
        };
        let ended = |schedulers: &mut Schedulers, reactor: &Reactor| {
            reactor.is_cancelled() || schedulers.has_ended(id, reactor)
        };
        self.await_schedulers(left, ended)?;
        let killed = !self.schedulers.has_ended(id, &self.reactor);
        if killed {
            self.schedulers.loader(id)?.signal(Signal::SIGKILL);
            let dead =
                |schedulers: &mut Schedulers, reactor: &Reactor| schedulers.has_ended(id, reactor);
            if !self.await_schedulers(Reactor::monotonic() + STUCK, dead)? {
                self.schedulers.reset();
                self.await_schedulers(Reactor::monotonic() + DYING, dead)?;
            }
        }
        let restored = self.await_restored(id)?;
        self.schedulers.hear();
        let exit = self.schedulers.exit(id, &self.reactor);
        Ok(Stopped {
            exit: exit.unwrap_or(PayloadExit::Unknown),
            killed,
            took: Reactor::monotonic().saturating_sub(asked),
            restored,
        })
    }

    /// Waits for the kernel's own scheduler. One that stays although its loader
    /// is gone, because a process that the loader left behind holds on to it,
    /// is thrown out; one of somebody else is left alone.
    fn await_restored(&mut self, id: SchedulerId) -> Result<bool, WorldError> {
        let over = |schedulers: &mut Schedulers, _: &Reactor| schedulers.is_over(id);
        if !self.await_schedulers(Reactor::monotonic() + RESTORED, over)? {
            self.schedulers.reset();
            self.await_schedulers(Reactor::monotonic() + RESTORED, over)?;
        }
        Ok(self.schedulers.is_restored())
    }

    /// See [`crate::world::World::scheduler_remains`]. `until` is monotonic
    /// time. A wait that fails is cut short: what is known is told.
    pub(in crate::world::kernel) fn remains(
        &mut self,
        id: SchedulerId,
        until: Duration,
    ) -> Remains {
        let over = |schedulers: &mut Schedulers, _: &Reactor| schedulers.is_over(id);
        let waited = self.await_schedulers(until, over).and_then(|_| {
            self.schedulers.hear();
            let loader = self.schedulers.loader(id)?;
            if loader.said.reason.as_deref() != Some(LET_GO) {
                return Ok(true);
            }
            let leaving = until.min(Reactor::monotonic() + LEAVING);
            self.await_schedulers(leaving, |schedulers, reactor| {
                schedulers.has_ended(id, reactor)
            })
        });
        if let Err(error) = waited {
            tracing::error!("{error}");
        }
        let exit = self.schedulers.exit(id, &self.reactor);
        let said = self.schedulers.loader(id).map(|loader| loader.said.clone());
        let Said {
            reason,
            message,
            mut dump,
            traced,
            ..
        } = said.unwrap_or_default();
        dump.push_str(&traced);
        Remains {
            exit,
            reason,
            message,
            dump,
        }
    }
}
