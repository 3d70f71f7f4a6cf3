//! Schedulers under test, in the kernel.
//!
//! ```text
//!   Schedulers ─┬─ Loaders   a process each, its output     loader.rs
//!               │             the kernel's log on it          said.rs
//!               ├─ Ears      uevents, log, trace   ears.rs, uevent.rs, kmsg.rs, trace.rs
//!               │             the files that they announce   sysfs.rs
//!               ├─ watched   who is to stay, and how it went
//!               └─ Pins      BPF maps that are held           maps.rs
//!                 ending.rs: stopping one, the remains of one
//! ```
//!
//! Events only say that there is something to look at; what is so is read from
//! the process and from sysfs. Never decides when to start, stop or watch one,
//! and never what an end means.

use std::fs::File;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use proscenium_wire::PayloadExit;

use super::program::PIECE;
use super::reactor::Reactor;
use crate::world::{
    Down, ExtState, PinError, Printed, ProgramPlan, SchedExt, SchedulerId, WorldError,
};

mod ears;
mod ending;
mod kmsg;
mod loader;
mod maps;
mod said;
mod sysfs;
mod trace;
mod uevent;

use ears::Ears;
use loader::{Loader, Source};
use maps::Pins;
use said::Said;
use trace::Traced;

/// How long a killed loader may take to die before its scheduler is thrown out
/// by other means: it may be the one that does not let it run.
const STUCK: Duration = Duration::from_secs(1);
/// What has the kernel throw any scheduler out.
const RESET: &[u8] = b"S";

/// Where schedulers are had from: only of a kernel that is the scenario's own.
#[derive(Debug)]
pub struct SchedExtParts {
    /// `/sys/kernel/sched_ext`.
    pub sysfs: Dir,
    /// `/dev/kmsg`, open for reading without blocking.
    pub log: File,
    /// `/proc/sysrq-trigger`, open for writing, for schedulers that do not let
    /// their own loader run; `None`: without that.
    pub emergency: Option<File>,
    /// Gives `/sys/kernel/tracing/instances`, asked for with the first
    /// scheduler; `None`: this kernel cannot trace, and ends are noticed later.
    pub instances: fn() -> Option<Dir>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Schedulers {
    /// `None`: there is no sched_ext for the scenario.
    ears: Option<Ears>,
    /// By id; none is ever forgotten, as their ends may be asked for.
    loaders: Vec<Loader>,
    watched: Option<Watched>,
    /// Something happened since somebody waited for it.
    news: bool,
    /// One went, and sysfs did not say yet that nobody is there.
    settling: bool,
    /// The kernel's trace says that the one that is loaded is thrown out.
    doomed: bool,
    pins: Pins,
    buffer: Vec<u8>,
}

/// Who is to stay.
#[derive(Debug)]
struct Watched {
    id: SchedulerId,
    down: Option<Down>,
}

impl Schedulers {
    /// Listens to nothing yet.
    pub(super) fn new(parts: Option<SchedExtParts>) -> Self {
        let ears = parts.map(Ears::new);
        Self {
            ears,
            ..Self::default()
        }
    }

    /// See [`crate::world::World::sched_ext`].
    pub(super) fn sched_ext(&self) -> SchedExt {
        let absent = SchedExt {
            state: ExtState::Absent,
            ops: None,
        };
        self.ears.as_ref().map_or(absent, |ears| ears.sysfs.read())
    }

    fn state(&self) -> ExtState {
        let ears = self.ears.as_ref();
        ears.map_or(ExtState::Absent, |ears| ears.sysfs.state())
    }

    fn enables(&self) -> Option<u64> {
        self.ears.as_ref()?.sysfs.enables()
    }

    /// Starts a loader and has the reactor watch it.
    pub(super) fn start(
        &mut self,
        plan: &ProgramPlan,
        reactor: &Reactor,
    ) -> nix::Result<SchedulerId> {
        let ears = self.ears.as_mut().ok_or(Errno::EOPNOTSUPP)?;
        ears.listen(reactor)?;
        self.buffer.resize(PIECE, 0);
        // What was said until now is not about the one that is to come.
        self.hear();
        self.news = false;
        self.doomed = false;
        let id = u32::try_from(self.loaders.len()).map_err(|_| Errno::EOVERFLOW)?;
        // Dropping the loader, on an error, ends it.
        let loader = Loader::start(plan, self.enables())?;
        loader.watch(u64::from(id), reactor)?;
        if let Some(trace) = self.ears.as_ref().and_then(|ears| ears.trace.as_ref())
            && let Err(error) = trace.follow(loader.pid())
        {
            tracing::warn!("the end of a scheduler's loader is not traced: {error}");
        }
        self.loaders.push(loader);
        Ok(SchedulerId(id))
    }

    /// Something of a loader is ready.
    pub(super) fn take_in(&mut self, number: u64, reactor: &Reactor) {
        let (index, source) = Loader::source(number);
        let loader = usize::try_from(index).ok();
        let Some(loader) = loader.and_then(|index| self.loaders.get_mut(index)) else {
            return;
        };
        match source {
            Source::Output => drop(loader.take_in(&mut self.buffer, reactor)),
            Source::Process => {
                if loader.reap(&mut self.buffer, reactor) {
                    self.happened();
                }
            }
        }
    }

    /// The kernel announced something.
    pub(super) fn announced(&mut self) {
        if self.hear() {
            self.happened();
        }
    }

    /// Takes in what the kernel announced. True: it was about sched_ext.
    fn hear(&mut self) -> bool {
        let Some(ears) = &mut self.ears else {
            return false;
        };
        let mut any = false;
        if let Some(uevents) = &ears.uevents {
            let (mut nobody, mut nothing) = (Said::default(), false);
            let (said, leaves) = match self.loaders.last_mut() {
                Some(loader) => (&mut loader.said, &mut loader.leaves),
                None => (&mut nobody, &mut nothing),
            };
            ears.log.take(|line| any |= said.hear(line));
            if let Some(trace) = &mut ears.trace {
                let doomed = &mut self.doomed;
                trace.take(|traced| {
                    any = true;
                    match traced {
                        Traced::Dump(line) => *doomed |= said.hear_dump(line),
                        Traced::Exit(all) => *leaves |= all,
                    }
                });
            }
            let announced = uevents.take();
            any |= announced.any;
            self.settling |= announced.removed;
        }
        any
    }

    fn happened(&mut self) {
        self.news = true;
        self.look();
    }

    /// Whether something happened since this was asked last.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Whether the kernel is about to say that nobody is there, which it
    /// announces in no way: who waits for that looks again soon.
    pub(super) fn is_settling(&mut self) -> bool {
        let settling = self.settling && self.state() == ExtState::Disabling;
        if self.settling && !settling {
            self.news = true;
        }
        self.settling = settling;
        settling
    }

    /// See [`crate::world::World::watch_scheduler`].
    pub(super) fn watch(&mut self, id: Option<SchedulerId>) {
        let known = id.filter(|id| self.loader(*id).is_ok());
        self.watched = known.map(|id| Watched { id, down: None });
        self.look();
    }

    /// How the watched one is down, as far as was seen.
    pub(super) fn down(&self) -> Option<&Down> {
        self.watched.as_ref()?.down.as_ref()
    }

    /// The same after a look at everything that says so.
    pub(super) fn look_now(&mut self, reactor: &Reactor) -> Option<&Down> {
        if let Some(watched) = &self.watched
            && watched.down.is_none()
        {
            let id = watched.id;
            self.news |= self.hear();
            self.reap_one(id, reactor);
            self.look();
        }
        self.down()
    }

    /// Looks whether the watched one is down; once down is down.
    fn look(&mut self) {
        let Some(watched) = &self.watched else { return };
        if watched.down.is_some() {
            return;
        }
        let Ok(loader) = self.loader(watched.id) else {
            return;
        };
        let down = match (loader.exit(), self.state()) {
            (Some(exit), _) => Some(Down::Exited(exit)),
            (None, ExtState::Disabling | ExtState::Disabled) => Some(Down::Disabled),
            // The kernel has yet to begin, and will.
            (None, _) if self.doomed || loader.leaves => Some(Down::Disabled),
            // Two changes can lie between two looks.
            (None, ExtState::Enabled | ExtState::Enabling) if loader.is_outdone(self.enables()) => {
                Some(Down::Replaced(self.sched_ext().ops.unwrap_or_default()))
            }
            (None, _) => None,
        };
        if let Some(watched) = &mut self.watched {
            watched.down = down;
        }
    }

    fn reap_one(&mut self, id: SchedulerId, reactor: &Reactor) {
        let Self {
            loaders, buffer, ..
        } = self;
        if let Some(loader) = loaders.get_mut(id.0 as usize) {
            loader.reap(buffer, reactor);
        }
    }

    /// That there is one of this id, alive or not.
    pub(super) fn known(&self, id: SchedulerId) -> Result<(), WorldError> {
        self.loader(id).map(drop)
    }

    fn loader(&self, id: SchedulerId) -> Result<&Loader, WorldError> {
        self.loaders.get(id.0 as usize).ok_or_else(|| gone(id))
    }

    /// How a loader ended, if it has.
    pub(super) fn exit(&mut self, id: SchedulerId, reactor: &Reactor) -> Option<PayloadExit> {
        self.reap_one(id, reactor);
        self.loader(id).ok()?.exit()
    }

    /// What a loader printed since the last taking.
    pub(super) fn take_printed(&mut self, id: SchedulerId) -> Printed {
        let loader = self.loaders.get_mut(id.0 as usize);
        loader.map(Loader::take_printed).unwrap_or_default()
    }

    /// Reaps `pid` if it is one of ours. False: it is nobody's.
    pub(super) fn reap(&mut self, pid: Pid, reactor: &Reactor) -> bool {
        let Self {
            loaders, buffer, ..
        } = self;
        let ours = loaders
            .iter_mut()
            .find(|loader| loader.pid() == pid && loader.exit().is_none());
        let reaped = ours.is_some_and(|loader| loader.reap(buffer, reactor));
        if reaped {
            self.happened();
        }
        reaped
    }

    /// See [`crate::world::World::pin_map`].
    pub(super) fn pin_map(&mut self, name: &str) -> Result<(), PinError> {
        self.pins.pin(name)
    }

    /// See [`crate::world::World::release_maps`].
    pub(super) fn release_maps(&mut self) {
        self.pins = Pins::default();
    }

    /// Has the kernel throw out whoever is loaded.
    fn reset(&self) {
        let emergency = self.ears.as_ref().and_then(|ears| ears.emergency.as_ref());
        match emergency.map(|file| nix::unistd::write(file, RESET)) {
            Some(Ok(_)) => tracing::warn!("a scheduler did not leave, and was thrown out by sysrq"),
            Some(Err(errno)) => {
                tracing::error!("failed to throw a scheduler out by sysrq: {errno}");
            }
            None => {}
        }
    }

    /// Drops every loader: kills all, then reaps all.
    pub(super) fn clear(&mut self) {
        self.watched = None;
        for loader in &self.loaders {
            loader.signal(Signal::SIGKILL);
        }
        let deadline = Instant::now() + STUCK;
        let mut stuck = false;
        for loader in &mut self.loaders {
            stuck |= !loader.await_end(deadline);
        }
        if stuck {
            self.reset();
        }
        self.loaders.clear();
    }
}

fn gone(id: SchedulerId) -> WorldError {
    WorldError::Gone {
        what: format!("scheduler {}", id.0),
    }
}
