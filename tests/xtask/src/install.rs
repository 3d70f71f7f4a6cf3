//! `cargo xtask install`: the build, copied below a prefix.
//!
//! Owns the choice of the prefix. Never touches anything else of the user's:
//! not a shell's start-up files, not the cache.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::build;
use crate::console::Console;
use crate::layout::{Layout, Placing};
use crate::workspace::Workspace;

/// Builds and installs. Without a prefix that is `~/.local`.
pub(crate) fn run(
    console: &Console,
    workspace: &Workspace,
    prefix: Option<PathBuf>,
) -> anyhow::Result<()> {
    let prefix = match prefix {
        Some(prefix) => std::path::absolute(&prefix)
            .with_context(|| format!("{} is not a path", prefix.display()))?,
        None => std::env::home_dir()
            .context("there is no home folder: name one with --prefix")?
            .join(".local"),
    };
    build::all(console, workspace)?;
    let layout = Layout::new(prefix);
    console.step(&format!("install to {}", layout.root().display()), |_| {
        build::arrange(workspace, &layout, Placing::Copy)
    })?;
    let bin = layout.root().join("bin");
    if !is_on_path(&bin) {
        console.result(&format!("{} is not in PATH: add it there", bin.display()));
    }
    Ok(())
}

fn is_on_path(folder: &Path) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|entry| entry == folder))
}
