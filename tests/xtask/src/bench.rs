//! `cargo xtask bench`: runs the benches, here and in a guest.
//!
//! Owns their selection. Each bench measures both sides of its ratio in one
//! run and prints it; nothing is compared across runs here.

use anyhow::ensure;

use crate::build;
use crate::cargo::{self, GUEST};
use crate::console::Console;
use crate::guest;
use crate::schedulers;
use crate::setup::{self, Extent};
use crate::workspace::{GUEST_RUNTIME, Workspace};

/// The scenario that is measured in a guest.
const YARDSTICK: &str = "yardstick.wasm";

/// Runs the benches whose name contains `filter`, one after another.
pub(crate) fn run(
    console: &Console,
    workspace: &Workspace,
    filter: Option<&str>,
) -> anyhow::Result<()> {
    let chosen = |name: &&str| filter.is_none_or(|filter| name.contains(filter));
    let mut here = workspace.benches();
    here.retain(chosen);
    let mut inside = workspace.guest_benches();
    inside.retain(chosen);
    ensure!(
        !(here.is_empty() && inside.is_empty()),
        "no bench has a name like that"
    );
    setup::run(console, workspace, Extent::Test)?;
    build::all(console, workspace)?;
    schedulers::ensure(console, workspace)?;
    // One profile for everything, so that nothing is compiled again.
    let bench = || cargo::command(workspace, &["bench", "--profile", "release"]);
    let layout = build::layout(workspace);
    for name in here {
        console.step(&format!("bench {name}"), |step| {
            let mut command = bench();
            command
                .args(cargo::packages(workspace.host_side()))
                .args(["--bench", name])
                .env("PROSCENIUM_LAYOUT", layout.root());
            cargo::run(step, command)
        })?;
    }
    if !inside.is_empty() {
        guest::build_runner(console, workspace)?;
    }
    for name in inside {
        console.step(&format!("bench {name}, in a guest"), |step| {
            let mut command = bench();
            command
                .args(["--target", GUEST, "-p", GUEST_RUNTIME, "--bench", name])
                .env("PROSCENIUM_LAYOUT", layout.root());
            guest::boots(&mut command, workspace, YARDSTICK, None);
            cargo::run(step, command)
        })?;
    }
    Ok(())
}
