//! The example plugins through the real program. Slow where they are not built
//! yet: the program has cargo build them.

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use crate::support::{Place, Said, example, said};
use serde_json::Value;

const EXAMPLES: [&str; 4] = ["steady", "cpuset-shrink", "watch-and-react", "own-load"];

#[expect(clippy::panic, reason = "a helper of tests says what it got")]
fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

/// The compiled entries in the cache, or a failed test.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn entries(place: &Place) -> Vec<PathBuf> {
    std::fs::read_dir(place.path().join("cache/plugins"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[test]
fn inspect_tells_what_each_example_can_touch() {
    let place = Place::new();
    for (name, can) in [
        ("steady", &["checks", "stage"][..]),
        (
            "cpuset-shrink",
            &["cgroups", "checks", "clock", "stage", "topology"],
        ),
        (
            "payload-neighbour",
            &["cgroups", "checks", "payloads", "stage", "topology"],
        ),
    ] {
        let said = place.run(&["inspect", &example(name), "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        let report = json(&said);
        let mut has: Vec<&str> = report["capabilities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["interface"].as_str().unwrap())
            .collect();
        has.sort_unstable();
        assert_eq!((report["name"].as_str(), has.as_slice()), (Some(name), can));
        assert_eq!(report["foreign_imports"], Value::Array(vec![]));
        assert!(report["digest"].as_str().unwrap().starts_with("sha256:"));
    }
}

/// What is declared need not be there: nothing is started.
#[test]
fn examples_that_need_a_scheduler_are_checked_with_declared_names_and_skipped_without() {
    let place = Place::new();
    let granted = ["--profile", "scheduler-control"];
    let declared = ["--scheduler", "old=/nowhere", "--scheduler", "new=/nowhere"];
    for name in ["scheduler-swap", "survives-storm"] {
        let plugin = example(name);
        let said = place.run(
            &[
                &["check", plugin.as_str(), "--json"][..],
                &granted,
                &declared,
            ]
            .concat(),
        );
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.out.contains("\"outcome\":\"passed\""), "{said:?}");

        let said = place.run(&[&["check", plugin.as_str()][..], &granted].concat());
        assert_eq!(said.code, 0, "{said:?}");
        assert!(
            said.out.contains("scheduler"),
            "it does not apply: {said:?}"
        );
    }
}

#[test]
fn a_payload_is_declared_by_name_and_one_that_is_not_is_named() {
    let place = Place::new();
    let plugin = example("payload-neighbour");
    let said = place.run(&["check", &plugin, "--payload", "load=/bin/true", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let records = said
        .out
        .lines()
        .filter(|line| line.contains("\"type\":\"payload\""));
    assert_eq!(records.count(), 2, "{}", said.out);

    let said = place.run(&["check", &plugin]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("--payload"),
        "it does not apply: {}",
        said.out
    );

    let said = place.run(&["run", &plugin, "--payload", "load=/nowhere/true"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("/nowhere/true"), "{said:?}");
}

#[test]
fn inspect_lists_the_loops_that_a_component_brings() {
    let place = Place::new();
    let works =
        |name| json(&place.run(&["inspect", &example(name), "--json"]))["exported_work"].clone();
    assert_eq!(works("own-load"), serde_json::json!(["hash", "chase"]));
    assert_eq!(works("steady"), serde_json::json!([]));
    let said = place.run(&["inspect", &example("own-load")]);
    assert!(
        said.out.contains("only compute: hash, chase"),
        "{}",
        said.out
    );
}

#[test]
fn every_example_passes_in_the_simulated_world() {
    let place = Place::new();
    for name in EXAMPLES {
        let said = place.run(&["check", &example(name)]);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(
            said.out.starts_with(&format!("PASSED  {name}")),
            "{}",
            said.out
        );
    }
}

#[test]
fn a_machine_that_is_too_small_is_a_skip_that_says_so() {
    let place = Place::new();
    let said = place.run(&["check", &example("steady"), "--topology", "1n1l1c1t"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("needs 2 CPUs, topology 1n1l1c1t has 1"),
        "{}",
        said.out
    );
}

#[test]
fn an_unknown_parameter_is_refused_and_the_declared_ones_are_listed() {
    let place = Place::new();
    for command in ["check", "run"] {
        let said = place.run(&[command, &example("steady"), "--param", "worker=2"]);
        assert_eq!(said.code, 3, "{said:?}");
        assert!(
            said.err.contains("no such parameter: it has workers"),
            "{}",
            said.err
        );
    }
    let said = place.run(&[
        "check",
        &example("steady"),
        "-p",
        "workers=2",
        "-p",
        "workers=3",
    ]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("given twice"), "{}", said.err);
}

#[test]
fn the_second_time_nothing_is_compiled_and_a_damaged_entry_is_made_again() {
    let place = Place::new();
    let check = || place.run(&["check", &example("steady")]).code;
    assert_eq!(check(), 0);
    let [entry] = entries(&place).try_into().unwrap();
    let inode = |path: &Path| path.metadata().unwrap().ino();
    let (first, whole) = (inode(&entry), std::fs::read(&entry).unwrap());
    assert_eq!(check(), 0);
    assert_eq!(inode(&entry), first, "it was not written again");

    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for damaged in [&whole[..whole.len() / 2], &changed] {
        std::fs::write(&entry, damaged).unwrap();
        assert_eq!(check(), 0);
        assert_eq!(std::fs::read(&entry).unwrap().len(), whole.len());
    }
}

#[test]
fn an_unchanged_project_costs_no_call_of_cargo() {
    let place = Place::new();
    let cargo = std::env::var_os("CARGO").expect("tests are run by cargo");
    // The same path both times, first the real one, then one that fails.
    let link = place.path().join("cargo");
    symlink(&cargo, &link).unwrap();
    let check = || {
        let mut command = place.command(&["check", &example("steady")]);
        said(command.env("CARGO", &link).output().unwrap())
    };
    assert_eq!(check().code, 0);
    std::fs::remove_file(&link).unwrap();
    assert_eq!(check().code, 0, "fresh: cargo is not needed");
    std::fs::remove_dir_all(place.path().join("cache/builds")).unwrap();
    let said = check();
    assert_eq!(said.code, 4, "not known to be fresh: {said:?}");
    assert!(said.err.contains("cannot start"), "{}", said.err);
}

#[test]
fn what_a_run_lacks_is_said_and_kept_in_its_run_directory() {
    let place = Place::new();
    let no_kernel = place.file("text", "no kernel at all");
    let steady = example("steady");
    // Built beforehand: one of the runs has no path on which cargo could be.
    assert_eq!(place.run(&["inspect", &steady]).code, 0);
    let nowhere = ("PROSCENIUM_LIBEXEC", "/nowhere");
    for (more, (name, value), code, says) in [
        (&[][..], nowhere, 4, "proscenium kernel fetch"),
        (
            &["--kernel", "6.99"],
            nowhere,
            3,
            "there is no kernel \"6.99\"",
        ),
        (
            &["--kernel", &no_kernel],
            ("PATH", ""),
            4,
            "qemu-system-x86",
        ),
        (&["--kernel", &no_kernel], nowhere, 3, "cannot be booted"),
    ] {
        let args = [&["run", &steady], more].concat();
        let said = said(place.command(&args).env(name, value).output().unwrap());
        assert_eq!(said.code, code, "{more:?}: {said:?}");
        assert!(said.out.contains(says), "{more:?}: {said:?}");
        let latest = place.path().join("state/runs/latest");
        let report = std::fs::read_to_string(latest.join("report.json")).unwrap();
        assert!(report.contains("steady"), "{report}");
        let events = std::fs::read_to_string(latest.join("events.jsonl")).unwrap();
        assert!(events.contains("run-ended"), "{events}");
    }
}
