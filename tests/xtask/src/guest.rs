//! Programs that cargo builds for the guest and that are run in one.
//!
//! Owns the program that boots for them and how cargo is told of it. Which
//! programs there are is the business of tests and benches.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;

use crate::build::{self, GUEST_PROGRAMS};
use crate::cargo::{self, GUEST};
use crate::console::Console;
use crate::schedulers::FIXTURE;
use crate::workspace::{VM_RUNNER, VM_SUITE, Workspace};

/// What files the runner gives them, in the form `NAME=FILE,…`.
const FILES: &str = "VM_RUNNER_FILES";

/// Which component it gives them.
const PLUGIN: &str = "VM_RUNNER_PLUGIN";

/// What cargo starts programs of the guest's target with. Names the target.
const VARIABLE: &str = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUNNER";
/// The same for programs of this machine.
const HOST_VARIABLE: &str = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER";
/// PID 1 of guests in which something else than a run is tested.
const TEST_INIT: &str = "proscenium-test-init";

/// Builds what starts them, with the features that the suites on this side
/// are built with.
pub(crate) fn build_runner(console: &Console, workspace: &Workspace) -> anyhow::Result<()> {
    console.step("build the VM runner", |step| {
        // cargo builds a package's programs with its tests. Asked for alone,
        // the program would be built with fewer features: all anew.
        let mut command = cargo::command(workspace, &["test", "--release", "--no-run"]);
        command
            .args(cargo::packages(workspace.host_side()))
            .args(["--test", VM_SUITE]);
        cargo::run(step, command)
    })
}

/// Has the programs that `command` runs booted with `kernel`, or with the one
/// of the CLI's choice. They find the component of `tests/programs` with this
/// file name as a run's plugin, and the fixture scheduler, where it was built, as
/// `/job/fixture`.
pub(crate) fn boots(
    command: &mut Command,
    workspace: &Workspace,
    component: &str,
    kernel: Option<&str>,
) {
    command.env(VARIABLE, runner(workspace));
    let layout = build::layout(workspace);
    command.env(PLUGIN, layout.program(component));
    let fixture = layout.scheduler(FIXTURE);
    if fixture.is_file() {
        let mut files = env::var_os(FILES)
            .filter(|files| !files.is_empty())
            .map_or_else(OsString::new, |mut files| {
                files.push(",");
                files
            });
        files.push(format!("{FIXTURE}="));
        files.push(fixture);
        command.env(FILES, files);
    }
    if let Some(kernel) = kernel {
        command.env("PROSCENIUM_KERNEL", kernel);
    }
}

/// Has the programs that `command` runs, which are built for this machine, booted
/// with the CLI, all that it needs, and the test programs, each where it is here.
pub(crate) fn boots_host_side(command: &mut Command, workspace: &Workspace) {
    let layout = build::layout(workspace);
    let programs = workspace.programs();
    let files = [layout.cli()]
        .into_iter()
        .chain(GUEST_PROGRAMS.map(|(_, program)| layout.guest(program)))
        .chain(programs.iter().map(|name| {
            let file = format!("{name}.wasm").replace('-', "_");
            layout.program(&file)
        }));
    let files: Vec<OsString> = files.map(PathBuf::into_os_string).collect();
    command
        .env(HOST_VARIABLE, runner(workspace))
        .env("VM_RUNNER_WITH", files.join(OsStr::new(",")))
        .env("VM_RUNNER_VARIABLES", "PROSCENIUM_LAYOUT,RUST_BACKTRACE")
        .env(
            "VM_RUNNER_INIT",
            workspace
                .target()
                .join(GUEST)
                .join("release")
                .join(TEST_INIT),
        );
}

fn runner(workspace: &Workspace) -> PathBuf {
    workspace.target().join("release").join(VM_RUNNER)
}
