//! Tier `vm`: suites that boot VMs.
//!
//! Owns what has to be there before. Never boots anything itself.

use super::Context;
use super::suites;
use super::tally::Tally;
use crate::setup::{self, Extent, packages};
use crate::workspace::VM_SUITE;

/// The suite, or one skip where this machine cannot be made ready by us.
pub(super) fn run(context: Context<'_>) -> Tally {
    let Context {
        console, workspace, ..
    } = context;
    if !workspace.suites().contains(&VM_SUITE) {
        return skip(context, "tests/ has no suite named `vm`");
    }
    if let Some(obstacle) = packages::obstacle() {
        return skip(context, &obstacle);
    }
    if let Err(error) = setup::machine(console, workspace, Extent::Test) {
        let error = format!("{error:#}");
        console.error(&error);
        return Tally::failure(&error);
    }
    suites::vm(context)
}

fn skip(context: Context<'_>, why: &str) -> Tally {
    context.console.progress(&format!("  SKIP vm: {why}"));
    Tally::skip(why)
}
