//! `cargo xtask conformance`: writes `tests/CONFORMANCE.md` anew.
//!
//! Owns only the call: the suite `repository` knows the rows, finds their tests
//! and compares the file. It writes instead when it is told to.

use crate::cargo;
use crate::console::Console;
use crate::workspace::Workspace;

/// Runs the test that compares the file, told to write it first.
pub(crate) fn run(console: &Console, workspace: &Workspace) -> anyhow::Result<()> {
    console.step("write tests/CONFORMANCE.md", |step| {
        let mut command = cargo::command(workspace, &["test", "--release"]);
        command
            .args(cargo::packages(workspace.host_side()))
            .args(["--test", "repository", "--", "conformance"])
            .env("CONFORMANCE", "write");
        cargo::run(step, command)
    })
}
