//! How long a source file may be: one concept, which a reader can hold in mind.

use std::fs;
use std::path::{Path, PathBuf};

/// A file that is longer is split.
const MOST: usize = 400;

/// Written by us, line by line: not what tools generate.
const EXTENSIONS: [&str; 8] = ["rs", "wit", "c", "h", "js", "py", "sh", "s"];

/// Source files of the repository, relative to its root, with their lengths.
pub(super) fn files() -> Vec<(PathBuf, usize)> {
    let root = super::root();
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    assert!(files.len() > 10, "the repository was not found: {files:?}");
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(PathBuf, usize)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                collect(root, &path, files);
            }
        } else if path
            .extension()
            .is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known))
        {
            let lines = String::from_utf8_lossy(&fs::read(&path).unwrap())
                .lines()
                .count();
            files.push((path.strip_prefix(root).unwrap().to_owned(), lines));
        }
    }
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold_in_mind() {
    let files = files().into_iter();
    let too_long: Vec<_> = files.filter(|(_, lines)| *lines > MOST).collect();
    assert!(too_long.is_empty(), "over {MOST} lines: {too_long:?}");
}

#[test]
fn every_rust_file_says_what_it_is() {
    let root = super::root();
    let silent: Vec<PathBuf> = files()
        .into_iter()
        .map(|(file, _)| file)
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .filter(|file| {
            !fs::read_to_string(root.join(file))
                .unwrap()
                .starts_with("//!")
        })
        .collect();
    assert!(silent.is_empty(), "no `//!` header: {silent:?}");
}
