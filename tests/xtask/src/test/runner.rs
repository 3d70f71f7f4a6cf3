//! Runs tests with cargo-nextest where it is installed, else with `cargo test`,
//! and counts from what they say.
//!
//! Owns both command lines. A runner that fails without a failed test in its
//! summary (a compile error, a crash) counts as one failure, so that no failure
//! is lost from the count. A test that finds that it cannot run here appends a
//! line to the file that `PROSCENIUM_SKIPS` names; to the runner it has passed,
//! and here it is counted as skipped.

use std::fs;
use std::process::Command;

use anyhow::ensure;

use super::Context;
use super::summary::{Runner, Summary};
use super::tally::Tally;
use crate::build;
use crate::cargo::{self, plain};
use crate::guest;
use crate::stream;
use crate::workspace::on_path;

/// The component that suites find in a guest.
const FUNCTIONS: &str = "functions.wasm";

/// Some test targets.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    /// What to call them.
    pub(super) name: &'a str,
    /// cargo's words for them.
    pub(super) cargo: Vec<&'a str>,
    /// How many tests run at a time; `None` leaves it to the runner.
    pub(super) threads: Option<usize>,
}

/// Runs the tests of `selection`.
pub(super) fn run(context: Context<'_>, selection: &Selection<'_>) -> Tally {
    let runner = if on_path("cargo-nextest").is_some() {
        Runner::Nextest
    } else {
        Runner::Libtest
    };
    let command = match runner {
        Runner::Nextest => nextest(context, selection),
        Runner::Libtest => libtest(context, selection),
    };
    execute(
        context,
        &format!("test: {}", selection.name),
        command,
        runner,
    )
}

/// Runs the examples in the documentation of `packages`: only `cargo test` can.
pub(super) fn examples(context: Context<'_>, side: &str, packages: &[&str]) -> Tally {
    let mut command = cargo::command(context.workspace, &["test", "--release", "--no-fail-fast"]);
    command.args(packages).arg("--doc");
    execute(
        context,
        &format!("examples: {side}"),
        command,
        Runner::Libtest,
    )
}

/// Runs the tests of `selection`, which are built for the guest, in guests of
/// `kernel`. A boot is a process to `cargo test`, and would be a test to nextest.
pub(super) fn run_in_guest(
    context: Context<'_>,
    selection: &Selection<'_>,
    kernel: Option<&str>,
) -> Tally {
    let mut command = libtest(context, selection);
    guest::boots(&mut command, context.workspace, FUNCTIONS, kernel);
    execute(
        context,
        &format!("test: {}", selection.name),
        command,
        Runner::Libtest,
    )
}

fn nextest(context: Context<'_>, selection: &Selection<'_>) -> Command {
    let mut command = cargo::command(context.workspace, &["nextest", "run", "--release"]);
    command.args([
        "--no-fail-fast",
        "--no-tests",
        "pass",
        "--show-progress",
        "none",
    ]);
    command.args(&selection.cargo);
    if context.console.colour() {
        command.args(["--color", "always"]);
    }
    if let Some(threads) = selection.threads {
        command.arg("--test-threads").arg(threads.to_string());
    }
    command.args(context.filter);
    command
}

fn libtest(context: Context<'_>, selection: &Selection<'_>) -> Command {
    let mut command = cargo::command(context.workspace, &["test", "--release", "--no-fail-fast"]);
    command
        .args(&selection.cargo)
        .arg("--")
        .args(context.filter);
    if let Some(threads) = selection.threads {
        command.arg("--test-threads").arg(threads.to_string());
    }
    command
}

fn execute(context: Context<'_>, name: &str, mut command: Command, runner: Runner) -> Tally {
    let layout = build::layout(context.workspace);
    let skips = layout.root().join("skipped-tests");
    // A record of an earlier run would be counted again.
    let _ = fs::remove_file(&skips);
    command
        .env("PROSCENIUM_LAYOUT", layout.root())
        .env("PROSCENIUM_SKIPS", &skips);
    let mut summary = Summary::new(runner, context.filter.is_some());
    let result = context.console.step(name, |step| {
        let ended = stream::run(command, |line| {
            step.line(line);
            summary.read(&plain(line));
        })?;
        ensure!(
            !ended.left_processes,
            "a process outlived the tests and holds their output"
        );
        ensure!(
            ended.status.success(),
            "the runner ended with {}",
            ended.status
        );
        Ok(())
    });
    let skipped = fs::read_to_string(&skips).unwrap_or_default();
    let mut tally = summary.tally(skipped.lines());
    if let Err(error) = result
        && !tally.has_failures()
    {
        tally.add(Tally::failure(&format!("{name}: {error:#}")));
    }
    tally
}
