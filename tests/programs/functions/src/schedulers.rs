//! Calls of `scheduler`. Each leaves the kernel's own scheduler.

use proscenium_sdk::prelude::*;

use crate::Call;

/// The map that the scheduler of the tests has, in the simulated world as well.
const MAP: &str = "proscenium_mark";

pub(crate) const CALLS: [(&str, Call); 8] = [
    ("scheduler.kernel-state", || {
        let _ = scheduler::kernel_state();
        Ok(())
    }),
    ("scheduler.current", || {
        attached(|_| {
            let current = scheduler::current();
            check(current.is_some(), || "none is attached".to_owned());
            Ok(())
        })
    }),
    ("scheduler.declared", || declared().map(drop)),
    ("scheduler.attach", || attached(|_| Ok(()))),
    ("scheduler.detach", || attached(|_| Ok(()))),
    ("scheduler.restart", || attached(|_| scheduler::restart())),
    ("scheduler.replace", || attached(scheduler::replace)),
    ("scheduler.pin-map", || {
        attached(|_| scheduler::pin_map(MAP))
    }),
];

/// Name of the first scheduler that was declared.
fn declared() -> Result<String, Error> {
    let mut names = scheduler::declared().into_iter();
    let none = || Error::invalid("no scheduler is declared");
    names.next().ok_or_else(none)
}

/// Attaches it, does something, and detaches it. Each is asked for whatever
/// came of the one before.
fn attached(call: impl FnOnce(&str) -> Result<(), Error>) -> Result<(), Error> {
    let name = declared()?;
    let attached = scheduler::attach(&name);
    let done = call(&name);
    let detached = scheduler::detach();
    attached.and(done).and(detached)
}
