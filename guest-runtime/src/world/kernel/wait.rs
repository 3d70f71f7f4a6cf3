//! Waiting for a deadline or a payload, and what goes on meanwhile: output is
//! taken in, children are reaped, workers are looked at.

use std::time::Duration;

use super::Kernel;
use super::payload::Payloads;
use super::reactor::Happened;
use crate::world::{Wake, WorldError};

impl Kernel {
    /// Waits until `until`, a cancellation, or something of the payloads.
    pub(super) fn wait_for(
        &mut self,
        until: Duration,
        ended: impl Fn(&Payloads) -> bool,
    ) -> Result<Wake, WorldError> {
        let until = self.absolute(until);
        loop {
            let look = self.next_look().filter(|look| *look < until);
            let wake = self.wait_once(look.unwrap_or(until), &ended)?;
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
        ended: impl Fn(&Payloads) -> bool,
    ) -> Result<Wake, WorldError> {
        self.reactor.set_deadline(until)?;
        loop {
            if let Some(reason) = self.reactor.take_cancel() {
                return Ok(Wake::Cancelled(reason));
            }
            if ended(&self.payloads) {
                return Ok(Wake::Ended);
            }
            match self.reactor.next()? {
                Happened::Elapsed => return Ok(Wake::Elapsed),
                Happened::Children => self.reap_children(&mut []),
                Happened::Payload(source) => self.payloads.take_in(source, &self.reactor),
                Happened::Control | Happened::Ready(_) => {}
            }
        }
    }
}
