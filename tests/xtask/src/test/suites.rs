//! Tiers `unit`, `sim` and `vm`: which test targets belong to which.
//!
//! Owns the selection. All packages of a side are always named to cargo
//! together and targets chosen among theirs: a smaller choice of packages has
//! cargo compile what they depend on anew, with fewer features.

use super::Context;
use super::runner::{self, Selection};
use super::tally::Tally;
use crate::cargo::{self, GUEST};
use crate::guest;
use crate::workspace::{GUEST_RUNTIME, LOCAL_SUITE, VM_SUITE};

/// The component that suites find in a guest.
const FUNCTIONS: &str = "functions.wasm";

/// Each package's own tests.
pub(super) fn unit(context: Context<'_>) -> Tally {
    let workspace = context.workspace;
    let mut host = cargo::packages(workspace.host_side());
    host.extend(["--lib", "--bins"]);
    host.extend(targets(workspace.package_suites()));
    let mut plugins = cargo::packages(workspace.plugin_side());
    plugins.push("--lib");
    let selections = [
        Selection {
            name: "host and guest",
            cargo: host,
            threads: None,
        },
        Selection {
            name: "SDK and plugins",
            cargo: plugins,
            threads: None,
        },
        Selection {
            name: "chores",
            cargo: vec!["-p", "xtask", "--bins"],
            threads: None,
        },
    ];
    let mut tally = Tally::default();
    for selection in &selections {
        tally.add(runner::run(context, selection));
    }
    tally
}

/// The suites of `tests/` that need no VM.
pub(super) fn sim(context: Context<'_>) -> Tally {
    let mut suites = context.workspace.suites();
    suites.retain(|suite| *suite != VM_SUITE);
    if suites.is_empty() {
        return Tally::skip("tests/ has no suites");
    }
    let mut cargo = cargo::packages(context.workspace.host_side());
    cargo.extend(targets(suites));
    runner::run(
        context,
        &Selection {
            name: "suites without a VM",
            cargo,
            threads: None,
        },
    )
}

/// The suite of `tests/` that boots VMs.
pub(super) fn vm(context: Context<'_>) -> Tally {
    let mut cargo = cargo::packages(context.workspace.host_side());
    cargo.extend(["--test", VM_SUITE]);
    // An emulated guest keeps one core busy and the host side part of another.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = Some((cores / 2).max(1));
    runner::run(
        context,
        &Selection {
            name: "suites in VMs",
            cargo,
            threads,
        },
    )
}

/// The suites that run in a guest, each in one boot of `kernel` or of the
/// CLI's choice.
pub(super) fn guest(context: Context<'_>, kernel: Option<&str>) -> Tally {
    let mut cargo = vec!["--target", GUEST, "-p", GUEST_RUNTIME];
    cargo.extend(targets(context.workspace.guest_suites()));
    let name = format!("in the guest, {}", kernel.unwrap_or("recent kernel"));
    runner::run_in_guest(
        context,
        &Selection {
            name: &name,
            cargo,
            // Their holds are wall time of few emulated CPUs.
            threads: Some(1),
        },
        |command| guest::boots(command, context.workspace, FUNCTIONS, kernel),
    )
}

/// The suite of runs on this machine's own kernel, in a guest: one that is root's
/// and that nobody else uses, with every controller.
pub(super) fn local_in_guest(context: Context<'_>) -> Tally {
    let mut cargo = cargo::packages(context.workspace.host_side());
    cargo.extend(["--test", LOCAL_SUITE]);
    runner::run_in_guest(
        context,
        &Selection {
            name: "local runs, in the guest",
            cargo,
            threads: Some(1),
        },
        |command| guest::boots_host_side(command, context.workspace),
    )
}

fn targets(names: Vec<&str>) -> Vec<&str> {
    names
        .into_iter()
        .flat_map(|name| ["--test", name])
        .collect()
}
