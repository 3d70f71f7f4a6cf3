//! Programs of the operator's that turn against the guest that they run in, as
//! its root. The program `hostile` starts them beside workers, waits for them,
//! ends the step, and goes through another one with the same names.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proscenium_tests::layout;
use serde_json::Value;
use tempfile::TempDir;

use crate::hostile::emulators;
use crate::run::{Run, command, run_in};

/// Little, so that it is used up soon.
const GRANT: &str = r#"
profile = "scheduler-control"
limits.processes = 64
limits.root-memory = "32 MiB"
"#;

/// Writes where it can, plants a child that ignores signals, leaves its cgroup,
/// and stays.
const STAYS: &str = r"
for port in /dev/vport* /dev/hvc* /dev/ttyS0 /dev/console /dev/kmsg; do
    printf '\033[31m::error::x\n]]>\001\002\003\004\n' > $port
done 2> /dev/null
trap '' HUP INT TERM QUIT
( (while :; do :; done) & ) > /dev/null 2>&1
echo $$ > /sys/fs/cgroup/cgroup.procs || exit 9
while :; do :; done
";

/// Runs what is declared as payloads, beside two workers. The step after them
/// has its load as ever, the guest ends in order, and no emulator is left.
fn run(payloads: &[&str]) -> Run {
    let folder = TempDir::new().unwrap();
    let grant = folder.path().join("grant.toml");
    fs::write(&grant, GRANT).unwrap();
    let state = TempDir::new().unwrap();
    let mut arguments = vec!["--grant", grant.to_str().unwrap()];
    arguments.extend(payloads.iter().flat_map(|one| ["--payload", one]));
    arguments.extend(["--duration", "180s", "--param", "attack=payload"]);
    let program = layout::program("hostile");
    let run = run_in(&mut command(&program, &arguments, state.path()));
    assert_eq!(emulators(state.path()), 0);
    // A guest that did not end in order would be a reason of its own.
    let reasons = run.event("run-ended")["reasons"].as_array().unwrap();
    let details = run.event("verdict")["details"].as_array().unwrap();
    assert_eq!(reasons.len(), details.len(), "{reasons:#?}");
    let after = run.all("collected").last().unwrap();
    assert_eq!(after["completed"], 2, "{after:#}");
    assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
    run
}

/// As [`run`], with a shell script among the payloads.
fn script(name: &str, body: &str, more: &[&str]) -> Run {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("attacker.sh");
    fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let declared = format!("{name}={}", file.display());
    run(&[&[declared.as_str()], more].concat())
}

/// How the payload of this name ended.
fn exit<'a>(run: &'a Run, name: &str) -> &'a Value {
    let mut records = run.all("payload");
    &records.find(|record| record["name"] == name).unwrap()["exit"]
}

#[test]
fn whatever_a_payload_leaves_behind_ends_with_its_step() {
    let below = "/sys/fs/cgroup/scenario";
    let folders = format!("folders=mkdir,-p,{below}/bench/a/b,{below}/victim/c");
    let links = format!("links=ln,-s,/proc,{below}/bench/link");
    let run = script("stays", STAYS, &[&folders, &links]);
    run.ends_as("payload-daemon");
    run.ends_as("payload-stays");
    run.ends_as("payload-escape");
    run.ends_as("payload-ports");
    // It left its cgroup, and would be there still.
    assert_eq!(exit(&run, "stays")["signal"], 9);
    run.ends_as("payload-folders");
    assert_eq!(exit(&run, "folders")["code"], 0, "they were planted");
    run.ends_as("payload-links");
    assert_eq!(exit(&run, "links")["code"], 1, "the kernel takes none");
    let warned = run.all("log").map(|log| log["message"].to_string());
    assert!(!warned.collect::<String>().contains("failed to remove"));
}

#[test]
fn a_leak_ends_the_load_and_not_the_runtime() {
    // It keeps what may be a last line, and there is no end of it.
    let run = run(&["leak=tail,/dev/zero"]);
    run.ends_as("payload-leak");
    let told = run.event("verdict")["details"].to_string();
    assert!(told.contains("limits.root-memory"), "{told}");
}

#[test]
fn full_file_systems_are_the_loads_affair() {
    let run = run(&[
        "tmp=dd,if=/dev/zero,of=/tmp/full,bs=1M",
        "root=dd,if=/dev/zero,of=/full,bs=1M",
    ]);
    run.ends_as("payload-disk");
}

#[test]
fn a_fork_bomb_ends_with_its_step() {
    let run = script("forks", "f() { f | f & }; f; while :; do f; done", &[]);
    run.ends_as("payload-forks");
    let told = run.event("verdict")["details"].to_string();
    assert!(told.contains("limits.processes"), "{told}");
}

#[test]
fn one_that_kills_all_others_decides_nothing_and_the_runtime_tells_it() {
    let run = script("kills", "kill -KILL -1", &[]);
    run.ends_as("payload-kills");
    assert_eq!(run.code, 2, "{:#?}", run.events);
    let told = run.event("verdict")["details"].to_string();
    assert!(told.contains("Signaled(9)"), "{told}");
}
