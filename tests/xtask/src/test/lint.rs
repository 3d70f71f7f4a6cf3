//! Tier `lint`: formatting and clippy.
//!
//! Owns which packages are linted for which target. The rules are in the root
//! `Cargo.toml`, `clippy.toml` and `rustfmt.toml`.

use std::process::Command;

use super::Context;
use super::tally::Tally;
use crate::cargo::{self, WASM};
use crate::schedulers;

/// The format, clippy for this machine, clippy for wasm.
pub(super) fn run(context: Context<'_>) -> Tally {
    let Context { workspace, .. } = context;
    let mut tally = check(
        context,
        "format",
        cargo::command(workspace, &["fmt", "--all", "--check"]),
    );
    // Clippy would need what it is built with; the format needs nothing.
    let mut fixture = cargo::command(workspace, &["fmt", "--check"]);
    fixture.current_dir(workspace.root().join(schedulers::SOURCES));
    tally.add(check(context, "format: fixture scheduler", fixture));

    let clippy = |selection: &[&str]| {
        let mut command = cargo::command(workspace, &["clippy", "--release"]);
        command.args(selection).args(["--", "-D", "warnings"]);
        command
    };
    let mut host = cargo::packages(workspace.host_side());
    host.push("--all-targets");
    tally.add(check(context, "clippy: host and guest", clippy(&host)));
    // The chores share no features with the rest; see `Workspace::plugin_side`.
    tally.add(check(
        context,
        "clippy: chores",
        clippy(&["-p", "xtask", "--all-targets"]),
    ));
    let mut plugins = cargo::packages(workspace.plugin_side());
    plugins.extend(["--target", WASM]);
    tally.add(check(context, "clippy: SDK and plugins", clippy(&plugins)));
    tally
}

fn check(context: Context<'_>, name: &str, command: Command) -> Tally {
    Tally::of(
        name,
        &context.console.step(name, |step| cargo::run(step, command)),
    )
}
