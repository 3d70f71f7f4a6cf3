//! Lines in the run's log. Capability: `log`.
//!
//! A plugin imports `log` when it uses one of the macros here or
//! [`report_panics`], and not otherwise. [`export!`](crate::export) installs
//! nothing: a plugin that did not ask for `log` does not get it by panicking.

use std::panic;

use crate::bindings::proscenium::scenario::log;
pub use crate::bindings::proscenium::scenario::log::Level;

/// One line at `level`: the macros' common end.
pub fn line(level: Level, message: &str) {
    log::log(level, message);
}

/// From here on a panic's text and place go to the log as an error before the
/// plugin traps. Call it first in `run`.
///
/// Without it a panic shows as a trap in the report, with its call stack and
/// without its text: a component without WASI has no standard error to write
/// to. Costs an import of `log` and some 6 KB of component (measured with Rust 1.95).
pub fn report_panics() {
    panic::set_hook(Box::new(|info| line(Level::Error, &info.to_string())));
}

/// Logs what keeps the scenario from being meaningful; `format!` arguments.
///
/// ```no_run
/// proscenium_sdk::error!("no CPU time in {} of {} phases", 2, 3);
/// ```
#[macro_export]
macro_rules! error {
    ($($arg:tt)+) => { $crate::log::line($crate::log::Level::Error, &::std::format!($($arg)+)) };
}

/// Logs what is odd but no failure; `format!` arguments.
///
/// ```no_run
/// proscenium_sdk::warn!("no pressure figures on this kernel");
/// ```
#[macro_export]
macro_rules! warn {
    ($($arg:tt)+) => { $crate::log::line($crate::log::Level::Warn, &::std::format!($($arg)+)) };
}

/// Logs the course of things; `format!` arguments.
///
/// ```no_run
/// let cpus = 4;
/// proscenium_sdk::info!("load on {cpus} CPUs");
/// ```
#[macro_export]
macro_rules! info {
    ($($arg:tt)+) => { $crate::log::line($crate::log::Level::Info, &::std::format!($($arg)+)) };
}

/// Logs figures for whoever writes the scenario; `format!` arguments.
///
/// ```no_run
/// proscenium_sdk::debug!("used {} us", 31);
/// ```
#[macro_export]
macro_rules! debug {
    ($($arg:tt)+) => { $crate::log::line($crate::log::Level::Debug, &::std::format!($($arg)+)) };
}

/// Logs every turn of a loop; `format!` arguments.
///
/// ```no_run
/// proscenium_sdk::trace!("round {}", 7);
/// ```
#[macro_export]
macro_rules! trace {
    ($($arg:tt)+) => { $crate::log::line($crate::log::Level::Trace, &::std::format!($($arg)+)) };
}
