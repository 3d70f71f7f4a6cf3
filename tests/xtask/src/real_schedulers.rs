//! `cargo xtask test-real-schedulers`: a scheduler that nobody here wrote.
//!
//! Owns which one, how it is got, and the scenarios that it is run through. It
//! is fetched and built outside of our workspace, under its own licence, and is
//! never a part of us. Not among the tests: building it takes many minutes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::build;
use crate::cargo;
use crate::console::{Console, Step};
use crate::schedulers::{self, CLANG, FIXTURE};
use crate::setup::{self, Extent};
use crate::stream;
use crate::workspace::Workspace;

/// The scheduler's crate and program, GPL-2.0.
const REAL: &str = "scx_bpfland";
/// The version whose options and whose build we know.
const VERSION: &str = "1.1.4";
/// What it is called in the runs.
const NAME: &str = "real";

/// What lets a scenario change schedulers, and priorities above the usual.
const CONTROL: &str = "--profile=scheduler-control";

/// What a starved worker may wait, in seconds: an emulator is no machine on
/// which a gap of the usual 5 s says anything of a scheduler.
const PATIENT: &str = "--param=gap=30";

/// By how much a share of CPU time may be off, in percent: emulated, the
/// scheduler itself takes a quarter of two CPUs that are both busy.
const ROUGH: &str = "--param=tolerance=45";

/// Scenarios under it: what it is called, the arguments of `proscenium run`.
const UNDER_IT: [(&str, &[&str]); 3] = [
    ("steady", &["plugins/steady", "--duration", "4s"]),
    (
        "cpuset-shrink",
        &["plugins/cpuset-shrink", "--duration=12s", ROUGH],
    ),
    (
        "survives-storm",
        &["plugins/survives-storm", CONTROL, "--duration=16s", PATIENT],
    ),
];

/// Scenarios that replace it by the fixture, and the fixture by it.
const SWAPS: [(&str, &[&str]); 2] = [
    ("replaced by the fixture, and back", &[NAME, FIXTURE]),
    ("in place of the fixture, and gone again", &[FIXTURE, NAME]),
];

/// Builds everything, runs everything; fails if anything does.
pub(crate) fn run(console: &Console, workspace: &Workspace) -> anyhow::Result<()> {
    setup::run(console, workspace, Extent::Run)?;
    schedulers::ensure(console, workspace)?;
    build::all(console, workspace)?;
    let fixture = build::layout(workspace).scheduler(FIXTURE);
    ensure!(
        fixture.is_file(),
        "the fixture scheduler is not there: see above"
    );
    let real = console.step(&format!("build {REAL} {VERSION}"), |step| {
        fetch_and_build(step, workspace)
    })?;
    let declared = |name: &str| {
        let program = if name == NAME { &real } else { &fixture };
        format!("--scheduler={name}={}", program.display())
    };
    let mut failed = Vec::new();
    let mut scenario = |name: &str, arguments: &[&str], schedulers: &[&str]| {
        let result = console.step(&format!("{REAL}: {name}"), |step| {
            let mut command = Command::new(build::layout(workspace).cli());
            command
                .arg("run")
                .args(arguments)
                .args(schedulers.iter().map(|name| declared(name)))
                .current_dir(workspace.root());
            passes(step, command)
        });
        if let Err(error) = result {
            console.error(&format!("{name}: {error:#}"));
            failed.push(name.to_owned());
        }
    };
    for (name, arguments) in UNDER_IT {
        scenario(name, arguments, &[NAME]);
    }
    for (name, schedulers) in SWAPS {
        let to = format!("to={}", schedulers[1]);
        let arguments = [
            "plugins/scheduler-swap",
            CONTROL,
            "--duration=40s",
            "--param",
            &to,
        ];
        scenario(name, &arguments, schedulers);
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    console.result(&format!(
        "{REAL} {VERSION}: {} scenarios passed",
        UNDER_IT.len() + SWAPS.len()
    ));
    Ok(())
}

/// cargo keeps what it built, and knows that it is there.
fn fetch_and_build(step: &Step<'_>, workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let place = workspace.target().join("real-schedulers");
    let mut command = cargo::command(workspace, &["install", "--locked", REAL]);
    command
        .args(["--version", VERSION])
        .arg("--root")
        .arg(&place)
        .arg("--target-dir")
        .arg(place.join("build"))
        // Its own folder: our settings for cargo are not meant for it.
        .current_dir(scratch(&place)?)
        .env("BPF_CLANG", CLANG);
    cargo::run(step, command)?;
    Ok(place.join("bin").join(REAL))
}

fn scratch(place: &Path) -> anyhow::Result<&Path> {
    std::fs::create_dir_all(place)
        .with_context(|| format!("failed to create {}", place.display()))?;
    Ok(place)
}

/// All that the run says is shown: it is what this is for.
fn passes(step: &Step<'_>, command: Command) -> anyhow::Result<()> {
    let ended = stream::run(command, |line| step.line(line))?;
    ensure!(ended.status.success(), "it did not pass ({})", ended.status);
    Ok(())
}
