//! The fixture scheduler, which tests of schedulers run in a guest.
//!
//! Owns how it is built: against the types of the fetched kernel, in a
//! workspace of its own, with clang. Who cannot build it has tests that say so;
//! one that cannot be built any more is not left over for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::build;
use crate::cargo;
use crate::console::{Console, Step};
use crate::layout::{self, Placing};
use crate::setup::kernel::Kernel;
use crate::setup::packages;
use crate::workspace::Workspace;

/// Where its sources are: a workspace of their own.
pub(crate) const SOURCES: &str = "tests/schedulers";
/// Its program.
pub(crate) const FIXTURE: &str = "fixture";
/// What compiles its half in the kernel: Debian's own name for it.
pub(crate) const CLANG: &str = "clang-19";
/// Standard since Rust has it for Linux; its C library has a static half.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Installs what it is built with, where that can be done from here, and
/// builds it.
pub(crate) fn ensure(console: &Console, workspace: &Workspace) -> anyhow::Result<()> {
    console.step(
        "packages for the fixture scheduler",
        packages::ensure_schedulers,
    )?;
    build(console, workspace)
}

/// Builds it, if what it is built with is there; else says what is missing.
fn build(console: &Console, workspace: &Workspace) -> anyhow::Result<()> {
    let place = build::layout(workspace).scheduler(FIXTURE);
    let obstacle = packages::missing_for_schedulers()
        .or_else(|| Kernel::Recent.image().is_none().then(no_kernel));
    if let Some(obstacle) = obstacle {
        console.progress(&format!(
            "  SKIP fixture scheduler: {obstacle}: tests that need it are skipped"
        ));
        return remove(&place);
    }
    console.step("build the fixture scheduler", |step| {
        let image = Kernel::Recent.image().with_context(no_kernel)?;
        let target = workspace.target().join("schedulers");
        let types = kernel_types(step, &image, &target)?;
        let mut command = cargo::command(workspace, &["build", "--release", "--locked"]);
        command
            .current_dir(workspace.root().join(SOURCES))
            .arg("--target-dir")
            .arg(&target)
            .env("FIXTURE_VMLINUX", types)
            .env("FIXTURE_CLANG", CLANG);
        cargo::run(step, command)?;
        let built = target.join(TARGET).join("release").join(FIXTURE);
        layout::place(&built, &place, Placing::Link).map(drop)
    })
}

fn no_kernel() -> String {
    "there is no kernel with sched_ext: `cargo xtask setup` fetches one".to_owned()
}

fn remove(place: &Path) -> anyhow::Result<()> {
    match fs::remove_file(place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", place.display()))
        }
        _ => Ok(()),
    }
}

/// The types of the kernel in `image`, as a C header in a folder of their own.
fn kernel_types(step: &Step<'_>, image: &Path, target: &Path) -> anyhow::Result<PathBuf> {
    let release = image
        .parent()
        .and_then(Path::file_name)
        .context("the kernel has no folder")?;
    let header = target.join("types").join(release).join("vmlinux.h");
    let changed = |path: &Path| path.metadata().and_then(|facts| facts.modified()).ok();
    if changed(&header).is_some_and(|made| Some(made) >= changed(image)) {
        return Ok(header);
    }
    step.line(&format!("types of {}", release.to_string_lossy()));
    let mut bpftool = Command::new(packages::bpftool().context("bpftool is missing")?);
    bpftool
        .args(["btf", "dump", "file"])
        .arg(image)
        .args(["format", "c"])
        .stdin(Stdio::null());
    let dumped = bpftool.output().context("failed to start bpftool")?;
    ensure!(
        dumped.status.success(),
        "bpftool finds no types in {}: {}",
        image.display(),
        String::from_utf8_lossy(&dumped.stderr).trim()
    );
    layout::write(&header, &String::from_utf8_lossy(&dumped.stdout))?;
    Ok(header)
}
