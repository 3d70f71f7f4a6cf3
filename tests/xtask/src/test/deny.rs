//! Tier `deny`: licences, sources and advisories of what we depend on.
//!
//! Owns the call to cargo-deny, which is not installed by set-up: building it
//! takes longer than building us. The rules are in `deny.toml`.

use super::Context;
use super::tally::Tally;
use crate::cargo;
use crate::workspace::on_path;

const CHECKS: [&str; 4] = ["licenses", "bans", "sources", "advisories"];

/// One check per kind of rule, or one skip.
pub(super) fn run(context: Context<'_>) -> Tally {
    let Context {
        console, workspace, ..
    } = context;
    if on_path("cargo-deny").is_none() {
        let why = "cargo-deny is not installed: `cargo install --locked cargo-deny`";
        console.progress(&format!("  SKIP deny: {why}"));
        return Tally::skip(why);
    }
    let mut tally = Tally::default();
    for check in CHECKS {
        let name = format!("deny: {check}");
        let result = console.step(&name, |step| {
            cargo::run(step, cargo::command(workspace, &["deny", "check", check]))
        });
        tally.add(Tally::of(&name, &result));
    }
    tally
}
