//! `check` on several machines and against kernels, through the real program.

use crate::support::{Place, SUFFICIENT, example};
use serde_json::Value;

#[test]
fn several_topologies_give_a_table_with_a_row_for_each() {
    let place = Place::new();
    let steady = example("steady");
    let said = place.run(&[
        "check",
        &steady,
        "-t",
        "1n1l1c1t",
        "-t",
        "252cpu-14llc-smt",
        "-t",
        "4numa-32cpu-8llc",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    let rows: Vec<Vec<&str>> = said
        .out
        .lines()
        .skip(2)
        .map(|line| line.split_whitespace().take(3).collect())
        .collect();
    assert_eq!(
        rows,
        [
            ["1n1l1c1t", "skipped", "none"],
            ["1n14l9c2t", "passed", "none"],
            ["4n8l4c1t", "passed", "none"]
        ],
        "{}",
        said.out
    );
}

#[test]
fn all_topologies_are_the_presets_that_the_needs_allow() {
    let place = Place::new();
    let said = place.run(&["check", &example("cpuset-shrink"), "--all-topologies"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.starts_with("cpuset-shrink on 25 topologies"),
        "{}",
        said.out
    );
    assert!(said.out.contains("4numa-192cpu-12llc-smt"), "{}", said.out);

    let said = place.run(&["check", &example("steady"), "--all-topologies", "--json"]);
    let begun = said
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|record| record["event"]["type"] == "run-started")
        .count();
    assert_eq!(begun, 25, "one stream after another");
}

#[test]
fn a_report_of_one_run_is_not_written_for_several() {
    let place = Place::new();
    let report = place.path().join("report.xml").display().to_string();
    let args = ["--all-topologies", "--junit", report.as_str()];
    let said = place.run(&[&["check", example("steady").as_str()][..], &args].concat());
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err.contains("one --topology at a time"),
        "{}",
        said.err
    );
}

#[test]
fn a_kernel_is_judged_by_its_configuration_without_being_booted() {
    let place = Place::new();
    let steady = example("steady");
    let image = place.file("vmlinuz", "not looked at");
    let check = || place.run(&["check", &steady, "--kernel", &image]);

    let said = check();
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err.contains("configuration is not at hand"),
        "{}",
        said.err
    );

    place.file("config", SUFFICIENT);
    let said = check();
    assert_eq!(said.code, 0, "{said:?}");

    place.file("config", SUFFICIENT.replace("CONFIG_CPUSETS=y\n", ""));
    let said = check();
    assert_eq!(said.code, 3, "as a run with it would: {said:?}");
    for text in [
        "CONFIG_CPUSETS (the cpuset controller)",
        "Step[0] steady: it needs controllers that are not available: cpuset",
    ] {
        assert!(said.out.contains(text), "{text}: {}", said.out);
    }

    let said = place.run(&["check", &steady, "--kernel", "6.99"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("there is no kernel"), "{}", said.err);
}
