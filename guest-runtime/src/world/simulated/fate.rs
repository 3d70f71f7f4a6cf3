//! What tests do to simulated schedulers while a scenario runs: let one die,
//! and have the kernel say something else than it would.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::Effect;
use crate::world::ExtState;

/// A way in which an attached scheduler comes to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Death {
    /// Its process ends with this code.
    Exits(i32),
    /// Its process is ended by this signal.
    Killed(i32),
    /// It calls `scx_bpf_error`, with this message.
    BpfError(String),
    /// The watchdog finds a task that does not get to run.
    Stalls,
    /// Somebody presses sysrq-S.
    Thrown,
    /// It unregisters itself, and its process stays.
    Unregisters,
    /// Another one is enabled in its place, under this name.
    Replaced(String),
    /// It is gone, its process stays, and the kernel says nothing.
    Vanishes,
}

type Cause = Box<dyn Fn(&Effect) -> bool>;

#[derive(Default)]
struct Inner {
    due: Option<Death>,
    causes: Vec<(Cause, Death)>,
    forced: Option<ExtState>,
    scheduled: Vec<(Duration, ExtState)>,
}

/// A shared hand: one handle goes into the world, the other stays outside.
#[derive(Clone, Default)]
pub struct Fate(Rc<RefCell<Inner>>);

impl fmt::Debug for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.0.borrow();
        f.debug_struct("Fate")
            .field("due", &inner.due)
            .field("forced", &inner.forced)
            .field("scheduled", &inner.scheduled)
            .finish_non_exhaustive()
    }
}

impl Fate {
    /// The scheduler that is attached dies now; without one, the next that is.
    pub fn strike(&self, death: Death) {
        self.0.borrow_mut().due = Some(death);
    }

    /// As [`Self::strike`], at the first effect that `which` picks.
    pub fn strike_upon(&self, death: Death, which: impl Fn(&Effect) -> bool + 'static) {
        self.0.borrow_mut().causes.push((Box::new(which), death));
    }

    /// From now on the kernel says that sched_ext is in this state.
    pub fn force(&self, state: ExtState) {
        self.0.borrow_mut().forced = Some(state);
    }

    /// As [`Self::force`], from a point of virtual time on.
    pub fn force_at(&self, at: Duration, state: ExtState) {
        self.0.borrow_mut().scheduled.push((at, state));
    }

    pub(super) fn observe(&self, effect: &Effect) {
        let mut inner = self.0.borrow_mut();
        let found = inner.causes.iter().position(|(which, _)| which(effect));
        if let Some(found) = found {
            let (_, death) = inner.causes.remove(found);
            inner.due = Some(death);
        }
    }

    pub(super) fn due(&self) -> Option<Death> {
        self.0.borrow_mut().due.take()
    }

    pub(super) fn forced(&self) -> Option<ExtState> {
        self.0.borrow().forced
    }

    /// When the kernel begins to say something else.
    pub(super) fn next(&self) -> Option<Duration> {
        let inner = self.0.borrow();
        inner.scheduled.iter().map(|(at, _)| *at).min()
    }

    /// What is scheduled for `now` or earlier comes into force.
    pub(super) fn happen(&self, now: Duration) {
        let mut inner = self.0.borrow_mut();
        let (mut due, later): (Vec<_>, Vec<_>) =
            inner.scheduled.iter().partition(|(at, _)| *at <= now);
        due.sort_by_key(|(at, _)| *at);
        if let Some((_, state)) = due.last() {
            inner.forced = Some(*state);
        }
        inner.scheduled = later;
    }
}
