//! Which cgroup v2 hierarchy this machine has, where in it we are, and which
//! controllers are bound to v1.
//!
//! Reads what the kernel says and changes nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Controllers that scenarios may need.
pub const CONTROLLERS: [&str; 5] = ["cpuset", "cpu", "io", "memory", "pids"];

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Where v2 is mounted.
    pub mount: PathBuf,
    /// The directory of our own cgroup.
    pub own: PathBuf,
    /// Those of [`CONTROLLERS`] that v1 has.
    pub legacy: Vec<&'static str>,
}

/// Why there is no hierarchy to run in.
#[derive(Debug, thiserror::Error)]
pub enum HierarchyError {
    /// No v2 at all.
    #[error(
        "no cgroup v2 hierarchy is mounted: mount one with `mount -t cgroup2 none DIRECTORY`, or run in a VM, without --local"
    )]
    NotMounted,
    /// Our cgroup is not beneath the mount.
    #[error(
        "this process's cgroup {0:?} is outside of what is mounted: name one that is inside with --cgroup"
    )]
    Outside(String),
    /// The kernel did not say.
    #[error("failed to read {path}: {source}")]
    Read {
        /// The file.
        path: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Hierarchy {
    /// Asks the kernel.
    ///
    /// # Errors
    ///
    /// When v2 is not mounted, or we are outside of what is.
    pub fn find() -> Result<Self, HierarchyError> {
        let read =
            |path| fs::read_to_string(path).map_err(|source| HierarchyError::Read { path, source });
        Self::parse(
            &read("/proc/self/mounts")?,
            &read("/proc/self/cgroup")?,
            // Missing where the kernel has no v1.
            &fs::read_to_string("/proc/cgroups").unwrap_or_default(),
        )
    }

    /// From `/proc/self/mounts`, `/proc/self/cgroup` and `/proc/cgroups`.
    fn parse(mounts: &str, own: &str, subsystems: &str) -> Result<Self, HierarchyError> {
        let mount = mounts
            .lines()
            .find_map(|line| {
                let mut words = line.split(' ').skip(1);
                let target = words.next()?;
                (words.next()? == "cgroup2").then(|| PathBuf::from(unescaped(target)))
            })
            .ok_or(HierarchyError::NotMounted)?;
        let own = own
            .lines()
            .find_map(|line| line.strip_prefix("0::"))
            .ok_or(HierarchyError::NotMounted)?;
        if own.split('/').any(|part| part == "..") {
            return Err(HierarchyError::Outside(own.to_owned()));
        }
        let own = mount.join(own.trim_start_matches('/'));
        Ok(Self {
            mount,
            own,
            legacy: legacy(subsystems),
        })
    }

    /// Why `missing` controllers cannot be used beneath `base`, and what to
    /// do. None: nothing is missing.
    #[must_use]
    pub fn explain(&self, missing: &[&str], base: &Path) -> Option<String> {
        let (legacy, other): (Vec<&str>, Vec<&str>) = missing
            .iter()
            .partition(|controller| self.legacy.contains(controller));
        let mut parts = Vec::new();
        if !legacy.is_empty() {
            let v1: Vec<&str> = legacy.iter().map(|name| v1_name(name)).collect();
            parts.push(format!(
                "{} bound to cgroup v1 on this machine: boot it with cgroup_no_v1={}, or run in a VM, without --local",
                are(&legacy),
                v1.join(",")
            ));
        }
        if !other.is_empty() {
            parts.push(format!(
                "{} not delegated to {}: start the run with `systemd-run --user --scope -p Delegate=yes proscenium run --local …`",
                are(&other),
                base.display()
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

fn are(names: &[&str]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

/// Those with a v1 hierarchy: the second column is its number, 0 is v2.
fn legacy(subsystems: &str) -> Vec<&'static str> {
    let bound = |name: &str| {
        subsystems.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(v1_name(name)) && words.next().is_some_and(|number| number != "0")
        })
    };
    CONTROLLERS.into_iter().filter(|name| bound(name)).collect()
}

fn v1_name(name: &str) -> &str {
    if name == "io" { "blkio" } else { name }
}

/// The kernel writes blanks in mount points as octal escapes.
fn unescaped(target: &str) -> String {
    target
        .replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n\
        cpuset\t3\t1\t1\ncpu\t1\t1\t1\nblkio\t7\t1\t1\nmemory\t4\t16\t1\nhugetlb\t0\t1\t1\npids\t0\t1\t1\n";
    const MOUNTS: &str = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
        cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
        cgroup2 /sys/fs/cgroup/a\\040b cgroup2 rw 0 0\n";

    #[test]
    fn the_own_cgroup_is_found_beneath_the_mount() {
        let found = Hierarchy::parse(MOUNTS, "1:cpu:/x\n0::/user.slice/a\n", HYBRID).unwrap();
        assert_eq!(found.mount, Path::new("/sys/fs/cgroup/a b"));
        assert_eq!(found.own, Path::new("/sys/fs/cgroup/a b/user.slice/a"));
        assert_eq!(found.legacy, ["cpuset", "cpu", "io", "memory"]);
    }

    #[test]
    fn a_machine_without_v2_is_told_the_two_ways_out() {
        let error = Hierarchy::parse("tmpfs /x tmpfs rw 0 0\n", "0::/\n", "").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("mount -t cgroup2") && text.contains("without --local"),
            "{text}"
        );
    }

    #[test]
    fn a_cgroup_outside_of_the_mount_is_not_guessed_at() {
        let error = Hierarchy::parse(MOUNTS, "0::/../x\n", "").unwrap_err();
        assert!(matches!(error, HierarchyError::Outside(path) if path == "/../x"));
    }

    #[test]
    fn what_v1_has_and_what_is_not_delegated_have_different_ways_out() {
        let found = Hierarchy::parse(MOUNTS, "0::/\n", HYBRID).unwrap();
        let text = found
            .explain(&["io", "memory", "pids"], Path::new("/base"))
            .unwrap();
        assert!(text.contains("io, memory are bound to cgroup v1"), "{text}");
        assert!(text.contains("cgroup_no_v1=blkio,memory"), "{text}");
        assert!(text.contains("pids is not delegated to /base"), "{text}");
        assert!(text.contains("-p Delegate=yes"), "{text}");
        assert_eq!(found.explain(&[], Path::new("/base")), None);
    }
}
