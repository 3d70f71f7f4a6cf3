//! Kernels for the guest.
//!
//! Owns which ones the chores want. Fetching is the CLI's affair, and where
//! they are kept too: its cache folder is only looked into here, because that
//! takes no time.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::process::Command;

use anyhow::ensure;

use super::Extent;
use crate::build;
use crate::console::Step;
use crate::stream;
use crate::workspace::Workspace;

/// A kernel that the chores want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// What `proscenium kernel fetch` chooses: a recent one with sched_ext.
    Recent,
    /// Debian 12's generic one, with virtio as modules: the suites boot it too.
    Generic,
}

/// The kernels that `extent` needs.
pub(crate) fn wanted(extent: Extent) -> &'static [Kernel] {
    match extent {
        Extent::Run => &[Kernel::Recent],
        Extent::Test => &[Kernel::Recent, Kernel::Generic],
    }
}

impl Kernel {
    /// Whether the CLI's cache has one already.
    pub(crate) fn is_cached(self) -> bool {
        let Some(kernels) = cache().map(|cache| cache.join("kernels")) else {
            return false;
        };
        let Ok(entries) = kernels.read_dir() else {
            return false;
        };
        entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("vmlinux").is_file())
            .any(|entry| {
                entry
                    .file_name()
                    .to_str()
                    .is_some_and(|name| self.is_named(name))
            })
    }

    /// Has the CLI fetch it.
    pub(crate) fn fetch(self, step: &Step<'_>, workspace: &Workspace) -> anyhow::Result<()> {
        step.announce();
        let mut command = Command::new(build::layout(workspace).cli());
        command.args(["kernel", "fetch"]).args(self.argument());
        let ended = stream::run(command, |line| step.line(line))?;
        ensure!(
            ended.status.success(),
            "`proscenium kernel fetch` failed: see above"
        );
        Ok(())
    }

    fn argument(self) -> Option<&'static str> {
        match self {
            Self::Recent => None,
            Self::Generic => Some("6.1"),
        }
    }

    fn is_named(self, name: &str) -> bool {
        let generic = name.starts_with("6.1.");
        match self {
            Self::Recent => !generic,
            Self::Generic => generic,
        }
    }
}

impl Display for Kernel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recent => "with sched_ext",
            Self::Generic => "Debian 6.1 generic",
        })
    }
}

/// The CLI's cache folder, by the same rule as its own.
fn cache() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(own) = named("PROSCENIUM_CACHE") {
        return Some(PathBuf::from(own));
    }
    let base = named("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(std::env::home_dir()?.join(".cache")))?;
    Some(base.join("proscenium"))
}
