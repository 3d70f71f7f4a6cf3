//! What a running component's host functions work on, and the store around it.

use std::time::Duration;

use proscenium_wire::{Budget, Limits};
use wasmtime::component::{Instance, ResourceTable};
use wasmtime::{FrameInfo, Store, StoreLimits, StoreLimitsBuilder, Trap, WasmBacktrace};

use super::Plugin;
use super::budgets::Budgets;
use super::rate::CallRate;
use super::watchdog::Watchdog;
use crate::audit::Audit;
use crate::bindings;
use crate::executor::{Result, Stage};
use crate::interface::Linked;
use crate::name::clean_line;
use crate::scenario::{Ended, Performed};
use crate::world::WorldError;

/// Longest account of how a plugin ended, in bytes.
const MAX_MESSAGE: usize = 1_024;
/// Handles that one call lends, and some.
const LENT: usize = 16;

/// The store's data.
pub(crate) struct State {
    pub(crate) stage: Stage,
    pub(crate) table: ResourceTable,
    pub(crate) budgets: Budgets,
    pub(crate) audit: Audit,
    /// The plugin has said that something failed.
    pub(crate) failed: bool,
    rate: CallRate,
    /// What was used up by calls into the runtime: the component is to end.
    used_up: Option<Budget>,
    limits: StoreLimits,
    /// `None`: the component is in another process, which has its own.
    watchdog: Option<Watchdog>,
}

/// What a store needs of its data, whatever stands behind the interfaces.
pub(crate) trait Contained {
    fn store_limits(&mut self) -> &mut StoreLimits;

    /// Has the component's computing time run.
    fn resume(&mut self);

    /// Has it stand still.
    fn pause(&mut self);

    /// What was used up by calls, if anything: the reason why the component is
    /// to end.
    fn used_up(&self, limits: &Limits) -> Option<Abort>;
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl State {
    /// For a component that runs under `watchdog` in this process.
    pub(crate) fn new(stage: Stage, watchdog: Watchdog, limits: &Limits) -> Self {
        Self {
            watchdog: Some(watchdog),
            ..Self::apart(stage, limits)
        }
    }

    /// For a component that runs in another process.
    pub(crate) fn apart(stage: Stage, limits: &Limits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles as usize);
        Self {
            stage,
            table,
            budgets: Budgets::new(limits),
            audit: Audit::begin(),
            failed: false,
            rate: CallRate::new(limits.calls_per_second),
            used_up: None,
            limits: store_limits(limits),
            watchdog: None,
        }
    }

    /// Counts a call that begins `at` so many nanoseconds of the record. Ends the
    /// component where its calls are too many, come too fast, or said too much: it
    /// traps at its next loop or call, and this one is not to be carried out.
    #[inline]
    pub(crate) fn count_call(&mut self, at: u64) -> Result<(), Budget> {
        self.stage.count_call();
        let flooded = match self.stage.flooded() {
            None if !self.rate.take(at) => Some(Budget::CallRate),
            flooded => flooded,
        };
        flooded.map_or(Ok(()), |budget| Err(self.stop(budget)))
    }

    #[cold]
    fn stop(&mut self, budget: Budget) -> Budget {
        self.used_up = Some(budget);
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.end();
        }
        budget
    }

    /// Runs something that may wait; the component's computing time stands still.
    pub(crate) fn blocking<T>(&mut self, call: impl FnOnce(&mut Stage) -> Result<T>) -> Result<T> {
        self.pause();
        let result = call(&mut self.stage);
        self.resume();
        result
    }

    /// What is left once the component has ended.
    pub(crate) fn performed(self, ended: Ended) -> Performed {
        let Self {
            mut stage,
            budgets,
            audit,
            ..
        } = self;
        audit.end(&mut stage);
        Performed {
            stage,
            dropped_lines: budgets.dropped_lines,
            ended,
        }
    }
}

impl Contained for State {
    fn used_up(&self, limits: &Limits) -> Option<Abort> {
        let budget = self.used_up?;
        let message = format!("{} {}: no more than that", limits.get(budget), budget.key());
        Some(Abort::Limit(Some(budget), message))
    }

    fn store_limits(&mut self) -> &mut StoreLimits {
        &mut self.limits
    }

    fn resume(&mut self) {
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.resume();
        }
    }

    fn pause(&mut self) {
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.pause();
        }
    }
}

/// How a component's code ended other than by returning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Abort {
    /// What it says of itself is wrong.
    #[error("{0}")]
    Unfit(String),
    #[error("the plugin trapped: {0}")]
    Trapped(String),
    #[error("the plugin used up its computing time of {0:?}: wait with hold, or raise the limit")]
    OutOfTime(Duration),
    #[error("the plugin hit a limit: {1}")]
    Limit(Option<Budget>, String),
    #[error("{0}")]
    Fault(WorldError),
}

impl Abort {
    pub(crate) fn of(error: &wasmtime::Error, budget: Duration) -> Self {
        if let Some(fault) = error.downcast_ref::<WorldError>() {
            return Self::Fault(fault.clone());
        }
        let cause = error.root_cause().to_string();
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Self::OutOfTime(budget),
            Some(Trap::StackOverflow | Trap::AllocationTooLarge) => {
                Self::Limit(None, located(&cause, error))
            }
            None => match limit(&cause) {
                Some(budget) => Self::Limit(Some(budget), located(&cause, error)),
                None => Self::Trapped(located(&cause, error)),
            },
            Some(_) => Self::Trapped(located(&cause, error)),
        }
    }
}

/// wasmtime has no type for these; the suite `hostile` pins each text.
fn limit(cause: &str) -> Option<Budget> {
    [
        ("forcing trap when growing memory", Budget::Memory),
        ("forcing trap when growing table", Budget::Tables),
        ("resource limit exceeded", Budget::Instances),
        ("fuel allocated for hostcalls", Budget::CallBytes),
        ("store handle limit exceeded", Budget::Handles),
    ]
    .into_iter()
    .find_map(|(text, budget)| cause.contains(text).then_some(budget))
}

/// The cause, then where in the plugin it was: names are the plugin's own, and
/// many enough to push the cause out of a bounded line.
fn located(cause: &str, error: &wasmtime::Error) -> String {
    let trace = error.downcast_ref::<WasmBacktrace>();
    let frames = trace.map_or(&[][..], WasmBacktrace::frames);
    let names: Vec<&str> = frames.iter().filter_map(FrameInfo::func_name).collect();
    let text = if names.is_empty() {
        cause.to_owned()
    } else {
        format!("{cause}: in {}", names.join(", called by "))
    };
    clean_line(&text, MAX_MESSAGE)
}

/// What `run` may compute, waits excluded.
pub(crate) fn computing_time(limits: &Limits) -> Duration {
    Duration::from_millis(limits.compute_ms)
}

/// A watchdog with the computing time of `limits`.
pub(crate) fn watchdog(plugin: &Plugin, limits: &Limits) -> Result<Watchdog, Abort> {
    Watchdog::new(&plugin.engine, computing_time(limits)).map_err(|error| {
        let errno = nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
        let what = "start the watchdog".to_owned();
        Abort::Fault(WorldError::Environment { what, errno })
    })
}

/// A store under `limits`, its clock standing still.
pub(crate) fn store<T: Contained + 'static>(plugin: &Plugin, data: T, limits: &Limits) -> Store<T> {
    let mut store = Store::new(&plugin.engine, data);
    store.limiter(|data| data.store_limits());
    store.set_hostcall_fuel(limits.call_bytes as usize);
    store.set_max_component_handles(handles(limits));
    // One move of the epoch is the end. Armed before instantiation, for start
    // functions run there.
    store.set_epoch_deadline(1);
    store.epoch_deadline_trap();
    store
}

/// What wasmtime bounds on its side, where the component's own resources and
/// what a call lends count as well: a little more than those of the runtime,
/// which are refused by it.
pub(crate) fn handles(limits: &Limits) -> usize {
    limits.handles as usize + LENT
}

/// What wasmtime itself bounds.
pub(crate) fn store_limits(limits: &Limits) -> StoreLimits {
    StoreLimitsBuilder::new()
        .memory_size(usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX))
        .table_elements(limits.table_elements as usize)
        .instances(limits.instances as usize)
        .memories(limits.instances as usize)
        .tables(limits.instances as usize)
        // A plugin that cannot grow its memory would only trap later, with
        // less to say.
        .trap_on_grow_failure(true)
        .build()
}

/// Runs `call` on an instance of the component under the watchdog.
pub(crate) fn instantiate<T: Contained + Linked, R>(
    plugin: &Plugin,
    store: &mut Store<T>,
    limits: &Limits,
    live: bool,
    call: impl FnOnce(&mut Store<T>, &bindings::Plugin) -> wasmtime::Result<R>,
) -> Result<R, Abort> {
    let mut run = || {
        let linker = plugin.linker(live)?;
        store.data_mut().resume();
        let instance: Instance = linker.instantiate(&mut *store, &plugin.component)?;
        let scenario = bindings::Plugin::new(&mut *store, &instance)?;
        Ok((instance, scenario))
    };
    let started = run();
    let result = match started {
        Ok((_, scenario)) => call(store, &scenario),
        Err(error) => Err(error),
    };
    store.data_mut().pause();
    let aborted = result.map_err(|error| Abort::of(&error, computing_time(limits)));
    match (aborted, store.data().used_up(limits)) {
        (Err(fault @ Abort::Fault(_)), _) => Err(fault),
        // It may have ended before it was, or in the way in which it is.
        (_, Some(limit)) => Err(limit),
        (result, None) => result,
    }
}
