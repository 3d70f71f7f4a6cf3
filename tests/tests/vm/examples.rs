//! The example plugins on the fetched kernel.

use std::ffi::OsStr;

use proscenium::kernel::cache::Cache;
use proscenium::kernel::store;
use proscenium_tests::skip::skip;

use crate::run::{plugin, run};

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
    let run = run(&plugin("watch-and-react"), &["--duration", "8s"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.event("verdict")["asserted"], true);
    assert!(run.all("mark").count() > 0);
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
