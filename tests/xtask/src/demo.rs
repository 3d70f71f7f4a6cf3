//! `cargo xtask demo`: from a clone to a scenario in a real kernel.
//!
//! Owns the choice of the example. What happened is said by the CLI itself.

use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::build;
use crate::console::Console;
use crate::setup::{self, Extent};
use crate::workspace::Workspace;

const EXAMPLE: [&str; 6] = [
    "run",
    "plugins/cpuset-shrink",
    "--topology",
    "1n2l4c1t",
    "--duration",
    "4s",
];

/// Sets up, builds, runs the example. Its exit code is ours.
pub(crate) fn run(console: &Console, workspace: &Workspace) -> anyhow::Result<ExitCode> {
    setup::run(console, workspace, Extent::Run)?;
    build::all(console, workspace)?;
    let cli = build::layout(workspace).cli();
    console.progress(&format!("\n$ proscenium {}", EXAMPLE.join(" ")));
    let status = Command::new(&cli)
        .args(EXAMPLE)
        .current_dir(workspace.root())
        .status()
        .with_context(|| format!("failed to start {}", cli.display()))?;
    if !status.success() {
        return Ok(status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1)
            .into());
    }
    let cli = cli
        .strip_prefix(workspace.root())
        .unwrap_or(&cli)
        .display()
        .to_string();
    console.result("\nNext, from here:");
    for (words, what) in NEXT {
        console.result(&format!("  {cli} {words:<36} {what}"));
    }
    console.result("  cargo xtask install                     puts `proscenium` into ~/.local/bin");
    Ok(ExitCode::SUCCESS)
}

const NEXT: [(&str, &str); 4] = [
    (
        "run plugins/watch-and-react",
        "a scenario that reads counters and decides",
    ),
    (
        "check plugins/cpuset-shrink",
        "the same checks without a VM, at once",
    ),
    (
        "inspect plugins/cpuset-shrink",
        "what a plugin is and what it can touch",
    ),
    ("new my-scenario", "a plugin of your own"),
];
