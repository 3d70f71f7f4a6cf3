//! `target/proscenium`: what was built, arranged as it is when installed.
//!
//! Owns the names in that tree and how files get there. Never builds anything.
//!
//! ```text
//! bin/proscenium
//! libexec/proscenium/{proscenium-init,proscenium-worker}   run in the guest
//! share/proscenium/{Cargo.toml,sdk,wit}                    what `proscenium new` builds on
//! programs/*.wasm                                          hostile, for tests; never installed
//! schedulers/fixture                                       for tests; never installed
//! ```

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A tree with our programs.
#[derive(Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

/// How a file is brought to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placing {
    /// The same file under a second name where that is possible, else a copy.
    Link,
    /// A file of its own, which later builds do not touch.
    Copy,
}

impl Layout {
    /// The layout below `root`, which need not exist.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The tree itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The CLI.
    pub(crate) fn cli(&self) -> PathBuf {
        self.root.join("bin/proscenium")
    }

    /// A program for the guest.
    pub(crate) fn guest(&self, name: &str) -> PathBuf {
        self.root.join("libexec/proscenium").join(name)
    }

    /// A component that exists only to be tested; not there when installed.
    pub(crate) fn program(&self, file: &str) -> PathBuf {
        self.root.join("programs").join(file)
    }

    /// A sched_ext scheduler that exists only to be tested with.
    pub(crate) fn scheduler(&self, name: &str) -> PathBuf {
        self.root.join("schedulers").join(name)
    }

    /// What is not a program.
    pub(crate) fn share(&self) -> PathBuf {
        self.root.join("share/proscenium")
    }
}

/// Brings `from` to `to`, if it is not there already. Returns whether anything
/// was done.
pub(crate) fn place(from: &Path, to: &Path, placing: Placing) -> anyhow::Result<bool> {
    let source = from
        .metadata()
        .with_context(|| format!("failed to look at {}", from.display()))?;
    if to
        .symlink_metadata()
        .is_ok_and(|there| is_same(&source, &there, placing))
    {
        return Ok(false);
    }
    bring(from, &source, to, placing)
        .with_context(|| format!("failed to put {} to {}", from.display(), to.display()))?;
    Ok(true)
}

/// Writes `text` to `to`, if that is not what it says already.
pub(crate) fn write(to: &Path, text: &str) -> anyhow::Result<()> {
    if fs::read_to_string(to).is_ok_and(|there| there == text) {
        return Ok(());
    }
    replace(to, |beside| fs::write(beside, text))
        .with_context(|| format!("failed to write {}", to.display()))
}

fn is_same(source: &Metadata, there: &Metadata, placing: Placing) -> bool {
    let same_file = (source.dev(), source.ino()) == (there.dev(), there.ino());
    // A copy has been given the time of what it was made from.
    let same_copy = there.is_file()
        && source.len() == there.len()
        && source.mode() == there.mode()
        && (source.mtime(), source.mtime_nsec()) == (there.mtime(), there.mtime_nsec());
    match placing {
        Placing::Link => same_file || same_copy,
        Placing::Copy => !same_file && same_copy,
    }
}

fn bring(from: &Path, source: &Metadata, to: &Path, placing: Placing) -> io::Result<()> {
    replace(to, |beside| {
        if placing == Placing::Link && fs::hard_link(from, beside).is_ok() {
            return Ok(());
        }
        // Copies the permissions as well.
        fs::copy(from, beside)?;
        File::open(beside)?.set_modified(source.modified()?)
    })
}

/// Makes a file beside `to` and renames it, so that nobody sees half a file
/// and a program that is being run keeps its own.
fn replace(to: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let folder = to.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(to.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(format!(".{}", std::process::id()));
    let beside = folder.join(name);
    let made = make(&beside).and_then(|()| fs::rename(&beside, to));
    // After a rename there is nothing to remove, except that renaming one name
    // of a file to another name of the same file leaves both.
    let _ = fs::remove_file(&beside);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_made_once_and_again_when_the_source_was_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("a/b/to"));
        fs::write(&from, "one").unwrap();
        assert!(place(&from, &to, Placing::Link).unwrap());
        assert!(!place(&from, &to, Placing::Link).unwrap());
        fs::remove_file(&from).unwrap();
        fs::write(&from, "three").unwrap();
        assert!(place(&from, &to, Placing::Link).unwrap());
        assert_eq!(fs::read_to_string(&to).unwrap(), "three");
    }

    #[test]
    fn a_copy_does_not_change_with_its_source() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "one").unwrap();
        assert!(place(&from, &to, Placing::Copy).unwrap());
        assert!(!place(&from, &to, Placing::Copy).unwrap());
        fs::write(&from, "other").unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "one");
        assert!(place(&from, &to, Placing::Copy).unwrap());
        assert_eq!(fs::read_to_string(&to).unwrap(), "other");
    }

    #[test]
    fn nothing_but_the_file_is_left_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("there/to"));
        fs::write(&from, "one").unwrap();
        place(&from, &to, Placing::Link).unwrap();
        write(&folder.path().join("there/text"), "two").unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path().join("there")).unwrap().collect();
        names.sort_by_key(|entry| entry.as_ref().unwrap().file_name());
        let names: Vec<_> = names
            .into_iter()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["text", "to"]);
    }

    #[test]
    fn a_source_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = place(
            &folder.path().join("gone"),
            &folder.path().join("to"),
            Placing::Link,
        );
        assert!(error.unwrap_err().to_string().contains("gone"));
    }
}
