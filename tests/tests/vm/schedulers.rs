//! Schedulers under test, through the CLI: the fixture of `tests/schedulers`
//! on the fetched kernel.
//!
//! Owns how it is declared and what is read from the events. What it does wrong
//! is chosen by its own arguments.

mod deaths;
mod examples;
mod faults;
mod swaps;

use proscenium_tests::layout;
use proscenium_tests::skip::skip;
use serde_json::Value;

use crate::run::Run;

/// `NAME=FIXTURE,WORD…`, or a skip of the test where it could not be built.
fn fixture(test: &str) -> Option<impl Fn(&str, &[&str]) -> String> {
    let program = layout::fixture_scheduler();
    if !program.is_file() {
        skip(
            test,
            "the fixture scheduler is not built: `cargo xtask schedulers` says why",
        );
        return None;
    }
    Some(move |name: &str, words: &[&str]| {
        let mut declared = format!("{name}={}", program.display());
        for word in words {
            declared.push(',');
            declared.push_str(word);
        }
        declared
    })
}

/// What happened to schedulers, in order: which, and what, as `name: what`.
fn changes(run: &Run) -> Vec<String> {
    run.all("scheduler")
        .map(|news| {
            let change = news["change"].as_object().unwrap().keys().next().unwrap();
            format!("{}: {change}", news["name"].as_str().unwrap())
        })
        .collect()
}

/// The one change of a kind.
fn change<'a>(run: &'a Run, kind: &str) -> &'a Value {
    run.all("scheduler")
        .map(|news| &news["change"][kind])
        .find(|change| !change.is_null())
        .unwrap_or_else(|| panic!("no {kind} in {:#?}\n{}", run.events, run.stderr))
}

/// Kind and message of everything that decided the verdict.
fn reasons(run: &Run) -> String {
    let details = run.all("detail").map(|detail| {
        let text = |key: &str| detail[key].as_str().unwrap_or_default();
        format!("{}: {}\n", text("kind"), text("message"))
    });
    details.collect()
}
