//! Schedulers that are waited for, swapped, dropped, and a map that outlives
//! one of them.

use std::fs;

use proscenium_tests::layout;
use tempfile::TempDir;

use super::{change, changes, fixture, reasons};
use crate::run::{command, evidence, plugin, program, run_in};

#[test]
fn s_143_the_scenario_waits_until_the_kernel_has_the_scheduler_enabled() {
    let name = "s_143_the_scenario_waits_until_the_kernel_has_the_scheduler_enabled";
    let Some(fixture) = fixture(name) else {
        return;
    };
    let state = TempDir::new().unwrap();
    let run = run_in(&mut command(
        &plugin("steady"),
        &[
            "--duration",
            "1s",
            "--scheduler",
            &fixture("slow", &["--delay", "1000", "--ops", "slow_one"]),
        ],
        state.path(),
    ));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let attached = change(&run, "attached");
    assert_eq!(attached["ops"], "slow_one");
    assert!(attached["took_ns"].as_u64().unwrap() >= 1_000_000_000);
    let place = |kind: &str| {
        let is = |event: &&serde_json::Value| event["event"]["type"] == kind;
        run.events.iter().position(|event| is(&event)).unwrap()
    };
    assert!(place("scheduler") < place("step-started"));
    assert_eq!(changes(&run), ["slow: attached", "slow: detached"]);
}

#[test]
fn s_037_a_scheduler_that_took_over_is_watched() {
    let Some(fixture) = fixture("s_037_a_scheduler_that_took_over_is_watched") else {
        return;
    };
    let state = TempDir::new().unwrap();
    let run = run_in(&mut command(
        &plugin("scheduler-swap"),
        &[
            "--profile",
            "scheduler-control",
            "--duration",
            "20s",
            "--scheduler",
            &fixture("old", &[]),
            "--scheduler",
            &fixture("new", &["--ops", "new", "--then", "die", "--after", "1000"]),
        ],
        state.path(),
    ));
    assert_eq!(run.code, 1, "{}", run.stderr);
    let lived = [
        "old: attached",
        "old: detached",
        "new: attached",
        "new: died",
    ];
    assert_eq!(changes(&run), lived);
    let reasons = reasons(&run);
    assert!(reasons.contains("scheduler \"new\" crashed"), "{reasons}");
}

#[test]
fn s_038_and_116_a_detach_that_was_asked_for_trips_nothing() {
    let name = "s_038_and_116_a_detach_that_was_asked_for_trips_nothing";
    let Some(fixture) = fixture(name) else {
        return;
    };
    let state = TempDir::new().unwrap();
    let scheduler = fixture("fixture", &[]);
    let run = run_in(&mut command(
        &program("mortal"),
        &[
            "--profile",
            "scheduler-control",
            "--param",
            "at=detached",
            "--scheduler",
            &scheduler,
        ],
        state.path(),
    ));
    assert_eq!(run.code, 0, "{}\n{}", reasons(&run), run.stderr);
    assert_eq!(changes(&run), ["fixture: attached", "fixture: detached"]);
    assert_eq!(run.all("step-ended").count(), 2, "the hold went on");
}

#[test]
fn s_039_a_pinned_map_outlives_its_scheduler_and_is_the_one_that_was_meant() {
    let name = "s_039_a_pinned_map_outlives_its_scheduler_and_is_the_one_that_was_meant";
    let Some(fixture) = fixture(name) else {
        return;
    };
    let state = TempDir::new().unwrap();
    let payloads = state.path().join("payloads.toml");
    let text = format!(
        "[[payload]]\nname = \"reader\"\nbinary = {:?}\n\
         args = [\"--read-map\", \"proscenium_mark\"]\noutput = \"key-value\"\n",
        layout::fixture_scheduler().canonicalize().unwrap()
    );
    fs::write(&payloads, text).unwrap();
    let run = run_in(&mut command(
        &program("mortal"),
        &[
            "--profile",
            "scheduler-control",
            "--duration",
            "20s",
            "--param",
            "at=pinned",
            "--scheduler",
            &fixture("fixture", &["--mark", "41"]),
            "--scheduler",
            &fixture("other", &["--mark", "42", "--ops", "other"]),
            "--payloads",
            &payloads.display().to_string(),
        ],
        state.path(),
    ));
    assert_eq!(run.code, 0, "{}\n{}", reasons(&run), run.stderr);
    let record = run.event("payload");
    let figure = |name: &str| {
        let all = record["metrics"].as_array().unwrap();
        let metric = all.iter().find(|metric| metric["name"] == name);
        metric.unwrap_or_else(|| panic!("no {name} in {record:#}"))["value"]
            .as_f64()
            .unwrap()
    };
    assert_eq!(figure("maps"), 2.0, "the pinned one and the new one");
    assert_eq!((figure("token-0"), figure("token-1")), (41.0, 42.0));
    for (file, says) in [("000-fixture", "attached fixture"), ("001-other", "other")] {
        let log = evidence(state.path(), &format!("schedulers/{file}.log"));
        assert!(log.contains(says), "S-44: each has a log: {log}");
    }
}
