//! A scenario plugin: from bytes to a component that can be described and run.
//!
//! Bytes are hostile. What is wrong with them is said before anything is
//! compiled; a component runs only under limits on memory, tables, handles,
//! host allocation and computing time, and only with the interfaces that it
//! imports.

mod budgets;
mod describe;
mod engine;
mod inspect;
mod load;
mod rate;
mod state;
mod watchdog;

pub use crate::bindings::scenario::{
    Context, Controllers, KernelAccess, Manifest, Needs, Parameter, Request,
};
pub(crate) use describe::check_name;
pub use describe::{CallError, check_manifest};
#[cfg(feature = "compiler")]
pub use engine::settings_id;
pub use inspect::{Import, Reach};
pub use load::{Foreign, LoadError, Plugin};
pub use rate::CallRate;
pub(crate) use state::{
    Abort, Contained, State, computing_time, handles, instantiate, store, store_limits, watchdog,
};
pub(crate) use watchdog::Watchdog;
