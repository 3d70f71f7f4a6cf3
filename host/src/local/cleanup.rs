//! What a host that was killed left of its local runs.
//!
//! Owns how such a directory is told from one in use and from one of somebody
//! else's: by its name, its owner, what is in it, and the lock that its host
//! holds. Touches no other.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::removal;
use super::subtree::{PREFIX, RANDOM, RUNTIME, lock};

/// What became of the directory of one run.
#[derive(Debug)]
pub struct Found {
    /// The directory.
    pub path: PathBuf,
    /// What was done.
    pub fate: Fate,
}

/// See [`Found`].
#[derive(Debug)]
pub enum Fate {
    /// It is gone, with so many processes.
    Removed(usize),
    /// Its run is going on, so it was left alone.
    InUse,
    /// It could not be removed.
    Kept(io::Error),
}

/// Looks through `hierarchy` and removes what dead hosts of this user left.
#[must_use]
pub fn clean(hierarchy: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    let mut pending = vec![hierarchy.to_owned()];
    while let Some(directory) = pending.pop() {
        // A cgroup that vanished meanwhile has nothing to clean.
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let path = entry.path();
            if is_run(&path) {
                let fate = end(&path);
                found.push(Found { path, fate });
            } else {
                pending.push(path);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Whether it is the directory of a run of ours.
fn is_run(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let random = name.and_then(|name| name.strip_prefix(PREFIX));
    let named = random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    let ours = || fs::metadata(path).is_ok_and(|facts| facts.uid() == geteuid().as_raw());
    let made = || path.join(RUNTIME).is_dir() || is_empty(path);
    named && ours() && made()
}

fn is_empty(path: &Path) -> bool {
    let children = fs::read_dir(path).into_iter().flatten().flatten();
    !children
        .into_iter()
        .any(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
}

fn end(path: &Path) -> Fate {
    match lock(path) {
        Ok(_lock) => match removal::remove(path) {
            Ok(processes) => Fate::Removed(processes),
            Err(error) => Fate::Kept(error),
        },
        Err(error) if error.raw_os_error() == Some(Errno::EWOULDBLOCK as i32) => Fate::InUse,
        Err(error) => Fate::Kept(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(above: &Path, name: &str, with: &str) -> PathBuf {
        let path = above.join(name);
        fs::create_dir_all(path.join(with)).unwrap();
        path
    }

    #[test]
    fn only_what_looks_like_a_run_is_one() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_run(&run(dir.path(), "proscenium-run-aB3dE6gH", RUNTIME)));
        assert!(is_run(&run(dir.path(), "proscenium-run-bB3dE6gH", "")));
        assert!(!is_run(&run(
            dir.path(),
            "proscenium-run-cB3dE6gH",
            "other"
        )));
        assert!(!is_run(&run(dir.path(), "proscenium-run-short", RUNTIME)));
        assert!(!is_run(&run(
            dir.path(),
            "proscenium-run-a.b.c.d.",
            RUNTIME
        )));
        assert!(!is_run(&run(dir.path(), "proscenium-server", RUNTIME)));
    }

    #[test]
    fn a_run_whose_lock_is_held_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = run(dir.path(), "nested/proscenium-run-aB3dE6gH", RUNTIME);
        let held = lock(&path).unwrap();
        let found = clean(dir.path());
        assert!(
            matches!(
                found[..],
                [Found {
                    fate: Fate::InUse,
                    ..
                }]
            ),
            "{found:?}"
        );
        assert!(path.join(RUNTIME).is_dir());
        drop(held);
        // A plain directory is no cgroup, but its lock is free now.
        assert!(matches!(
            clean(dir.path())[..],
            [Found {
                fate: Fate::Kept(_),
                ..
            }]
        ));
    }
}
