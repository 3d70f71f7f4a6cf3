//! `cargo xtask build`: everything that a run needs.
//!
//! Owns which packages are built how. Never decides whether one has to be: cargo
//! knows, and takes a tenth of a second to say so.

use crate::cargo::{self, GUEST, WASM};
use crate::console::Console;
use crate::layout::{self, Layout, Placing};
use crate::share;
use crate::workspace::Workspace;

/// Programs for the guest: package, program.
///
/// Each has a cargo call of its own: in one call cargo would build what they
/// share with the features that either asks for.
pub(crate) const GUEST_PROGRAMS: [(&str, &str); 2] = [
    ("proscenium-guest-runtime", "proscenium-init"),
    ("proscenium-worker", "proscenium-worker"),
];

/// Builds the CLI, the guest's programs, the example plugins and the test
/// programs, and arranges them in `target/proscenium`.
pub(crate) fn all(console: &Console, workspace: &Workspace) -> anyhow::Result<()> {
    cli(console, workspace)?;
    for (package, program) in GUEST_PROGRAMS {
        console.step(&format!("build the guest's {program}"), |step| {
            let arguments = ["build", "--profile", "guest", "--target", GUEST];
            let mut command = cargo::command(workspace, &arguments);
            command.args(["-p", package, "--bin", program]);
            cargo::run(step, command)
        })?;
    }
    console.step("build the example plugins and the test programs", |step| {
        let arguments = ["build", "--profile", "plugin", "--target", WASM];
        let mut command = cargo::command(workspace, &arguments);
        command.args(cargo::packages(workspace.plugins()));
        command.args(cargo::packages(workspace.programs()));
        cargo::run(step, command)
    })?;
    console.step("arrange target/proscenium", |_| {
        let layout = layout(workspace);
        arrange(workspace, &layout, Placing::Link)?;
        place_programs(workspace, &layout)
    })
}

/// Builds the CLI alone and puts it to its place: enough to fetch a kernel.
pub(crate) fn cli(console: &Console, workspace: &Workspace) -> anyhow::Result<()> {
    console.step("build the CLI", |step| {
        cargo::run(
            step,
            cargo::command(workspace, &["build", "--release", "-p", "proscenium"]),
        )?;
        place_cli(workspace, &layout(workspace), Placing::Link)
    })
}

/// Where the build is arranged.
pub(crate) fn layout(workspace: &Workspace) -> Layout {
    Layout::new(workspace.target().join("proscenium"))
}

/// Brings everything that was built to its place in `layout`.
pub(crate) fn arrange(
    workspace: &Workspace,
    layout: &Layout,
    placing: Placing,
) -> anyhow::Result<()> {
    place_cli(workspace, layout, placing)?;
    for (_, program) in GUEST_PROGRAMS {
        let built = workspace.target().join(GUEST).join("guest").join(program);
        layout::place(&built, &layout.guest(program), placing)?;
    }
    share::arrange(workspace.root(), &layout.share(), placing)
}

/// Only here and not in [`arrange`]: what is tested with is never installed.
fn place_programs(workspace: &Workspace, layout: &Layout) -> anyhow::Result<()> {
    for program in workspace.programs() {
        let file = format!("{program}.wasm").replace('-', "_");
        let built = workspace.target().join(WASM).join("plugin").join(&file);
        layout::place(&built, &layout.program(&file), Placing::Link)?;
    }
    Ok(())
}

fn place_cli(workspace: &Workspace, layout: &Layout, placing: Placing) -> anyhow::Result<()> {
    let built = workspace.target().join("release/proscenium");
    layout::place(&built, &layout.cli(), placing).map(drop)
}
