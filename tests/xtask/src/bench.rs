//! `cargo xtask bench`: runs the benches of `tests/benches`.
//!
//! Owns their selection. Each bench measures both sides of its ratio in one
//! run and prints it; nothing is compared across runs here.

use anyhow::ensure;

use crate::cargo;
use crate::console::Console;
use crate::setup::{self, Extent};
use crate::workspace::Workspace;

/// Runs the benches whose name contains `filter`, one after another.
pub(crate) fn run(
    console: &Console,
    workspace: &Workspace,
    filter: Option<&str>,
) -> anyhow::Result<()> {
    let mut benches = workspace.benches();
    benches.retain(|name| filter.is_none_or(|filter| name.contains(filter)));
    ensure!(
        !benches.is_empty(),
        "there is no such bench in tests/benches"
    );
    setup::run(console, workspace, Extent::Test)?;
    crate::build::all(console, workspace)?;
    for bench in benches {
        console.step(&format!("bench {bench}"), |step| {
            // One profile for everything, so that nothing is compiled again.
            let mut command = cargo::command(workspace, &["bench", "--profile", "release"]);
            command
                .args(cargo::packages(workspace.host_side()))
                .args(["--bench", bench]);
            command.env("PROSCENIUM_LAYOUT", crate::build::layout(workspace).root());
            cargo::run(step, command)
        })?;
    }
    Ok(())
}
