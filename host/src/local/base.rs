//! Where on this machine a run may be made.
//!
//! Owns the choice and its refusals. Makes nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use nix::unistd::{AccessFlags, access};

use super::hierarchy::{CONTROLLERS, Hierarchy, HierarchyError};

/// How to get a cgroup of one's own.
const DELEGATE: &str = "start the run with `systemd-run --user --scope -p Delegate=yes proscenium run --local …`, \
     or name a cgroup of yours with --cgroup";

/// A cgroup beneath which a run may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Its directory.
    pub path: PathBuf,
    /// We are the one process in it, and have to leave it: a cgroup that hands
    /// controllers down may have no process.
    pub vacate: bool,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// No hierarchy.
    #[error(transparent)]
    Hierarchy(#[from] HierarchyError),
    /// What was named is something else.
    #[error("{0} is no directory of a cgroup v2 hierarchy: name one, such as /sys/fs/cgroup/mine")]
    NoCgroup(PathBuf),
    /// Not ours.
    #[error("the cgroup {path} is not delegated to this user: {source}: {DELEGATE}")]
    NotDelegated {
        /// Its directory.
        path: PathBuf,
        /// What may not be written.
        source: io::Error,
    },
    /// In use.
    #[error(
        "other processes are in the cgroup {0}, so it can hand no controllers down: {DELEGATE}"
    )]
    Occupied(PathBuf),
}

impl Base {
    /// The cgroup that was named; else our own, where we are alone in it or it
    /// is the hierarchy's root; else the hierarchy's root, where we may.
    ///
    /// # Errors
    ///
    /// Why none of them will do.
    pub fn choose(named: Option<&Path>) -> Result<Self, BaseError> {
        match named {
            Some(named) => Self::named(named),
            None => Self::found(&Hierarchy::find()?),
        }
    }

    /// What a run of ours would lack here and what to do about it, before it is
    /// made. None: nothing.
    ///
    /// # Errors
    ///
    /// Why it cannot be made.
    pub fn prospects() -> Result<Option<String>, BaseError> {
        let hierarchy = Hierarchy::find()?;
        let base = Self::found(&hierarchy)?;
        let offered = fs::read_to_string(base.path.join("cgroup.controllers")).unwrap_or_default();
        let missing: Vec<&str> = CONTROLLERS
            .into_iter()
            .filter(|name| !offered.split_whitespace().any(|word| word == *name))
            .collect();
        Ok(hierarchy.explain(&missing, &base.path))
    }

    fn named(named: &Path) -> Result<Self, BaseError> {
        let no_cgroup = || BaseError::NoCgroup(named.to_owned());
        let path = named.canonicalize().map_err(|_| no_cgroup())?;
        let facts = statfs(&path).map_err(|_| no_cgroup())?;
        if facts.filesystem_type() != CGROUP2_SUPER_MAGIC || !path.is_dir() {
            return Err(no_cgroup());
        }
        Self::at(path)
    }

    fn found(hierarchy: &Hierarchy) -> Result<Self, BaseError> {
        match Self::at(hierarchy.own.clone()) {
            Err(error @ BaseError::Occupied(_)) => {
                let root = Self::at(hierarchy.mount.clone());
                // Only the real root may keep its processes; a failure there
                // is not what the user should be told about.
                root.ok().filter(|base| !base.vacate).ok_or(error)
            }
            decided => decided,
        }
    }

    fn at(path: PathBuf) -> Result<Self, BaseError> {
        let occupants = writable(&path).and_then(|()| occupants(&path));
        let occupants = occupants.map_err(|source| BaseError::NotDelegated {
            path: path.clone(),
            source,
        })?;
        let ours = process::id().to_string();
        match occupants.as_slice() {
            _ if is_root(&path) => Ok(Self {
                path,
                vacate: false,
            }),
            [] => Ok(Self {
                path,
                vacate: false,
            }),
            [only] if *only == ours => Ok(Self { path, vacate: true }),
            _ => Err(BaseError::Occupied(path)),
        }
    }
}

/// The root of all has no events, because nothing can be outside of it.
fn is_root(path: &Path) -> bool {
    !path.join("cgroup.events").exists()
}

fn writable(path: &Path) -> io::Result<()> {
    for what in ["", "cgroup.procs", "cgroup.subtree_control"] {
        access(&path.join(what), AccessFlags::W_OK)?;
    }
    Ok(())
}

fn occupants(path: &Path) -> io::Result<Vec<String>> {
    let text = fs::read_to_string(path.join("cgroup.procs"))?;
    Ok(text.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that looks like a cgroup with these processes.
    fn cgroup(above: &Path, name: &str, processes: &str, root: bool) -> PathBuf {
        let path = above.join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("cgroup.procs"), processes).unwrap();
        fs::write(path.join("cgroup.subtree_control"), "").unwrap();
        if !root {
            fs::write(path.join("cgroup.events"), "populated 1\n").unwrap();
        }
        path
    }

    fn choose(mount: &Path, own: &Path) -> Result<Base, BaseError> {
        Base::found(&Hierarchy {
            mount: mount.to_owned(),
            own: own.to_owned(),
            legacy: vec![],
        })
    }

    #[test]
    fn a_cgroup_in_which_we_are_alone_is_vacated() {
        let dir = tempfile::tempdir().unwrap();
        let root = cgroup(dir.path(), "root", "1\n2\n", true);
        let own = cgroup(&root, "own", &format!("{}\n", process::id()), false);
        let base = choose(&root, &own).unwrap();
        assert_eq!((base.path, base.vacate), (own, true));
    }

    #[test]
    fn the_root_of_all_keeps_its_processes() {
        let dir = tempfile::tempdir().unwrap();
        let root = cgroup(dir.path(), "root", "1\n2\n", true);
        let own = cgroup(&root, "own", "1\n2\n", false);
        for own in [&root, &own] {
            let base = choose(&root, own).unwrap();
            assert_eq!((&base.path, base.vacate), (&root, false));
        }
    }

    #[test]
    fn a_shared_cgroup_in_a_namespace_is_refused_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = cgroup(dir.path(), "root", "1\n2\n", false);
        let error = choose(&root, &root).unwrap_err().to_string();
        assert!(error.contains("other processes"), "{error}");
        assert!(error.contains("-p Delegate=yes"), "{error}");
    }

    #[test]
    fn what_is_no_cgroup_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let error = Base::choose(Some(dir.path())).unwrap_err();
        assert!(matches!(error, BaseError::NoCgroup(path) if path == dir.path()));
    }
}
