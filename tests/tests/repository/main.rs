//! The shape of the repository: what may depend on what, how large a file is.
//!
//! Owns rules that no compiler checks. Needs no VM and none of the crates that
//! are installed.

#![expect(
    clippy::unwrap_used,
    reason = "a suite: what does not hold fails its test"
)]

mod arrows;
mod conformance;
mod guest;
mod hostile;
mod lines;
mod waits;
mod work_types;

use std::fs;
use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// Rust sources below a folder, sorted.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("target") && !path.ends_with("node_modules") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
