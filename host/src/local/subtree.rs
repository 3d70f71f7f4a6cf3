//! The directory of one run: made, locked, and removed with all that is in it.
//!
//! Owns everything beneath that directory, our own stay in it where the base had
//! to be vacated, and the controllers that it had the base hand down. Never
//! touches what is beside it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::base::Base;
use super::hierarchy::CONTROLLERS;
use super::removal;

/// What the names of all runs' directories begin with.
pub(super) const PREFIX: &str = "proscenium-run-";
/// Random characters after it.
pub(super) const RANDOM: usize = 8;
/// Where we are while the base has to be empty.
const HOST: &str = "host";
/// Where the runtime is, with the workers that it starts beside itself.
pub(super) const RUNTIME: &str = "runtime";

/// See the module. Dropping it kills what is left in there and removes it.
#[derive(Debug)]
pub struct Subtree {
    base: Base,
    path: PathBuf,
    /// Controllers that this run switched on in its base.
    enabled: Vec<&'static str>,
    /// Held as long as this lives: it is how [`super::cleanup`] tells.
    _lock: Flock<File>,
}

/// What could not be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what} {path}: {source}")]
pub struct SubtreeError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Subtree {
    /// Makes the directory of a new run beneath `base`.
    ///
    /// # Errors
    ///
    /// What the system said; nothing is left behind then.
    pub fn make(base: Base) -> Result<Self, SubtreeError> {
        let path = tempfile::Builder::new()
            .prefix(PREFIX)
            .rand_bytes(RANDOM)
            .tempdir_in(&base.path)
            .map_err(failed("make a cgroup in", &base.path))?
            .keep();
        let lock = match lock(&path) {
            Ok(lock) => lock,
            Err(source) => {
                let _ = fs::remove_dir(&path);
                return Err(failed("lock the cgroup", &path)(source));
            }
        };
        // Owned from here on: what fails below is undone by the drop.
        let mut subtree = Self {
            base,
            path,
            enabled: Vec::new(),
            _lock: lock,
        };
        subtree.child(RUNTIME)?;
        if subtree.base.vacate {
            let host = subtree.child(HOST)?;
            enter(&host).map_err(failed("enter the cgroup", &host))?;
        }
        subtree.enable();
        Ok(subtree)
    }

    /// The directory, in which no process is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The cgroup that it is beneath.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base.path
    }

    /// Controllers that scenarios may need and that cannot be had in there.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let there = words(&self.path.join("cgroup.controllers"));
        CONTROLLERS
            .into_iter()
            .filter(|name| !there.iter().any(|word| word == name))
            .collect()
    }

    /// Moves a process to where the runtime belongs.
    ///
    /// # Errors
    ///
    /// What the system said, such as that it may not be moved from where it is.
    pub fn place_runtime(&self, pid: u32) -> Result<(), SubtreeError> {
        let path = self.path.join(RUNTIME);
        fs::write(path.join("cgroup.procs"), pid.to_string())
            .map_err(failed("move the runtime to the cgroup", &path))
    }

    fn child(&self, name: &str) -> Result<PathBuf, SubtreeError> {
        let path = self.path.join(name);
        fs::create_dir(&path).map_err(failed("make the cgroup", &path))?;
        Ok(path)
    }

    /// Has the base hand down whatever a scenario may need. One at a time: what
    /// cannot be had is missing, and no reason not to have the others.
    fn enable(&mut self) {
        let offered = words(&self.base.path.join("cgroup.controllers"));
        let on = words(&control(&self.base.path));
        let wanted = |name: &&str| {
            offered.iter().any(|word| word == name) && !on.iter().any(|word| word == name)
        };
        for name in CONTROLLERS.into_iter().filter(wanted) {
            if fs::write(control(&self.base.path), format!("+{name}")).is_ok() {
                self.enabled.push(name);
            }
        }
    }

    fn remove(&self) -> io::Result<()> {
        // Not `host`: that is us.
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() && entry.file_name() != HOST {
                removal::remove(&entry.path())?;
            }
        }
        if self.base.vacate {
            // What a cgroup hands down itself cannot be taken from it.
            for name in words(&control(&self.path)) {
                fs::write(control(&self.path), format!("-{name}"))?;
            }
            // Nor can anybody be in a base that hands something down.
            self.disable()?;
            enter(&self.base.path)?;
        }
        removal::remove(&self.path)?;
        if !self.base.vacate {
            self.disable()?;
        }
        Ok(())
    }

    /// Switches off in the base what this run switched on, unless there is
    /// another cgroup that may use it, such as that of another run.
    fn disable(&self) -> io::Result<()> {
        if self.enabled.is_empty() || self.has_neighbours()? {
            return Ok(());
        }
        for name in self.enabled.iter().rev() {
            fs::write(control(&self.base.path), format!("-{name}"))?;
        }
        if self.has_neighbours()? {
            // Made in the meantime, it may have seen them switched on: whoever
            // comes later sees them off and does it.
            for name in &self.enabled {
                fs::write(control(&self.base.path), format!("+{name}"))?;
            }
        }
        Ok(())
    }

    fn has_neighbours(&self) -> io::Result<bool> {
        for entry in fs::read_dir(&self.base.path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() && entry.path() != self.path {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Drop for Subtree {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!("failed to remove {}: {error}", self.path.display());
        }
    }
}

/// Locks the directory of a run, for as long as the lock is kept.
pub(super) fn lock(path: &Path) -> io::Result<Flock<File>> {
    let directory = File::open(path)?;
    Flock::lock(directory, FlockArg::LockExclusiveNonblock)
        .map_err(|(_, errno)| io::Error::from(errno))
}

/// Moves this process.
fn enter(cgroup: &Path) -> io::Result<()> {
    fs::write(cgroup.join("cgroup.procs"), "0")
}

/// Where a cgroup says what it hands down.
fn control(cgroup: &Path) -> PathBuf {
    cgroup.join("cgroup.subtree_control")
}

/// A file's words; none where it cannot be read.
fn words(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> SubtreeError + 'a {
    move |source| SubtreeError {
        what,
        path: path.to_owned(),
        source,
    }
}
