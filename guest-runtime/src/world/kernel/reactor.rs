//! The one place that waits: deadline, control port, children, pidfds, the end
//! of the component's process, and what announces sched_ext.
//!
//! One epoll. The deadline is a timerfd on an absolute time, so interruptions
//! do not lengthen a wait. Nothing here polls or sleeps, and nothing here
//! decides what an event means for a scenario.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signalfd::SignalFd;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{
    ClockId as TimerClock, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags,
};
use nix::time::{ClockId, clock_gettime};
use proscenium_wire::Command;

use crate::link::Control;
use crate::world::WorldError;

const TIMER: u64 = 0;
const CONTROL: u64 = 1;
const CHILDREN: u64 = 2;
const SCHED_EXT: u64 = 3;
const COMPONENT: u64 = 4;
/// Tokens of watched descriptors begin here.
const WATCHED: u64 = 16;
/// Tokens of payloads begin here, far beyond those of processes.
const PAYLOADS: u64 = 1 << 32;
/// And those of schedulers beyond all payloads.
const SCHEDULERS: u64 = 1 << 40;

/// What a wait found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// The deadline has passed.
    Elapsed,
    /// A watched descriptor is ready; with the number it was given.
    Ready(u64),
    /// Something of a payload is ready; with the number it was given.
    Payload(u64),
    /// Something of a scheduler's loader is ready; with the number it was given.
    Scheduler(u64),
    /// The kernel announced something that may be about sched_ext.
    SchedExt,
    /// A child changed state: reap what is nobody's.
    Children,
    /// Something came over the control port, see [`Reactor::take_cancel`].
    Control,
    /// The component's process is gone, see [`Reactor::is_deserted`].
    Deserted,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Reactor {
    epoll: Epoll,
    timer: TimerFd,
    control: Option<Control>,
    children: Option<SignalFd>,
    cancel: Option<String>,
    component: Option<OwnedFd>,
    deserted: bool,
}

impl Reactor {
    /// A reactor with these sources.
    pub(super) fn new(
        control: Option<Control>,
        children: Option<SignalFd>,
        component: Option<OwnedFd>,
    ) -> Result<Self, WorldError> {
        let epoll =
            Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(broken("create an epoll"))?;
        let timer = TimerFd::new(
            TimerClock::CLOCK_MONOTONIC,
            TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK,
        )
        .map_err(broken("create a timerfd"))?;
        let add = |fd: &dyn AsFd, flags, token| {
            epoll
                .add(fd.as_fd(), EpollEvent::new(flags, token))
                .map_err(broken("add to the epoll"))
        };
        add(&timer, EpollFlags::EPOLLIN, TIMER)?;
        if let Some(control) = &control {
            // Edge-triggered: a port whose other side is gone stays readable for ever.
            add(control, EpollFlags::EPOLLIN | EpollFlags::EPOLLET, CONTROL)?;
        }
        if let Some(children) = &children {
            add(children, EpollFlags::EPOLLIN, CHILDREN)?;
        }
        if let Some(component) = &component {
            // Its words are for whoever takes its calls; here only its end counts.
            add(component, EpollFlags::EPOLLRDHUP, COMPONENT)?;
        }
        let mut reactor = Self {
            epoll,
            timer,
            control,
            children,
            cancel: None,
            component,
            deserted: false,
        };
        // What was read together with the host's hello announces itself no more.
        reactor.hear();
        Ok(reactor)
    }

    /// Monotonic time.
    pub(super) fn monotonic() -> Duration {
        clock_gettime(ClockId::CLOCK_MONOTONIC)
            .map(Duration::from)
            .unwrap_or_default()
    }

    /// Sets the deadline, in monotonic time, of the waits that follow.
    pub(super) fn set_deadline(&mut self, until: Duration) -> Result<(), WorldError> {
        // Zero would disarm the timer. The kernel's clock ends after 292 years.
        let until = until.clamp(Duration::from_nanos(1), Duration::from_secs(9_000_000_000));
        self.timer
            .set(
                Expiration::OneShot(TimeSpec::from_duration(until)),
                TimerSetTimeFlags::TFD_TIMER_ABSTIME,
            )
            .map_err(broken("set a timerfd"))
    }

    /// Watches a descriptor until it is readable or hung up; `number` comes back
    /// in [`Happened::Ready`].
    pub(super) fn watch(&self, fd: impl AsFd, number: u64) -> nix::Result<()> {
        self.epoll
            .add(fd, EpollEvent::new(EpollFlags::EPOLLIN, WATCHED + number))
    }

    /// As [`Self::watch`], for something of a payload: [`Happened::Payload`].
    pub(super) fn watch_payload(&self, fd: impl AsFd, number: u64) -> nix::Result<()> {
        self.watch(fd, PAYLOADS - WATCHED + number)
    }

    /// As [`Self::watch`], for something of a loader: [`Happened::Scheduler`].
    pub(super) fn watch_scheduler(&self, fd: impl AsFd, number: u64) -> nix::Result<()> {
        self.watch(fd, SCHEDULERS - WATCHED + number)
    }

    /// As [`Self::watch`], for what announces sched_ext: [`Happened::SchedExt`].
    pub(super) fn watch_sched_ext(&self, fd: impl AsFd) -> nix::Result<()> {
        self.epoll
            .add(fd, EpollEvent::new(EpollFlags::EPOLLIN, SCHED_EXT))
    }

    /// Watches it no more. One that was not watched is left alone.
    pub(super) fn unwatch(&self, fd: impl AsFd) {
        let _ = self.epoll.delete(fd);
    }

    /// The reason of a cancellation that nobody has taken yet.
    pub(super) fn take_cancel(&mut self) -> Option<String> {
        self.cancel.take()
    }

    /// Whether there is one.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.is_some()
    }

    /// Whether the component's process is gone. It does not come back.
    pub(super) fn is_deserted(&self) -> bool {
        self.deserted
    }

    /// Waits for one thing to happen.
    pub(super) fn next(&mut self) -> Result<Happened, WorldError> {
        let mut events = [EpollEvent::empty()];
        loop {
            match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => {}
                Err(errno) => return Err(broken("wait on epoll")(errno)),
            }
            let [event] = events;
            return Ok(match event.data() {
                TIMER => Happened::Elapsed,
                CONTROL => {
                    self.hear();
                    Happened::Control
                }
                CHILDREN => {
                    // One read takes one signal; what matters is that none is left.
                    while let Some(Ok(Some(_))) = self.children.as_ref().map(SignalFd::read_signal)
                    {
                    }
                    Happened::Children
                }
                SCHED_EXT => Happened::SchedExt,
                COMPONENT => {
                    // What is hung up stays so.
                    if let Some(component) = self.component.take() {
                        self.unwatch(component);
                    }
                    self.deserted = true;
                    Happened::Deserted
                }
                number if number >= SCHEDULERS => Happened::Scheduler(number - SCHEDULERS),
                number if number >= PAYLOADS => Happened::Payload(number - PAYLOADS),
                number => Happened::Ready(number.saturating_sub(WATCHED)),
            });
        }
    }

    fn hear(&mut self) {
        let Some(control) = &mut self.control else {
            return;
        };
        while let Some(command) = control.next_command() {
            if let Command::Cancel { reason } = command {
                self.cancel.get_or_insert(reason);
            }
        }
    }
}

/// An error of the environment, by primitive.
fn broken(what: &'static str) -> impl Fn(Errno) -> WorldError {
    move |errno| WorldError::Environment {
        what: what.into(),
        errno,
    }
}
