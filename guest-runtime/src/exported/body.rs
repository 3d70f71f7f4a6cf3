//! One instance of a component that runs one loop.
//!
//! Owns the instance and its bounds on memory and the like. Whoever makes it
//! owns time: the engine's epoch moves by a clock of theirs.

use std::time::Duration;

use proscenium_wire::Limits;
use proscenium_worker::{Breakdown, BreakdownKind};
use wasmtime::{Store, StoreLimits};

use crate::bindings::own_work::{OwnWork, Seat};
use crate::name::clean_line;
use crate::plugin::{Abort, Plugin, handles, store_limits};

/// CPU time that each call may take, at least.
pub(super) const CALL_TIME: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Body {
    store: Store<StoreLimits>,
    exports: OwnWork,
    /// Moves of the epoch that end a call.
    ticks: u64,
}

impl Body {
    /// An instance in which nothing has been called yet. A call ends when the
    /// epoch has moved `ticks` times.
    ///
    /// # Errors
    /// Its start functions break down.
    pub(super) fn open(plugin: &Plugin, limits: &Limits, ticks: u64) -> Result<Self, Breakdown> {
        let mut store = Store::new(&plugin.engine, store_limits(limits));
        store.limiter(|limits| limits);
        store.set_hostcall_fuel(limits.call_bytes as usize);
        store.set_max_component_handles(handles(limits));
        store.set_epoch_deadline(ticks);
        store.epoch_deadline_trap();
        let mut instantiate = || {
            let linker = plugin.sealed_linker()?;
            OwnWork::instantiate(&mut store, &plugin.component, &linker)
        };
        let exports = instantiate().map_err(|error| broken(&error))?;
        Ok(Self {
            store,
            exports,
            ticks,
        })
    }

    /// Names of the loops, as the component gives them.
    ///
    /// # Errors
    /// It breaks down.
    pub(super) fn works(&mut self) -> Result<Vec<String>, Breakdown> {
        let work = self.exports.proscenium_scenario_work();
        work.call_works(&mut self.store)
            .map_err(|error| broken(&error))
    }

    /// Makes it ready for one loop. The instance's start counts into this call.
    ///
    /// # Errors
    /// It says that it cannot, or breaks down.
    pub(super) fn prepare(&mut self, seat: &Seat) -> Result<(), Breakdown> {
        let work = self.exports.proscenium_scenario_work();
        let said = work
            .call_prepare(&mut self.store, seat)
            .map_err(|error| broken(&error))?;
        said.map_err(|reason| Breakdown {
            kind: BreakdownKind::Refused,
            message: clean_line(&reason, 400),
        })
    }

    /// Runs the loop for at most `budget` units; says for how many.
    ///
    /// # Errors
    /// It breaks down.
    pub(super) fn run_batch(&mut self, budget: u32) -> Result<u32, Breakdown> {
        self.store.set_epoch_deadline(self.ticks);
        let work = self.exports.proscenium_scenario_work();
        let done = work.call_run_batch(&mut self.store, budget);
        Ok(done.map_err(|error| broken(&error))?.min(budget))
    }
}

fn broken(error: &wasmtime::Error) -> Breakdown {
    let (kind, message) = match Abort::of(error, CALL_TIME) {
        Abort::Trapped(message) | Abort::Unfit(message) => (BreakdownKind::Trapped, message),
        Abort::Limit(_, message) => (BreakdownKind::Limit, message),
        Abort::OutOfTime(time) => {
            let seconds = time.as_secs();
            let message = format!(
                "a call did not return within {seconds} s of CPU time: do less in a unit, and no more units than asked for"
            );
            (BreakdownKind::OutOfTime, message)
        }
        Abort::Fault(fault) => (BreakdownKind::Unable, fault.to_string()),
    };
    Breakdown { kind, message }
}
