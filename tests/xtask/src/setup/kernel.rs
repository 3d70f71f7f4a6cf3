//! Kernels for the guest.
//!
//! Owns which ones the chores want. Fetching is the CLI's affair, and where
//! they are kept too: its cache folder is only looked into here, because that
//! takes no time.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::ensure;
use serde_json::Value;

use crate::build;
use crate::console::Step;
use crate::stream;
use crate::workspace::Workspace;

/// What the CLI calls Debian 12's kernel.
const GENERIC: &str = "bookworm";

/// A kernel that the chores want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// What `proscenium kernel fetch` chooses: a recent one with sched_ext.
    Recent,
    /// Debian 12's generic one, with virtio as modules: the suites boot it too.
    Generic,
}

impl Kernel {
    /// Whether the CLI's cache has one already.
    pub(crate) fn is_cached(self) -> bool {
        self.folder().is_some()
    }

    /// The ELF image of one that the CLI's cache has.
    pub(crate) fn image(self) -> Option<PathBuf> {
        let image = self.folder()?.join("vmlinux");
        image.is_file().then_some(image)
    }

    /// Where the CLI's cache has one; of several, the one that came last.
    fn folder(self) -> Option<PathBuf> {
        let entries = cache()?.join("kernels").read_dir().ok()?;
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|folder| {
                fs::read(folder.join("meta.json"))
                    .ok()
                    .and_then(|record| serde_json::from_slice(&record).ok())
                    .is_some_and(|record| self.is_described_by(&record))
            })
            .max_by_key(|folder| folder.metadata().and_then(|facts| facts.modified()).ok())
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
        // Else it would be fetched on every call, and another one be booted.
        ensure!(
            self.is_cached(),
            "`proscenium kernel fetch` ended well, but the kernel is not in the cache"
        );
        Ok(())
    }

    /// What the CLI calls it; `None` is its own choice.
    pub(crate) fn argument(self) -> Option<&'static str> {
        match self {
            Self::Recent => None,
            Self::Generic => Some(GENERIC),
        }
    }

    /// Looks at what the CLI wrote beside a kernel that it fetched.
    fn is_described_by(self, record: &Value) -> bool {
        match self {
            Self::Recent => record["sched_ext"] == true,
            Self::Generic => record["spec"] == GENERIC,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetched_kernel_is_recognised_by_its_record() {
        let recent = serde_json::json!({ "spec": "sched-ext", "sched_ext": true });
        let generic = serde_json::json!({ "spec": "bookworm", "sched_ext": false });
        assert!(Kernel::Recent.is_described_by(&recent));
        assert!(!Kernel::Recent.is_described_by(&generic));
        assert!(Kernel::Generic.is_described_by(&generic));
        assert!(!Kernel::Generic.is_described_by(&recent));
    }
}
