//! Rust targets that std is needed for, and the components that lints need.
//!
//! Owns their list. Never changes which toolchain is used.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

use super::Extent;
use crate::cargo::{GUEST, WASM};
use crate::console::Step;
use crate::stream;
use crate::workspace::on_path;

/// Components, and the file in the toolchain that shows that they are there.
const COMPONENTS: [(&str, &str); 2] =
    [("clippy", "bin/cargo-clippy"), ("rustfmt", "bin/cargo-fmt")];

/// Adds the targets that are missing, and the components if tests are to run.
pub(crate) fn ensure(step: &Step<'_>, extent: Extent) -> anyhow::Result<()> {
    let sysroot = sysroot()?;
    let mut targets = vec![GUEST, WASM];
    targets.retain(|target| {
        !sysroot
            .join("lib/rustlib")
            .join(target)
            .join("lib")
            .is_dir()
    });
    add(step, "target", &targets)?;
    if extent == Extent::Test {
        let missing = COMPONENTS
            .iter()
            .filter(|(_, file)| !sysroot.join(file).is_file());
        add(
            step,
            "component",
            &missing.map(|(name, _)| *name).collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

fn add(step: &Step<'_>, kind: &str, names: &[&str]) -> anyhow::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let remedy = format!("rustup {kind} add {}", names.join(" "));
    ensure!(
        on_path("rustup").is_some(),
        "Rust lacks {}: there is no rustup here to add it: install it as you installed Rust",
        names.join(" and ")
    );
    let mut command = Command::new("rustup");
    command.args([kind, "add"]).args(names);
    let ended = stream::run(command, |line| step.line(line))?;
    ensure!(ended.status.success(), "`{remedy}` failed: see above");
    Ok(())
}

/// Where the toolchain is that cargo was started from.
fn sysroot() -> anyhow::Result<PathBuf> {
    // rustup says so in its environment, and starting rustc takes longer than
    // everything else here.
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    if let (Some(home), Some(toolchain)) = (named("RUSTUP_HOME"), named("RUSTUP_TOOLCHAIN")) {
        let sysroot = home.join("toolchains").join(toolchain);
        if sysroot.is_dir() {
            return Ok(sysroot);
        }
    }
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .context("failed to start rustc")?;
    ensure!(output.status.success(), "rustc does not know its sysroot");
    let path = String::from_utf8(output.stdout).context("the sysroot's path is not UTF-8")?;
    Ok(PathBuf::from(path.trim_end()))
}
