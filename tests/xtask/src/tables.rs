//! `cargo xtask conformance` and `cargo xtask hostile`: write
//! `tests/CONFORMANCE.md` and `tests/HOSTILE.md` anew.
//!
//! Owns only the calls: the suite `repository` knows the rows and the attacks,
//! finds their tests and compares the files. It writes instead when it is told to.

use crate::cargo;
use crate::console::Console;
use crate::workspace::Workspace;

/// The rows of the conformance list and their tests.
pub(crate) fn conformance(console: &Console, workspace: &Workspace) -> anyhow::Result<()> {
    write(console, workspace, "conformance", "CONFORMANCE")
}

/// The attacks of the hostile suite and their tests.
pub(crate) fn hostile(console: &Console, workspace: &Workspace) -> anyhow::Result<()> {
    write(console, workspace, "hostile", "HOSTILE")
}

/// Runs the tests of a table, told to write it first.
fn write(console: &Console, workspace: &Workspace, tests: &str, name: &str) -> anyhow::Result<()> {
    console.step(&format!("write tests/{name}.md"), |step| {
        let mut command = cargo::command(workspace, &["test", "--release"]);
        command
            .args(cargo::packages(workspace.host_side()))
            .args(["--test", "repository", "--", tests])
            .env(name, "write");
        cargo::run(step, command)
    })
}
