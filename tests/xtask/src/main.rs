//! `cargo xtask`: the chores of this repository, one file each.
//!
//! Owns the command line of the chores. Never does one itself, and is never
//! part of what is installed: users of Proscenium do not meet it.

mod bench;
mod build;
mod cargo;
mod console;
mod demo;
mod guest;
mod install;
mod layout;
mod real_schedulers;
mod schedulers;
mod setup;
mod share;
mod stream;
mod tables;
mod test;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::console::Console;
use crate::setup::Extent;
use crate::workspace::Workspace;

/// Chores of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what is missing: Rust targets, Debian packages, a guest kernel
    Setup,
    /// Build the CLI, the guest's programs and the example plugins
    Build,
    /// Build the sched_ext scheduler that tests run; `test` and `bench` do as well
    Schedulers,
    /// Build, then install the CLI with its files below a prefix
    Install {
        /// Where to install; `bin`, `libexec` and `share` are made in it
        #[arg(long, value_name = "DIR")]
        prefix: Option<PathBuf>,
    },
    /// Set up, build, run an example scenario in a VM and show what happened
    Demo,
    /// Set up, build, run every test
    Test(test::Args),
    /// Fetch and build a scheduler of others, run scenarios under it; takes many minutes
    TestRealSchedulers,
    /// Write tests/CONFORMANCE.md: which test sees which row
    Conformance,
    /// Write tests/HOSTILE.md: which test sees which attack
    Hostile,
    /// Run the benches: of the tests, of the worker, and those that run in a guest
    Bench {
        /// Only benches whose name contains this
        filter: Option<String>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::new();
    match run(&console, cli.task) {
        Ok(code) => code,
        Err(error) => {
            console.error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(console: &Console, task: Task) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match task {
        Task::Setup => setup::run(console, &workspace, Extent::Run)?,
        Task::Build => build::all(console, &workspace)?,
        Task::Schedulers => schedulers::ensure(console, &workspace)?,
        Task::Install { prefix } => install::run(console, &workspace, prefix)?,
        Task::Demo => return demo::run(console, &workspace),
        Task::Test(args) => return test::run(console, &workspace, &args),
        Task::TestRealSchedulers => real_schedulers::run(console, &workspace)?,
        Task::Conformance => tables::conformance(console, &workspace)?,
        Task::Hostile => tables::hostile(console, &workspace)?,
        Task::Bench { filter } => bench::run(console, &workspace, filter.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}
