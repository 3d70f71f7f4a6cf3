//! The worst that a component can do, in a guest: the runtime is PID 1 there,
//! and has to outlive it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use proscenium_tests::layout;
use tempfile::TempDir;

use crate::run::{Run, command};

/// One attack of the program `hostile`, which leaves a step with two workers
/// open: it failed for this reason, as the list of attacks says, and the runtime
/// outlived it.
fn fails(attack: &str, kind: &str) {
    let run = run(attack);
    run.ends_as(attack);
    assert_eq!(run.code, 1, "{:#?}\n{}", run.events, run.stderr);
    let verdict = run.event("verdict");
    assert_eq!(verdict["outcome"], "fail");
    assert_eq!(verdict["details"][0]["kind"], kind, "{verdict:#}");
    // The step's workers were stopped and gave their reports.
    let workers = run.event("collected");
    assert_eq!(workers["cgroup"], "victim");
    assert_eq!(
        (&workers["workers"], &workers["completed"]),
        (&2.into(), &2.into())
    );
    // A guest that did not end in order would be a reason of its own.
    let reasons = &run.event("run-ended")["reasons"];
    assert_eq!(reasons.as_array().unwrap().len(), 1, "{reasons:#}");
    assert_eq!(reasons[0]["kind"], kind);
}

/// Runs an attack; its emulator is there when the guest has booted, and gone
/// when the run has ended.
pub(crate) fn run(attack: &str) -> Run {
    let state = TempDir::new().unwrap();
    let parameter = format!("attack={attack}");
    // It tries everything that there is, so it has to be let.
    let profile = ["--profile", "scheduler-control"];
    let attack = ["--duration", "1s", "--param", &parameter];
    let arguments = [&profile[..], &attack].concat();
    let mut child = command(&layout::program("hostile"), &arguments, state.path())
        .spawn()
        .unwrap();
    let mut events = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let event: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        if event["event"]["type"] == "booted" {
            assert!(emulators(state.path()) > 0, "they can be seen");
        }
        events.push(event);
    }
    let code = child.wait().unwrap().code().unwrap_or(-1);
    assert_eq!(emulators(state.path()), 0);
    let mut stderr = String::new();
    let mut rest = child.stderr.take().unwrap();
    rest.read_to_string(&mut stderr).unwrap();
    Run {
        code,
        events,
        stderr,
    }
}

/// How many emulators the run with this state folder has started and left:
/// they inherit its environment.
pub(crate) fn emulators(state: &Path) -> usize {
    let mark = format!("PROSCENIUM_STATE={}", state.display());
    let ours = |process: &Path| {
        let read = |name| std::fs::read(process.join(name)).unwrap_or_default();
        read("comm").starts_with(b"qemu")
            && read("environ")
                .split(|byte| *byte == 0)
                .any(|one| one == mark.as_bytes())
    };
    let processes = std::fs::read_dir("/proc").unwrap();
    processes
        .filter(|entry| ours(&entry.as_ref().unwrap().path()))
        .count()
}

#[test]
fn a_trap_inside_a_step_with_workers_fails_the_scenario_and_not_the_guest() {
    fails("trap-in-step", "plugin-trap");
}

#[test]
fn memory_without_end_fails_the_scenario_and_not_the_guest() {
    fails("grow", "memory-limit");
}

#[test]
fn a_loop_without_end_ends_with_its_computing_time() {
    fails("loop-in-step", "plugin-timeout");
}
