//! The capabilities: one interface of the contract is one file here.
//!
//! A file holds everything that decides what a plugin may do through it; the
//! effects themselves are the executor's. [`link`] adds to a linker exactly
//! the interfaces that it is given, so what was not granted has no code path.
//! Every call passes through `audited`, which puts it on record.

mod audited;
pub(crate) mod cgroups;
mod checks;
mod clock;
mod log;
pub(crate) mod payloads;
mod scheduler;
pub(crate) mod stage;
mod stimulus;
mod topology;

use wasmtime::component::{HasData, Linker};

use audited::Audited;

use crate::bindings;
use crate::capability::Capability;
use crate::executor::Error;
use crate::plugin::State;

/// Marks the state as what every interface's functions get.
pub(crate) struct HasState;

impl HasData for HasState {
    type Data<'a> = Audited<'a>;
}

/// Adds the interfaces of `granted`, and the two that are only data.
///
/// # Errors
/// Only if an interface is linked twice.
pub(crate) fn link(linker: &mut Linker<State>, granted: &[Capability]) -> wasmtime::Result<()> {
    let enter: for<'a> fn(&'a mut State) -> Audited<'a> = |state| Audited(state);
    bindings::types::add_to_linker::<_, HasState>(linker, enter)?;
    bindings::ops::add_to_linker::<_, HasState>(linker, enter)?;
    for capability in granted {
        match capability {
            Capability::Topology => bindings::topology::add_to_linker::<_, HasState>(linker, enter),
            Capability::Cgroups => bindings::cgroups::add_to_linker::<_, HasState>(linker, enter),
            Capability::Stage => bindings::stage::add_to_linker::<_, HasState>(linker, enter),
            Capability::Payloads => bindings::payloads::add_to_linker::<_, HasState>(linker, enter),
            Capability::Scheduler => {
                bindings::scheduler::add_to_linker::<_, HasState>(linker, enter)
            }
            Capability::Checks => bindings::checks::add_to_linker::<_, HasState>(linker, enter),
            Capability::Stimulus => bindings::stimulus::add_to_linker::<_, HasState>(linker, enter),
            Capability::Log => bindings::log::add_to_linker::<_, HasState>(linker, enter),
            Capability::Clock => bindings::clock::add_to_linker::<_, HasState>(linker, enter),
        }?;
    }
    Ok(())
}

impl bindings::types::Host for State {
    /// Expected answers go to the plugin; faults of the environment end it.
    fn convert_error(&mut self, error: Error) -> wasmtime::Result<bindings::types::Error> {
        self.stage.answered(&error);
        match error {
            Error::Refused(refusal) => Ok(refusal.into()),
            Error::Fault(fault) => Err(wasmtime::Error::new(fault)),
        }
    }
}

impl bindings::ops::Host for State {}
