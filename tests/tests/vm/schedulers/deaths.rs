//! A scheduler that dies under a scenario: at which moment, in which way, and
//! what is made of it.
//!
//! The scenario starts a payload that ends the scheduler and returns when the
//! kernel has removed it, so that moments do not depend on how fast the machine
//! is. One row is one boot.

use tempfile::TempDir;

use super::{change, changes, fixture, reasons};
use crate::run::{command, evidence, program, run_in};

/// One death.
struct Row {
    /// When: a moment of the scenario `mortal`.
    at: &'static str,
    /// What the scheduler is told.
    scheduler: &'static [&'static str],
    /// What the payload is told.
    assassin: &'static [&'static str],
    /// The kind of the detail that decides the verdict.
    kind: &'static str,
    /// What its message says of the moment, and of the reason.
    says: [&'static str; 2],
}

/// Kills it, at the moments that a run has.
const MOMENTS: [Row; 7] = [
    Row {
        at: "backdrop",
        scheduler: &[],
        assassin: &["--against", "kill"],
        kind: "scheduler-crashed",
        says: ["between steps, after 0", "signal 9"],
    },
    Row {
        at: "op",
        scheduler: &[],
        assassin: &["--against", "kill"],
        kind: "scheduler-crashed",
        says: ["during the workload of step 1", "signal 9"],
    },
    Row {
        at: "ops",
        scheduler: &[],
        assassin: &["--against", "kill"],
        kind: "scheduler-crashed",
        says: ["during the workload of step 1", "signal 9"],
    },
    Row {
        at: "hold",
        scheduler: &[],
        assassin: &["--against", "kill"],
        kind: "scheduler-crashed",
        says: ["during the workload of step 1", "signal 9"],
    },
    Row {
        at: "repeat",
        scheduler: &[],
        assassin: &["--against", "kill"],
        kind: "scheduler-crashed",
        says: ["during the workload of step 0", "signal 9"],
    },
    Row {
        at: "between",
        scheduler: &[],
        assassin: &["--against", "kill"],
        kind: "scheduler-crashed",
        says: ["between steps, after 1 step", "signal 9"],
    },
    Row {
        at: "end",
        scheduler: &[],
        assassin: &["--against", "kill"],
        kind: "scheduler-crashed",
        says: ["after the last of 1 step", "signal 9"],
    },
];

/// Ends it in a hold, in the ways that there are.
const WAYS: [Row; 9] = [
    Row {
        at: "hold",
        scheduler: &[],
        assassin: &["--against", "term"],
        kind: "scheduler-exited-cleanly",
        says: ["left without being asked", "ended with code 0"],
    },
    Row {
        at: "hold",
        scheduler: &["--then", "exit", "--exit-code", "3", "--on-signal"],
        assassin: &["--against", "nudge"],
        kind: "scheduler-crashed",
        says: ["crashed", "ended with code 3"],
    },
    Row {
        at: "hold",
        scheduler: &["--then", "die", "--on-signal"],
        assassin: &["--against", "nudge"],
        kind: "scheduler-crashed",
        says: ["crashed", "signal 6"],
    },
    Row {
        at: "hold",
        scheduler: &["--then", "detach", "--on-signal"],
        assassin: &["--against", "nudge"],
        kind: "scheduler-exited-cleanly",
        says: ["unregistered from user space", "its process still ran"],
    },
    Row {
        at: "hold",
        scheduler: &["--then", "error", "--on-signal"],
        assassin: &["--against", "nudge"],
        kind: "scheduler-crashed",
        says: ["crashed", "scx_bpf_error: fixture: told to fail"],
    },
    Row {
        at: "repeat",
        scheduler: &["--then", "error", "--on-signal", "--linger"],
        assassin: &["--against", "nudge"],
        kind: "scheduler-crashed",
        says: ["scx_bpf_error", "its process still ran"],
    },
    Row {
        at: "repeat",
        scheduler: &["--then", "stall", "--on-signal", "--watchdog", "1000"],
        assassin: &["--against", "nudge"],
        kind: "scheduler-crashed",
        says: ["runnable task stall: victim[", "failed to run for"],
    },
    Row {
        at: "hold",
        scheduler: &[],
        assassin: &["--against", "disable"],
        kind: "scheduler-crashed",
        says: ["somebody else had the kernel disable it", "sysrq-S"],
    },
    Row {
        at: "hold",
        scheduler: &["--linger"],
        assassin: &["--take-over", "--ops", "usurper"],
        kind: "scheduler-crashed",
        says: ["during the workload of step 1", "sysrq-S"],
    },
];

/// What is not as the row says it, or nothing.
fn told(row: &Row, fixture: &impl Fn(&str, &[&str]) -> String) -> Option<String> {
    let state = TempDir::new().unwrap();
    let at = format!("at={}", row.at);
    let scheduler = fixture("fixture", row.scheduler);
    let assassin = fixture("assassin", row.assassin);
    let run = run_in(&mut command(
        &program("mortal"),
        &[
            "--profile",
            "scheduler-control",
            "--param",
            &at,
            "--scheduler",
            &scheduler,
            "--payload",
            &assassin,
        ],
        state.path(),
    ));
    let mut wrong = Vec::new();
    let mut check = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let reasons = reasons(&run);
    check(run.code == 1, "the exit code is not 1");
    let wanted = format!("{}: scheduler \"fixture\"", row.kind);
    check(reasons.contains(&wanted), &wanted);
    for says in row.says {
        check(reasons.contains(says), says);
    }
    let lived = ["fixture: attached", "fixture: died"];
    check(changes(&run) == lived, "it did not come and die");
    check(run.all("collected").count() > 0, "no worker was collected");
    // Section 4.1: only a death that is found at the finish comes after the end.
    let ended = run.all("scenario-ended").count() == 1;
    check(ended == (row.at == "end"), "the end of the scenario");
    let log = evidence(state.path(), "schedulers/000-fixture.log");
    check(log.contains("attached fixture"), "its log");
    let dump = evidence(state.path(), "schedulers/000-fixture.dump");
    check(dump.contains("\"fixture\" disabled ("), "its dump");
    (!wrong.is_empty()).then(|| {
        format!(
            "{} {:?} {:?}: {wrong:?}\n{reasons}{:?}\n{log}\n{dump}\n{}",
            row.at,
            row.scheduler,
            row.assassin,
            changes(&run),
            run.stderr
        )
    })
}

fn all_are_told(test: &str, rows: &[Row]) {
    let Some(fixture) = fixture(test) else {
        return;
    };
    let wrong: Vec<String> = rows.iter().filter_map(|row| told(row, &fixture)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn s_112_to_114_a_scheduler_that_is_killed_fails_the_run_and_its_moment_is_told() {
    let name = "s_112_to_114_a_scheduler_that_is_killed_fails_the_run_and_its_moment_is_told";
    all_are_told(name, &MOMENTS);
}

#[test]
fn s_115_a_scheduler_that_ends_in_any_way_is_classified_by_what_the_kernel_says() {
    let name = "s_115_a_scheduler_that_ends_in_any_way_is_classified_by_what_the_kernel_says";
    all_are_told(name, &WAYS);
}

/// Teardown is not slowed by load that competes with whoever reaps it.
#[test]
fn s_118_many_workers_are_killed_before_they_are_reaped() {
    let name = "s_118_many_workers_are_killed_before_they_are_reaped";
    let Some(fixture) = fixture(name) else {
        return;
    };
    let state = TempDir::new().unwrap();
    let run = run_in(&mut command(
        &program("mortal"),
        &[
            "--profile",
            "scheduler-control",
            "--param",
            "workers=200",
            // Two hundred take some seconds to start; the death ends it.
            "--duration",
            "60s",
            "--scheduler",
            &fixture("fixture", &[]),
            "--payload",
            &fixture("assassin", &["--against", "kill"]),
        ],
        state.path(),
    ));
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(reasons(&run).contains("signal 9"), "{}", reasons(&run));
    let obituary = change(&run, "died");
    assert_eq!(obituary["kind"], "crashed", "{obituary:#}");
    // Of an earlier phase, that was short, only those tell that had a turn in it.
    let last = run.all("collected").last();
    let workers = last.map(|cgroup| cgroup["workers"].as_u64().unwrap());
    assert_eq!(workers, Some(200), "of {last:#?}: {}", reasons(&run));
}
