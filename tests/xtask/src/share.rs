//! `share/proscenium`: the SDK and the contract, for plugins outside of this
//! repository.
//!
//! Owns which files those are, and the workspace manifest that the SDK inherits
//! from. The folders are as in the repository, so that the SDK's relative path
//! to the contract holds. Never edits what it copies.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use toml::{Table, Value};

use crate::layout::{self, Placing};

/// Brings the SDK and the contract from the repository at `root` to `share`.
/// What is no longer in the repository is removed.
pub(crate) fn arrange(root: &Path, share: &Path, placing: Placing) -> anyhow::Result<()> {
    let mut wanted = Vec::new();
    for folder in ["sdk/rust", "wit"] {
        collect(root, Path::new(folder), &mut wanted)?;
    }
    for file in &wanted {
        layout::place(&root.join(file), &share.join(file), placing)?;
    }
    remove_others(share, &wanted)?;
    let manifest = fs::read_to_string(root.join("Cargo.toml"))
        .context("failed to read the workspace's Cargo.toml")?;
    layout::write(&share.join("Cargo.toml"), &sdk_workspace(&manifest)?)
}

/// The workspace's manifest cut down to what the SDK inherits.
fn sdk_workspace(manifest: &str) -> anyhow::Result<String> {
    let mut whole: Table = manifest
        .parse()
        .context("the workspace's Cargo.toml is not TOML")?;
    let workspace = whole
        .get_mut("workspace")
        .and_then(Value::as_table_mut)
        .context("Cargo.toml has no [workspace]")?;
    workspace.remove("default-members");
    workspace.remove("exclude");
    workspace.insert("members".to_owned(), Value::from(vec!["sdk/rust"]));
    if let Some(dependencies) = workspace
        .get_mut("dependencies")
        .and_then(Value::as_table_mut)
    {
        // Our own crates are not there, except for the SDK itself.
        dependencies.retain(|_, dependency| dependency.get("path").is_none());
    }
    whole.retain(|key, _| key == "workspace");
    Ok(format!(
        "# Made by `cargo xtask build`: what the SDK inherits.\n{whole}"
    ))
}

/// Adds the files below `root/folder` to `files`, as paths relative to `root`.
fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let path = root.join(folder);
    let entries =
        fs::read_dir(&path).with_context(|| format!("failed to list {}", path.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("failed to list {}", path.display()))?;
        let relative = folder.join(entry.file_name());
        let kind = entry
            .file_type()
            .with_context(|| format!("failed to look at {relative:?}"))?;
        if kind.is_dir() && entry.file_name() != "target" {
            collect(root, &relative, files)?;
        } else if kind.is_file() {
            files.push(relative);
        }
    }
    Ok(())
}

fn remove_others(share: &Path, wanted: &[PathBuf]) -> anyhow::Result<()> {
    let wanted: HashSet<&PathBuf> = wanted.iter().collect();
    let mut there = Vec::new();
    for folder in ["sdk", "wit"] {
        collect(share, Path::new(folder), &mut there)?;
    }
    for file in there.iter().filter(|file| !wanted.contains(file)) {
        let path = share.join(file);
        fs::remove_file(&path).with_context(|| format!("failed to remove {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        [workspace]
        members = ["host", "sdk/rust"]
        exclude = ["x"]
        [workspace.package]
        version = "1.2.3"
        [workspace.dependencies]
        ours = { path = "host" }
        wit-bindgen = "0.61"
        [profile.guest]
        inherits = "release"
    "#;

    fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "Cargo.toml",
            "sdk/rust/src/lib.rs",
            "sdk/rust/template/a",
            "wit/world.wit",
        ] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, if file == "Cargo.toml" { MANIFEST } else { file }).unwrap();
        }
        folder
    }

    #[test]
    fn the_manifest_keeps_what_the_sdk_inherits_and_nothing_of_ours() {
        let made: Table = sdk_workspace(MANIFEST).unwrap().parse().unwrap();
        let workspace = &made["workspace"];
        assert_eq!(workspace["members"], Value::from(vec!["sdk/rust"]));
        assert_eq!(workspace["package"]["version"].as_str(), Some("1.2.3"));
        assert!(workspace["dependencies"].get("wit-bindgen").is_some());
        assert!(workspace["dependencies"].get("ours").is_none());
        assert!(workspace.get("exclude").is_none());
        assert!(made.get("profile").is_none());
    }

    #[test]
    fn files_are_where_they_are_in_the_repository_and_stale_ones_go() {
        let (repository, share) = (repository(), tempfile::tempdir().unwrap());
        arrange(repository.path(), share.path(), Placing::Link).unwrap();
        assert!(share.path().join("sdk/rust/template/a").is_file());
        fs::remove_file(repository.path().join("sdk/rust/template/a")).unwrap();
        arrange(repository.path(), share.path(), Placing::Link).unwrap();
        assert!(!share.path().join("sdk/rust/template/a").exists());
        assert!(share.path().join("wit/world.wit").is_file());
    }
}
