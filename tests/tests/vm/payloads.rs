//! Real programs of this machine, in cgroups of the guest.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proscenium_tests::skip::skip;
use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Run, plugin, run};

/// A fixed calibration: measuring one takes long under emulation.
const RT_APP: &str = r#"{
    "global": { "duration": 1, "default_policy": "SCHED_OTHER", "logdir": "./",
                "log_basename": "light", "calibration": 100 },
    "tasks": { "light": { "loop": -1, "run": 500, "sleep": 1000 } }
}"#;

const DECLARATIONS: &str = r##"
[[payload]]
name = "stress"
binary = "stress-ng"
args = ["--cpu", "1", "--cpu-ops", "20", "--metrics"]
known-flags = []
metrics = [{ name = "cpu.bogo-ops", polarity = "higher-better", unit = "ops" }]
checks = [{ exit-code = 0 }, { metric = "cpu.bogo-ops", min = 20 }]

[[payload]]
name = "hackbench"
binary = "hackbench"
args = ["-g", "1", "-f", "2", "-l", "50"]
checks = [{ metric = "time", min = 0 }]

[[payload]]
name = "rt-app"
binary = "rt-app"
args = ["light.json"]
files = ["light.json"]
checks = [{ exit-code = 0 }]

[[payload]]
name = "fio"
binary = "fio"
args = ["--name=a", "--rw=write", "--size=256k", "--ioengine=sync", "--thread",
        "--output-format=json"]
output = "json"
checks = [{ exit-code = 0 }, { metric = "jobs.0.write.total_ios", min = 64, max = 64 }]

[[payload]]
name = "perl"
binary = "./figures.pl"
with = ["/usr/lib/x86_64-linux-gnu/perl-base", "/usr/lib/x86_64-linux-gnu/libnuma.so.1"]
output = "key-value"
checks = [{ exit-code = 0 }, { metric = "sum", min = 6, max = 6 }, { metric = "loaded", min = 1 }]

[[payload]]
name = "where"
binary = "./where.sh"
output = "key-value"
checks = [{ metric = "inside", min = 1 }]
"##;

/// Its interpreter is looked up, loads a module of its own that is a library, and
/// then one that nothing names as needed.
const PERL: &str = r#"#!/usr/bin/env perl
use List::Util qw(sum);
use XSLoader;
print "sum: ", sum(1, 2, 3), "\n";
print "loaded: ", (DynaLoader::dl_load_file("libnuma.so.1", 0) ? 1 : 0), "\n";
"#;

/// Says in which cgroup it is, floods, and leaves a process behind.
const WHERE: &str = r#"#!/bin/sh
while read -r line; do
    case "$line" in 0::/scenario/bench) echo "inside: 1" ;; esac
done < /proc/self/cgroup
i=0
while [ $i -lt 9000 ]; do
    echo "a line that is here to be dropped, and as long as it has to be for that: $i"
    i=$((i + 1))
done
(trap '' HUP INT TERM; while :; do :; done) > /dev/null 2>&1 &
"#;

fn here(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn record<'a>(run: &'a Run, name: &str) -> Vec<&'a Value> {
    run.all("payload")
        .filter(|record| record["name"] == name)
        .collect()
}

fn figure(record: &Value, name: &str) -> f64 {
    record["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|metric| metric["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {record:#}"))["value"]
        .as_f64()
        .unwrap()
}

fn declare(folder: &Path) -> String {
    fs::write(folder.join("light.json"), RT_APP).unwrap();
    for (name, text) in [("where.sh", WHERE), ("figures.pl", PERL)] {
        let script = folder.join(name);
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let file = folder.join("payloads.toml");
    fs::write(&file, DECLARATIONS).unwrap();
    file.display().to_string()
}

#[test]
fn s_020_and_033_real_programs_run_in_their_cgroup_and_their_figures_are_read() {
    let name = "s_020_and_033_real_programs_run_in_their_cgroup_and_their_figures_are_read";
    for program in ["stress-ng", "hackbench", "rt-app", "fio", "perl"] {
        if !here(program) {
            return skip(
                name,
                &format!("{program} is not installed: `cargo xtask setup` does"),
            );
        }
    }
    let folder = TempDir::new().unwrap();
    let file = declare(folder.path());
    let run = run(
        &plugin("payload-neighbour"),
        &["--payloads", &file, "--duration", "180s"],
    );
    assert_eq!(run.code, 0, "{}\n{:#?}", run.stderr, run.events);
    for name in ["stress", "hackbench", "rt-app", "fio", "perl", "where"] {
        let records = record(&run, name);
        assert_eq!(records.len(), 2, "{name}: alone, and beside the neighbour");
        for record in records {
            assert_eq!(record["exit"]["code"], 0, "{record:#}");
            assert_eq!(record["cgroup"], "bench");
        }
    }
    assert!(figure(record(&run, "stress")[0], "cpu.bogo-ops") >= 20.0);
    assert!(figure(record(&run, "hackbench")[0], "time") > 0.0);
    assert!(figure(record(&run, "fio")[0], "jobs.0.write.bw_bytes") > 0.0);
    let flood = record(&run, "where")[0];
    assert!(flood["dropped_bytes"].as_u64().unwrap() > 0, "{flood:#}");
    assert_eq!(figure(flood, "inside"), 1.0);
    let busy = run.all("log").find(|log| log["level"] == "warn");
    assert_eq!(
        busy, None,
        "what was left behind did not keep a cgroup busy"
    );
}
