//! Schedulers that do not get ready, and machines that end under one.

use std::fs;

use proscenium_tests::layout;
use tempfile::TempDir;

use super::{change, changes, fixture, reasons};
use crate::run::{Run, command, evidence, plugin, run_in};

/// A run of `steady`, whose scheduler is declared by a file with these lines.
fn declared(state: &TempDir, lines: &str) -> Run {
    let file = state.path().join("schedulers.toml");
    let fixture = layout::fixture_scheduler();
    let text = format!(
        "[[scheduler]]\nname = \"fixture\"\nbinary = {:?}\n{lines}\n",
        fixture.canonicalize().unwrap()
    );
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let arguments = ["--duration", "1s", "--schedulers", &file];
    run_in(&mut command(&plugin("steady"), &arguments, state.path()))
}

/// Everything that was said of the run, to be searched.
fn said(run: &Run) -> String {
    format!("{}\n{:#?}\n{}", reasons(run), run.events, run.stderr)
}

#[test]
fn a_scheduler_that_does_not_get_ready_starts_no_scenario_and_its_words_are_told() {
    let name = "a_scheduler_that_does_not_get_ready_starts_no_scenario_and_its_words_are_told";
    if fixture(name).is_none() {
        return;
    }
    for (lines, says, log) in [
        (
            "args = [\"--instead\", \"exit\", \"--exit-code\", \"7\"]",
            "its process ended with code 7 before the kernel had it enabled",
            "",
        ),
        (
            "args = [\"--instead\", \"hang\"]\nready = \"1500ms\"",
            "after its ready time of 1500 ms",
            "in no hurry",
        ),
        (
            "ops = \"another\"",
            "was expected; it last said: attached fixture",
            "attached fixture",
        ),
        (
            "args = [\"--instead\", \"refused\"]",
            "invalid access to map value, value_size=16 off=16 size=8",
            "BEGIN PROG LOAD LOG",
        ),
    ] {
        let state = TempDir::new().unwrap();
        let run = declared(&state, lines);
        let said = said(&run);
        assert_ne!(run.code, 0, "{lines}: {said}");
        assert_eq!(changes(&run), ["fixture: refused"], "{lines}: {said}");
        assert!(said.contains(says), "{lines}: {says}: {said}");
        assert_eq!(run.all("step-started").count(), 0, "{lines}: {said}");
        if !log.is_empty() {
            let printed = evidence(state.path(), "schedulers/000-fixture.log");
            assert!(printed.contains(log), "{lines}: {printed}");
        }
    }
}

#[test]
fn a_second_loader_gets_nothing_and_the_first_stays() {
    let Some(fixture) = fixture("a_second_loader_gets_nothing_and_the_first_stays") else {
        return;
    };
    let state = TempDir::new().unwrap();
    let run = run_in(&mut command(
        &plugin("payload-neighbour"),
        &[
            "--duration",
            "20s",
            "--scheduler",
            &fixture("fixture", &[]),
            "--payload",
            &fixture("second", &["--ops", "second"]),
        ],
        state.path(),
    ));
    let exits: Vec<_> = run
        .all("payload")
        .map(|record| &record["exit"]["code"])
        .collect();
    assert_eq!(exits, [1, 1], "{}", said(&run));
    assert_eq!(changes(&run), ["fixture: attached", "fixture: detached"]);
}

#[test]
fn a_kernel_that_panics_under_a_scheduler_fails_the_run_and_says_under_which() {
    let name = "a_kernel_that_panics_under_a_scheduler_fails_the_run_and_says_under_which";
    let Some(fixture) = fixture(name) else {
        return;
    };
    let state = TempDir::new().unwrap();
    let scheduler = fixture("fixture", &["--then", "panic", "--after", "1500"]);
    let run = run_in(&mut command(
        &plugin("steady"),
        &["--duration", "20s", "--scheduler", &scheduler],
        state.path(),
    ));
    assert_eq!(run.code, 1, "{}", said(&run));
    let ended = run.event("run-ended").to_string();
    assert!(ended.contains("guest-crashed"), "{ended}");
    assert!(ended.contains("fixture"), "{ended}");
    let console = evidence(state.path(), "console.log");
    assert!(console.contains("sysrq triggered crash"), "{console}");
    assert_eq!(change(&run, "attached")["ops"], "fixture");
}

#[test]
fn a_loader_that_ignores_being_asked_is_killed_at_the_end() {
    let name = "a_loader_that_ignores_being_asked_is_killed_at_the_end";
    let Some(fixture) = fixture(name) else {
        return;
    };
    let state = TempDir::new().unwrap();
    let scheduler = fixture("fixture", &["--ignore-sigterm"]);
    let run = run_in(&mut command(
        &plugin("steady"),
        &["--duration", "1s", "--scheduler", &scheduler],
        state.path(),
    ));
    assert_eq!(run.code, 0, "{}", said(&run));
    let detached = change(&run, "detached");
    assert_eq!(detached["killed"], true, "{detached:#}");
}
