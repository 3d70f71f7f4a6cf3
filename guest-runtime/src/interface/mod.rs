//! The capabilities: one interface of the contract is one file here.
//!
//! A file holds everything that decides what a plugin may do through it; the
//! effects themselves are the executor's. [`link`] adds to a linker exactly
//! the interfaces that it is given, so what was not granted has no code path.
//! Every call passes through `functions`, which puts it on record.

pub(crate) mod cgroups;
mod checks;
mod clock;
mod cross;
mod functions;
mod log;
pub(crate) mod payloads;
mod scheduler;
pub(crate) mod stage;
mod stimulus;
mod topology;

use std::marker::PhantomData;

use wasmtime::component::{HasData, Linker};

pub(crate) use cross::{Failure, Reply};
pub(crate) use functions::{Unanswered, carry_out};

use crate::bindings;
use crate::capability::Capability;
use crate::executor::Error;
use crate::plugin::State;

/// What stands behind every interface.
pub(crate) trait Interfaces:
    bindings::types::Host
    + bindings::ops::Host
    + bindings::topology::Host
    + bindings::cgroups::Host
    + bindings::stage::Host
    + bindings::payloads::Host
    + bindings::scheduler::Host
    + bindings::checks::Host
    + bindings::stimulus::Host
    + bindings::log::Host
    + bindings::clock::Host
{
}

/// A store's data that interfaces can be linked to: the runtime itself, or
/// what carries calls to it from another process.
pub(crate) trait Linked: Sized + 'static {
    /// What the functions get.
    type Data<'a>: Interfaces;

    fn enter(&mut self) -> Self::Data<'_>;
}

struct Of<T>(PhantomData<T>);

impl<T: Linked> HasData for Of<T> {
    type Data<'a> = T::Data<'a>;
}

/// Adds the interfaces of `granted`, and the two that are only data.
///
/// # Errors
/// Only if an interface is linked twice.
pub(crate) fn link<T: Linked>(
    linker: &mut Linker<T>,
    granted: &[Capability],
) -> wasmtime::Result<()> {
    let enter: for<'a> fn(&'a mut T) -> T::Data<'a> = T::enter;
    bindings::types::add_to_linker::<_, Of<T>>(linker, enter)?;
    bindings::ops::add_to_linker::<_, Of<T>>(linker, enter)?;
    for capability in granted {
        match capability {
            Capability::Topology => bindings::topology::add_to_linker::<_, Of<T>>(linker, enter),
            Capability::Cgroups => bindings::cgroups::add_to_linker::<_, Of<T>>(linker, enter),
            Capability::Stage => bindings::stage::add_to_linker::<_, Of<T>>(linker, enter),
            Capability::Payloads => bindings::payloads::add_to_linker::<_, Of<T>>(linker, enter),
            Capability::Scheduler => bindings::scheduler::add_to_linker::<_, Of<T>>(linker, enter),
            Capability::Checks => bindings::checks::add_to_linker::<_, Of<T>>(linker, enter),
            Capability::Stimulus => bindings::stimulus::add_to_linker::<_, Of<T>>(linker, enter),
            Capability::Log => bindings::log::add_to_linker::<_, Of<T>>(linker, enter),
            Capability::Clock => bindings::clock::add_to_linker::<_, Of<T>>(linker, enter),
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
