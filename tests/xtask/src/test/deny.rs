//! Tier `deny`: licences, sources and advisories of what we depend on.
//!
//! Owns the call to cargo-deny, which is not installed by set-up: building it
//! takes longer than building us. The rules are in `deny.toml`.

use super::Context;
use super::tally::Tally;
use crate::cargo;
use crate::workspace::on_path;

/// What can be told from the lock file and the crates that are here.
const OFFLINE: [&str; 3] = ["licenses", "bans", "sources"];

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
    let mut check = |name: &str, arguments: &[&str]| {
        let result = console.step(&format!("deny: {name}"), |step| {
            cargo::run(step, cargo::command(workspace, arguments))
        });
        tally.add(Tally::of(name, &result));
    };
    for name in OFFLINE {
        check(
            name,
            &["deny", "--offline", "check", "--hide-inclusion-graph", name],
        );
    }
    // The advisories are a repository of its own, which not every machine reaches.
    let fetched = console.step("deny: fetch the advisories", |step| {
        cargo::run(step, cargo::command(workspace, &["deny", "fetch", "db"]))
    });
    match fetched {
        Ok(()) => check(
            "advisories",
            &["deny", "check", "--disable-fetch", "advisories"],
        ),
        Err(error) => tally.add(Tally::skip(&format!("advisories: {error:#}"))),
    }
    tally
}
