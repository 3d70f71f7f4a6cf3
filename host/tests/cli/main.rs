//! The command line through the real program.
//!
//! `plugins` and `new_plugin` have cargo build plugins: the first time that
//! takes a minute or two.

mod audit;
mod check;
mod command_line;
mod grants;
mod new_plugin;
mod plugins;
mod schedulers;
mod support;
