//! Work that the component exports, in worker processes of a real guest.

use serde_json::Value;

use crate::run::{Run, plugin, program, run};

/// What was collected of one cgroup.
fn collected<'a>(run: &'a Run, cgroup: &str) -> &'a Value {
    run.all("collected")
        .find(|one| one["cgroup"] == cgroup)
        .unwrap_or_else(|| panic!("no {cgroup} in {:#?}", run.events))
}

#[test]
fn own_load_runs_its_loops_in_their_cgroups_and_agrees_with_cpu_stat() {
    let run = run(
        &plugin("own-load"),
        &["--duration", "3s", "--topology", "1n1l2c1t"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    for (cgroup, work, cpu) in [("compute", "hash", 0), ("memory", "chase", 1)] {
        let stats = collected(&run, cgroup);
        assert_eq!(stats["work"], work);
        assert_eq!(stats["cpus"], serde_json::json!([cpu]), "{stats:#}");
        assert_eq!(stats["completed"], stats["workers"]);
        assert!(stats["iterations"].as_u64().unwrap() > 1_000, "{stats:#}");
        let own = stats["cpu_time_ns"].as_f64().unwrap() / 1e9;
        let kernels = stats["cpu_stat"]["usage_us"].as_f64().unwrap() / 1e6;
        assert!(own <= kernels * 1.02, "{own} s, {kernels} s");
        assert!(own > kernels * 0.5, "{own} s of {kernels} s");
    }
}

#[test]
fn loops_that_go_wrong_fail_the_run_and_end_with_their_reports() {
    let run = run(
        &program("loops"),
        &[
            "--param",
            "work=good,boasts,ends,traps,hangs,grows,calls,refuses",
            "--duration",
            "8s",
        ],
    );
    assert_eq!(run.code, 1, "{}", run.stderr);
    let told: Vec<(&str, &str)> = run
        .all("detail")
        .map(|detail| {
            let text = |key: &str| detail[key].as_str().unwrap();
            (text("kind"), text("message"))
        })
        .collect();
    for (work, kind) in [
        ("traps", "plugin-trap"),
        ("hangs", "plugin-timeout"),
        ("grows", "plugin-limit"),
        ("calls", "plugin-trap"),
        ("refuses", "plugin"),
    ] {
        let about: Vec<_> = told
            .iter()
            .filter(|(_, message)| message.contains(&format!("work \"{work}\"")))
            .collect();
        assert!(matches!(about[..], [(one, _)] if *one == kind), "{told:#?}");
    }
    assert_eq!(told.len(), 5, "{told:#?}");
    for stats in run.all("collected") {
        assert_eq!(stats["completed"], 1, "it ended as it was told: {stats:#}");
    }
    let iterations = |cgroup| collected(&run, cgroup)["iterations"].as_u64().unwrap();
    assert_eq!(iterations("ends"), 3);
    assert_eq!(
        iterations("hangs") + iterations("refuses") + iterations("calls"),
        0
    );
    assert!(iterations("good") > 10_000 && iterations("boasts") > 10_000);
    let grown = iterations("grows");
    assert!((16..64).contains(&grown), "64 MiB hold {grown} times one");
}
