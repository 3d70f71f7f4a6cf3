//! Tier `doc`: the documentation builds without warnings, its examples pass.
//!
//! Owns the selection. Examples are counted one by one, as tests are.

use super::Context;
use super::runner;
use super::tally::Tally;
use crate::cargo;

/// rustdoc with warnings as errors, then the examples, for either side.
pub(super) fn run(context: Context<'_>) -> Tally {
    let Context {
        console, workspace, ..
    } = context;
    let mut tally = Tally::default();
    let sides = [
        ("host and guest", workspace.host_side()),
        ("SDK", vec!["proscenium-sdk"]),
    ];
    for (side, packages) in sides {
        let packages = cargo::packages(packages);
        let name = format!("rustdoc: {side}");
        let result = console.step(&name, |step| {
            let mut command = cargo::command(workspace, &["doc", "--release", "--no-deps"]);
            command.args(&packages).env("RUSTDOCFLAGS", "-D warnings");
            cargo::run(step, command)
        });
        tally.add(Tally::of(&name, &result));
        tally.add(runner::examples(context, side, &packages));
    }
    tally
}
