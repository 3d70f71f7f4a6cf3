//! What was not granted, on the way into a guest and in it.

use std::fs;

use proscenium_tests::layout;
use tempfile::TempDir;

use crate::hostile::emulators;
use crate::run::{command, run, run_in};

#[test]
fn a_request_beyond_the_grant_boots_nothing_and_its_lines_are_printed() {
    let state = TempDir::new().unwrap();
    let steady = crate::run::plugin("steady");
    let run = run_in(&mut command(
        &steady,
        &["--profile", "cgroup-only"],
        state.path(),
    ));
    assert_eq!(run.code, 3, "{}", run.stderr);
    for words in [
        "limits.workers: 1024 asked for, 0 granted",
        "[plugin.steady]",
        "limits.workers = 1024",
    ] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
    assert_eq!(run.event("run-ended")["outcome"], "refused");
    assert_eq!(run.all("booting").count(), 0);
    assert_eq!(emulators(state.path()), 0);
    assert!(!state.path().join("runs").exists(), "no run was prepared");
}

/// The program asks for no policy, so that none is in force, whatever could be.
#[test]
fn a_call_that_is_not_granted_is_denied_in_the_guest_counted_and_fails_the_run() {
    let run = crate::hostile::run("real-time");
    run.ends_as("real-time");
    assert_eq!(run.code, 1, "{}", run.stderr);
    let verdict = run.event("verdict");
    assert_eq!(verdict["notes"][0], "16 denied");
    let told = verdict["details"].to_string();
    for line in ["real-time = 99", "deadline = true", "nice = -20"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    // The two workers that it had before, and nothing beside the runtime.
    let collected: Vec<_> = run.all("collected").collect();
    assert_eq!(collected.len(), 1, "{collected:#?}");
    assert_eq!(collected[0]["workers"], 2);
}

#[test]
fn what_fails_a_run_in_the_guest_fails_nothing_where_denials_are_only_counted() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("grant.toml");
    fs::write(
        &file,
        "profile = \"scheduler-control\"\ndenied = \"count\"\n",
    )
    .unwrap();
    let run = run(
        &layout::program("hostile"),
        &[
            "--grant",
            file.to_str().unwrap(),
            "--param",
            "attack=real-time",
        ],
    );
    assert_eq!(run.code, 0, "{:#?}\n{}", run.events, run.stderr);
    let details = run.event("verdict")["details"].as_array().unwrap();
    assert!(!details.is_empty());
    assert!(details.iter().all(|detail| detail["kind"] == "denied"));
}
