//! The component's side of a host call: say it, wait, hand the answer on.
//! Computing time stands still meanwhile, as in a call that waits.

use nix::errno::Errno;
use proscenium_wire::Limits;
use serde::Serialize;
use wasmtime::StoreLimits;

use super::channel::{Channel, ChannelError};
use super::protocol::Said;
use crate::bindings::{ops, types};
use crate::executor::Error;
use crate::interface::{Failure, Interfaces, Linked, Reply};
use crate::plugin::{Abort, Contained, Watchdog};
use crate::world::WorldError;

/// What a component's host functions work on in its own process.
#[derive(Debug)]
pub(crate) struct Proxy {
    channel: Channel,
    limits: StoreLimits,
    watchdog: Watchdog,
}

impl Proxy {
    pub(super) fn new(channel: Channel, limits: StoreLimits, watchdog: Watchdog) -> Self {
        Self {
            channel,
            limits,
            watchdog,
        }
    }

    /// The channel, once the component is over.
    pub(super) fn into_channel(self) -> Channel {
        self.channel
    }

    /// Has the runtime carry out a host function, by number.
    pub(crate) fn call<R: Reply>(&mut self, function: u16, arguments: &impl Serialize) -> R {
        self.watchdog.pause();
        let answer = self.converse(function, arguments);
        self.watchdog.resume();
        match answer {
            Ok(answer) => R::of(answer),
            // Nothing that the plugin can mend.
            Err(error) => R::unheard(WorldError::Environment {
                what: format!("talk to the runtime ({error})"),
                errno: Errno::EPIPE,
            }),
        }
    }

    fn converse<T: serde::de::DeserializeOwned>(
        &mut self,
        function: u16,
        arguments: &impl Serialize,
    ) -> Result<Result<T, Failure>, ChannelError> {
        let arguments = postcard::to_stdvec(arguments).map_err(ChannelError::Garbled)?;
        self.channel.send(&Said::Call(function, arguments))?;
        self.channel.receive()
    }
}

impl Contained for Proxy {
    /// The runtime counts, and ends the conversation.
    fn used_up(&self, _: &Limits) -> Option<Abort> {
        None
    }

    fn store_limits(&mut self) -> &mut StoreLimits {
        &mut self.limits
    }

    fn resume(&mut self) {
        self.watchdog.resume();
    }

    fn pause(&mut self) {
        self.watchdog.pause();
    }
}

impl Interfaces for &mut Proxy {}

impl Linked for Proxy {
    type Data<'a> = &'a mut Self;

    fn enter(&mut self) -> &mut Self {
        self
    }
}

impl types::Host for Proxy {
    fn convert_error(&mut self, error: Error) -> wasmtime::Result<types::Error> {
        match error {
            Error::Refused(refusal) => Ok(refusal.into()),
            Error::Fault(fault) => Err(wasmtime::Error::new(fault)),
        }
    }
}

impl ops::Host for Proxy {}
