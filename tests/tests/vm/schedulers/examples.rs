//! The example plugins that need a scheduler, under the fixture.

use tempfile::TempDir;

use super::{changes, fixture, reasons};
use crate::run::{command, evidence, plugin, run_in};

#[test]
fn s_044_scheduler_swap_compares_two_schedulers_and_each_start_has_a_log() {
    let name = "s_044_scheduler_swap_compares_two_schedulers_and_each_start_has_a_log";
    let Some(fixture) = fixture(name) else {
        return;
    };
    let state = TempDir::new().unwrap();
    let run = run_in(&mut command(
        &plugin("scheduler-swap"),
        &[
            "--profile",
            "scheduler-control",
            "--duration",
            "24s",
            "--scheduler",
            &fixture("old", &["--ops", "old"]),
            "--scheduler",
            &fixture("new", &["--ops", "new"]),
        ],
        state.path(),
    ));
    assert_eq!(run.code, 0, "{}\n{}", reasons(&run), run.stderr);
    let turns = ["old", "new", "old"];
    let lived = turns.map(|name| [format!("{name}: attached"), format!("{name}: detached")]);
    assert_eq!(changes(&run), lived.concat());
    for (start, name) in turns.iter().enumerate() {
        let log = evidence(state.path(), &format!("schedulers/{start:03}-{name}.log"));
        assert!(log.contains(&format!("attached {name}")), "{log}");
    }
}

#[test]
fn survives_storm_passes_with_a_scheduler_that_lives_and_fails_with_one_that_does_not() {
    let name = "survives_storm_passes_with_a_scheduler_that_lives_and_fails_with_one_that_does_not";
    let Some(fixture) = fixture(name) else {
        return;
    };
    let storm = |words: &[&str]| {
        let state = TempDir::new().unwrap();
        let scheduler = fixture("fixture", words);
        let arguments = [
            "--profile",
            "scheduler-control",
            "--duration",
            "12s",
            // An emulator that shares its CPU with others keeps tasks waiting.
            "--param",
            "gap=30",
            "--scheduler",
            &scheduler,
        ];
        run_in(&mut command(
            &plugin("survives-storm"),
            &arguments,
            state.path(),
        ))
    };
    let alive = storm(&[]);
    assert_eq!(alive.code, 0, "{}\n{}", reasons(&alive), alive.stderr);
    assert_eq!(alive.event("verdict")["asserted"], true);
    let dead = storm(&["--then", "error", "--after", "4000"]);
    assert_eq!(dead.code, 1, "{}", dead.stderr);
    let reasons = reasons(&dead);
    assert!(reasons.contains("told to fail"), "{reasons}");
}
