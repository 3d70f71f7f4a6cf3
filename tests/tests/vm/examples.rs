//! The example plugins on the fetched kernel.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use proscenium::kernel::cache::Cache;
use proscenium::kernel::store;
use proscenium_tests::layout;
use proscenium_tests::skip::skip;
use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Run, command, plugin, run, run_in};

/// Share by which the workers' own CPU time may differ from the kernel's
/// accounting of their cgroup, which holds their start and end too. Emulation
/// makes those long.
const TOLERANCE: f64 = 0.5;

#[test]
fn s_001_steady_keeps_its_loads_on_their_halves_and_agrees_with_cpu_stat() {
    let run = run(
        &plugin("steady"),
        &["--duration", "2s", "--topology", "1n1l2c1t"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.event("verdict")["outcome"], "pass");
    assert_eq!(run.event("verdict")["asserted"], true);
    let placed: Vec<_> = run.all("tasks").map(|tasks| &tasks["cgroup"]).collect();
    assert_eq!(placed, ["left", "right"]);
    let cgroups: Vec<_> = run.all("collected").collect();
    assert_eq!(cgroups.len(), 2);
    for (cgroup, cpu) in cgroups.iter().zip(0..) {
        assert_eq!(cgroup["cpus"], serde_json::json!([cpu]), "{cgroup:#}");
        assert_eq!(cgroup["completed"], cgroup["workers"]);
        assert!(cgroup["iterations"].as_u64().unwrap() > 1_000);
        let own = cgroup["cpu_time_ns"].as_f64().unwrap() / 1e9;
        let kernels = cgroup["cpu_stat"]["usage_us"].as_f64().unwrap() / 1e6;
        assert!(
            own <= kernels * 1.02,
            "workers cannot have had more than their cgroup: {own} s, {kernels} s"
        );
        assert!(own > kernels * (1.0 - TOLERANCE), "{own} s of {kernels} s");
    }
    assert!(run.event("mediation")["writes"].as_u64().unwrap() >= 6);
}

/// Debian 12's kernel has virtio as modules and no sched_ext.
#[test]
fn steady_runs_on_a_kernel_that_needs_modules() {
    let cache = Cache::locate(|name| std::env::var_os(name)).unwrap();
    let generic = OsStr::new("bookworm");
    if let Err(error) = store::discover(&cache, Some(generic), None) {
        skip(
            "steady_runs_on_a_kernel_that_needs_modules",
            &error.to_string(),
        );
        return;
    }
    let run = run(
        &plugin("steady"),
        &["--kernel", "bookworm", "--duration", "1s"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let release = run.event("booted")["kernel_release"].as_str().unwrap();
    assert!(release.starts_with("6.1."), "{release}");
    assert_eq!(run.event("verdict")["asserted"], true);
}

#[test]
fn s_021_cpuset_shrink_takes_cpus_away_under_load_and_gives_them_back() {
    let run = run(
        &plugin("cpuset-shrink"),
        &["--duration", "6s", "--topology", "1n2l2c1t"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let labels: Vec<_> = run
        .all("step-ended")
        .map(|step| step["label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["wide", "narrow", "wide again"]);
    let usage: Vec<f64> = run
        .all("collected")
        .map(|cgroup| cgroup["cpu_stat"]["usage_us"].as_f64().unwrap())
        .collect();
    assert!(
        usage[1] < usage[0] * 0.9,
        "the kernel itself counted less in the narrow step: {usage:?}"
    );
}

#[test]
fn watch_and_react_sees_pressure_and_caps_the_hog() {
    let state = TempDir::new().unwrap();
    let plugin = plugin("watch-and-react");
    let run = run_in(&mut command(&plugin, &["--duration", "8s"], state.path()));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.event("verdict")["asserted"], true);
    assert!(run.all("mark").count() > 0);
    every_call_is_on_record(&run, &audit(state.path()));
}

/// What `proscenium audit` says of the last run.
fn audit(state: &Path) -> Value {
    let output = Command::new(layout::cli())
        .args(["audit", "--json", "--calls"])
        .env("PROSCENIUM_STATE", state)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The guest has counted its calls, and each is on record.
fn every_call_is_on_record(run: &Run, audit: &Value) {
    let counted = run.event("mediation")["host_calls"].as_u64().unwrap();
    let calls = audit["calls"].as_array().unwrap();
    assert_eq!(calls.len() as u64, counted);
    assert_eq!(audit["complete"], true);
    assert_eq!(audit["digest"], run.event("run-started")["digest"]);
    let holds = calls
        .iter()
        .filter(|call| call["function"] == "stage.step.hold");
    let held: u64 = holds
        .map(|call| call["duration_ns"].as_u64().unwrap())
        .sum();
    assert!(held > 4_000_000_000, "most of 8 s: {held} ns");
    let marks = run.all("mark").count() as u64;
    let of_marks = audit["functions"].as_array().unwrap().iter();
    let mut of_marks = of_marks.filter(|one| one["function"] == "stimulus.mark");
    assert_eq!(of_marks.next().unwrap()["done"], marks);
}

#[test]
fn the_topology_is_the_guests_own() {
    let run = run(
        &plugin("steady"),
        &["--duration", "1s", "--topology", "2n4l2c1t"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.event("booted")["cpus"], 8);
}
