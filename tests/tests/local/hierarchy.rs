//! The machine's whole cgroup hierarchy, as a test finds it and leaves it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proscenium::local::Base;
use proscenium_tests::skip;

/// What the program `plain` uses when it is told to.
const NEEDED: [&str; 4] = ["cpuset", "cpu", "memory", "pids"];

/// A cgroup to which the root hands down all that `plain` may want. Dropped, it
/// and what was switched on for it are gone.
pub(crate) struct Endowed {
    pub(crate) path: PathBuf,
    root: PathBuf,
    switched_on: Vec<&'static str>,
}

impl Endowed {
    /// One, or the reason why there is none here, counted as skipped.
    pub(crate) fn find(test: &str) -> Option<Self> {
        let root = root(test)?;
        let on = words(&root.join("cgroup.subtree_control"));
        let off = |name: &&str| !on.iter().any(|word| word == name);
        let switched_on: Vec<&str> = NEEDED.into_iter().filter(off).collect();
        for name in &switched_on {
            fs::write(root.join("cgroup.subtree_control"), format!("+{name}")).unwrap();
        }
        let made = tempfile::Builder::new()
            .prefix("proscenium-test-")
            .tempdir_in(&root);
        Some(Self {
            path: made.unwrap().keep(),
            root,
            switched_on,
        })
    }
}

impl Drop for Endowed {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
        // Another test may have seen them on, and not switched them on itself.
        if !has_children(&self.root) {
            for name in &self.switched_on {
                let _ = fs::write(self.root.join("cgroup.subtree_control"), format!("-{name}"));
            }
        }
    }
}

/// Where runs are made by default, if it has the controllers.
pub(crate) fn root(test: &str) -> Option<PathBuf> {
    let root = match Base::choose(None) {
        Ok(base) => base.path,
        Err(error) => {
            skip::skip(test, &error.to_string());
            return None;
        }
    };
    if !has_controllers(&root) {
        skip::skip(test, "the hierarchy lacks controllers: v1 may have them");
        return None;
    }
    Some(root)
}

/// Whether a cgroup has all that `plain` uses when it is told to.
pub(crate) fn has_controllers(cgroup: &Path) -> bool {
    let offered = words(&cgroup.join("cgroup.controllers"));
    NEEDED
        .iter()
        .all(|name| offered.iter().any(|word| word == name))
}

/// Whether there is a cgroup beneath.
pub(crate) fn has_children(cgroup: &Path) -> bool {
    fs::read_dir(cgroup)
        .unwrap()
        .any(|entry| entry.unwrap().path().is_dir())
}

/// Every cgroup from `cgroup` on down but `except` and what is beneath it, with
/// what each hands down.
pub(crate) fn snapshot(cgroup: &Path, except: Option<&Path>) -> BTreeMap<PathBuf, Vec<String>> {
    let mut all = BTreeMap::new();
    let mut pending = vec![cgroup.to_owned()];
    while let Some(path) = pending.pop() {
        if except == Some(&path) {
            continue;
        }
        for entry in fs::read_dir(&path).unwrap() {
            let below = entry.unwrap().path();
            if below.is_dir() {
                pending.push(below);
            }
        }
        let handed_down = words(&path.join("cgroup.subtree_control"));
        all.insert(path, handed_down);
    }
    all
}

/// A file of a cgroup, without the end of its line.
pub(crate) fn read(cgroup: &Path, file: &str) -> String {
    let text = fs::read_to_string(cgroup.join(file)).unwrap();
    text.trim_end().to_owned()
}

fn words(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.split_whitespace().map(str::to_owned).collect()
}
