//! The runtime's side: takes the component's calls one after another and
//! answers them, until the component is over or its process is gone.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use proscenium_wire::Limits;

use super::channel::{Channel, ChannelError};
use super::protocol::{Said, Start};
use super::slots::{Side, Slots};
use crate::audit::Function;
use crate::bindings::scenario::Context;
use crate::capability::Capability;
use crate::executor::Stage;
use crate::exported::check_works;
use crate::interface::{Unanswered, carry_out};
use crate::name::clean_line;
use crate::plugin::{Abort, Contained, State, computing_time};
use crate::scenario::{Component, Ended, Performed};
use crate::world::WorldError;

/// Longest reason that is taken over, in bytes.
const MAX_REASON: usize = 1_024;
/// How long the process may leave an answer unread that it waits for. Much
/// longer than any scheduler lets a process wait that is not starved for good.
const UNREAD: Duration = Duration::from_secs(10);

/// What leads to the component's process.
#[derive(Debug)]
pub struct Ends {
    /// A stream socket to it.
    pub socket: UnixStream,
    /// Memory that it has as well, see [`memory`](super::memory).
    pub memory: OwnedFd,
}

impl Ends {
    /// Somebody who speaks to that process.
    ///
    /// # Errors
    /// The memory is not what [`memory`](super::memory) made, or the kernel
    /// refuses to map it.
    pub(crate) fn broker(
        self,
        capabilities: Vec<Capability>,
        trap_foreign_imports: bool,
    ) -> io::Result<Broker> {
        let slots = Slots::new(self.memory, Side::Runtime)?;
        let channel = Channel::new(self.socket).with_slots(slots);
        let channel = channel.impatient(UNREAD)?;
        Ok(Broker::new(channel, capabilities, trap_foreign_imports))
    }
}

/// A component that runs in another process.
#[derive(Debug)]
pub(crate) struct Broker {
    channel: Channel,
    /// What the component imports, all of which is granted.
    capabilities: Vec<Capability>,
    trap_foreign_imports: bool,
}

impl Broker {
    /// Speaks to the component's process at the other end of `channel`.
    pub(super) fn new(
        channel: Channel,
        capabilities: Vec<Capability>,
        trap_foreign_imports: bool,
    ) -> Self {
        Self {
            channel,
            capabilities,
            trap_foreign_imports,
        }
    }

    fn converse(&mut self, state: &mut State, context: &Context, limits: &Limits) -> Ended {
        self.channel.send(context).map_err(gone)?;
        loop {
            match self.channel.receive().map_err(gone)? {
                Said::Call(function, arguments) => {
                    // In one process, what is not imported is not linked.
                    let known = Function::of_number(function);
                    let linked = known
                        .and_then(Function::capability)
                        .is_some_and(|capability| self.capabilities.contains(&capability));
                    if !linked {
                        return Err(senseless());
                    }
                    let answer = match carry_out(state, function, &arguments) {
                        Ok(answer) => answer,
                        Err(Unanswered::Senseless) => return Err(senseless()),
                        Err(Unanswered::Fault(error)) => {
                            return Err(Abort::of(&error, computing_time(limits)));
                        }
                    };
                    if let Some(limit) = state.used_up(limits) {
                        return Err(limit);
                    }
                    self.channel.send_encoded(&answer).map_err(gone)?;
                }
                Said::Ended(ended) => return ended.map_err(|end| bounded(end.into_abort(limits))),
                Said::Works(_) => return Err(senseless()),
            }
        }
    }
}

impl Component for Broker {
    fn capabilities(&self) -> Vec<Capability> {
        self.capabilities.clone()
    }

    fn works(&mut self, limits: &Limits) -> Result<Vec<String>, Abort> {
        let start = Start {
            limits: *limits,
            trap_foreign_imports: self.trap_foreign_imports,
        };
        self.channel.send(&start).map_err(gone)?;
        match self.channel.receive().map_err(gone)? {
            Said::Works(Ok(names)) => {
                check_works(names).map_err(|error| Abort::Unfit(error.to_string()))
            }
            Said::Works(Err(reason)) => Err(bounded(Abort::Unfit(reason))),
            Said::Call(..) | Said::Ended(_) => Err(senseless()),
        }
    }

    fn perform(&mut self, stage: Stage, context: &Context, limits: &Limits) -> Performed {
        let mut state = State::apart(stage, limits);
        let ended = self.converse(&mut state, context, limits);
        state.performed(ended)
    }
}

/// What the end of the other process means. Its own limits are behind those
/// that wasmtime keeps, so who meets them got past wasmtime.
fn gone(error: ChannelError) -> Abort {
    match error {
        ChannelError::Closed => Abort::Trapped(
            "its process was ended: it used too much memory or computing time, or called the kernel by itself"
                .to_owned(),
        ),
        ChannelError::Unread => Abort::Trapped(format!(
            "its process took none of an answer for {} s",
            UNREAD.as_secs()
        )),
        ChannelError::TooLong(_) | ChannelError::Garbled(_) => senseless(),
        ChannelError::Io(error) => Abort::Fault(WorldError::Environment {
            what: "talk to the component's process".to_owned(),
            errno: nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)),
        }),
    }
}

fn senseless() -> Abort {
    Abort::Trapped("its process said what no component can say".to_owned())
}

/// Text from the other process, made harmless.
fn bounded(abort: Abort) -> Abort {
    match abort {
        Abort::Unfit(reason) => Abort::Unfit(clean_line(&reason, MAX_REASON)),
        Abort::Trapped(reason) => Abort::Trapped(clean_line(&reason, MAX_REASON)),
        Abort::Limit(budget, reason) => Abort::Limit(budget, clean_line(&reason, MAX_REASON)),
        other @ (Abort::OutOfTime(_) | Abort::Fault(_)) => other,
    }
}
