//! Runs scheduler scenarios that are WebAssembly plugins in a VM with a real
//! kernel, and owns the verdict.

pub mod audit;
pub mod child;
pub mod cli;
pub mod doctor;
pub mod error;
pub mod event;
pub mod exit_code;
pub mod grant;
pub mod kernel;
pub mod layout;
pub mod local;
pub mod payload;
pub mod plugin;
pub mod program;
pub mod report;
pub mod run_dir;
pub mod scheduler;
pub mod session;
pub mod shield;
pub mod vm;
