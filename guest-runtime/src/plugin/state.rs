//! What a running component's host functions work on, and the store around it.

use std::time::Duration;

use proscenium_wire::{Budget, Limits};
use wasmtime::component::{Instance, ResourceTable};
use wasmtime::{FrameInfo, Store, StoreLimits, StoreLimitsBuilder, Trap, WasmBacktrace};

use super::Plugin;
use super::budgets::Budgets;
use super::watchdog::Watchdog;
use crate::audit::Audit;
use crate::bindings;
use crate::executor::{Result, Stage};
use crate::name::clean_line;
use crate::world::WorldError;

/// Longest account of how a plugin ended, in bytes.
const MAX_MESSAGE: usize = 1_024;

/// The store's data.
pub(crate) struct State {
    pub(crate) stage: Stage,
    pub(crate) table: ResourceTable,
    pub(crate) budgets: Budgets,
    pub(crate) audit: Audit,
    /// The plugin has said that something failed.
    pub(crate) failed: bool,
    /// What was used up by calls into the runtime: the component is to end.
    used_up: Option<Budget>,
    limits: StoreLimits,
    watchdog: Watchdog,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Ends the component where its calls were too many, or said too much: it
    /// traps at its next loop or call.
    pub(crate) fn stop_floods(&mut self) {
        if let Some(budget) = self.stage.flooded() {
            self.used_up = Some(budget);
            self.watchdog.end();
        }
    }

    /// Runs something that may wait; the component's computing time stands still.
    pub(crate) fn blocking<T>(&mut self, call: impl FnOnce(&mut Stage) -> Result<T>) -> Result<T> {
        self.watchdog.pause();
        let result = call(&mut self.stage);
        self.watchdog.resume();
        result
    }
}

/// How a component's code ended other than by returning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Abort {
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

/// A watchdog with the computing time of `limits`.
pub(crate) fn watchdog(plugin: &Plugin, limits: &Limits) -> Result<Watchdog, Abort> {
    let budget = Duration::from_millis(limits.compute_ms);
    Watchdog::new(&plugin.engine, budget).map_err(|error| {
        let errno = nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
        let what = "start the watchdog".to_owned();
        Abort::Fault(WorldError::Environment { what, errno })
    })
}

/// A store under `limits`, its clock standing still.
pub(crate) fn store(
    plugin: &Plugin,
    stage: Stage,
    watchdog: Watchdog,
    limits: &Limits,
) -> Store<State> {
    let mut table = ResourceTable::new();
    table.set_max_capacity(limits.handles as usize);
    let state = State {
        stage,
        table,
        budgets: Budgets::new(limits),
        audit: Audit::begin(),
        failed: false,
        used_up: None,
        limits: store_limits(limits),
        watchdog,
    };
    let mut store = Store::new(&plugin.engine, state);
    store.limiter(|state| &mut state.limits);
    store.set_hostcall_fuel(limits.call_bytes as usize);
    // One move of the epoch is the end. Armed before instantiation, for start
    // functions run there.
    store.set_epoch_deadline(1);
    store.epoch_deadline_trap();
    store
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
pub(crate) fn instantiate<T>(
    plugin: &Plugin,
    store: &mut Store<State>,
    limits: &Limits,
    live: bool,
    call: impl FnOnce(&mut Store<State>, &bindings::Plugin) -> wasmtime::Result<T>,
) -> Result<T, Abort> {
    let budget = Duration::from_millis(limits.compute_ms);
    let mut run = || {
        let linker = plugin.linker(live)?;
        store.data_mut().watchdog.resume();
        let instance: Instance = linker.instantiate(&mut *store, &plugin.component)?;
        let scenario = bindings::Plugin::new(&mut *store, &instance)?;
        Ok((instance, scenario))
    };
    let started = run();
    let result = match started {
        Ok((_, scenario)) => call(store, &scenario),
        Err(error) => Err(error),
    };
    store.data_mut().watchdog.pause();
    result.map_err(|error: wasmtime::Error| {
        match (Abort::of(&error, budget), store.data().used_up) {
            (Abort::OutOfTime(_), Some(used_up)) => {
                let most = limits.get(used_up);
                let message = format!("{} {}: no more than that", most, used_up.key());
                Abort::Limit(Some(used_up), message)
            }
            (abort, _) => abort,
        }
    })
}
