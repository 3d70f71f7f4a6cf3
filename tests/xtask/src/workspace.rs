//! What is where in this repository, as cargo sees it.
//!
//! Owns the one call to `cargo metadata`. Never changes a file.

use std::path::{Path, PathBuf};

use anyhow::Context;
use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};

/// Suites that need a VM are one test target of this name.
pub(crate) const VM_SUITE: &str = "vm";

/// The suite of runs without a VM, which is run in one too: there it finds the
/// controllers that machines may lack.
pub(crate) const LOCAL_SUITE: &str = "local";

/// The program that runs others in a guest.
pub(crate) const VM_RUNNER: &str = "vm-runner";

/// The package of what runs in the guest.
pub(crate) const GUEST_RUNTIME: &str = "proscenium-guest-runtime";

const SUITES: &str = "proscenium-tests";
const CHORES: &str = "xtask";
/// Folder of the components that exist only to be tested.
const PROGRAMS: &str = "tests/programs";

/// The repository.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    /// Asks cargo, without the dependencies: that takes 50 ms.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map(|folder| Path::new(&folder).join("Cargo.toml"))
            .context("the repository is unknown: CARGO_MANIFEST_DIR is unset: use `cargo xtask`")?;
        let metadata = MetadataCommand::new()
            .manifest_path(manifest)
            .no_deps()
            .exec()
            .context("cargo metadata failed")?;
        Ok(Self { metadata })
    }

    /// The repository's root.
    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// cargo's target folder.
    pub(crate) fn target(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// Names of the example plugins, one per folder in `plugins/`.
    pub(crate) fn plugins(&self) -> Vec<&str> {
        self.names(|package| self.is_below(package, "plugins"))
    }

    /// Names of the components that exist only to be tested, one per folder in
    /// `tests/programs/`.
    pub(crate) fn programs(&self) -> Vec<&str> {
        self.names(|package| self.is_below(package, PROGRAMS))
    }

    /// What plugins are made of and made with: built for wasm, and never in one
    /// cargo call with the host side. Their code generator turns on features
    /// of shared crates, and cargo would then compile wasmtime a second time.
    pub(crate) fn plugin_side(&self) -> Vec<&str> {
        self.names(|package| self.is_plugin_side(package))
    }

    /// Everything that runs on the host or in the guest, and its suites.
    pub(crate) fn host_side(&self) -> Vec<&str> {
        self.names(|package| !self.is_plugin_side(package) && package.name.as_str() != CHORES)
    }

    /// Names of the test targets that belong to a package of its own.
    pub(crate) fn package_suites(&self) -> Vec<&str> {
        self.targets(&TargetKind::Test, |package| {
            package.name.as_str() != SUITES && !self.is_plugin_side(package)
        })
    }

    /// Names of the suites in `tests/`, those that need a VM included.
    pub(crate) fn suites(&self) -> Vec<&str> {
        self.targets(&TargetKind::Test, |package| package.name.as_str() == SUITES)
    }

    /// Names of the suites that are run in a guest, against its kernel.
    pub(crate) fn guest_suites(&self) -> Vec<&str> {
        self.targets(&TargetKind::Test, |package| {
            package.name.as_str() == GUEST_RUNTIME
        })
    }

    /// Names of the benches that are run here.
    pub(crate) fn benches(&self) -> Vec<&str> {
        self.targets(&TargetKind::Bench, |package| {
            package.name.as_str() != GUEST_RUNTIME && !self.is_plugin_side(package)
        })
    }

    /// Names of the benches that are run in a guest.
    pub(crate) fn guest_benches(&self) -> Vec<&str> {
        self.targets(&TargetKind::Bench, |package| {
            package.name.as_str() == GUEST_RUNTIME
        })
    }

    fn is_plugin_side(&self, package: &Package) -> bool {
        ["plugins", "sdk", PROGRAMS]
            .iter()
            .any(|folder| self.is_below(package, folder))
    }

    fn is_below(&self, package: &Package, folder: &str) -> bool {
        package
            .manifest_path
            .starts_with(self.metadata.workspace_root.join(folder))
    }

    fn names(&self, wanted: impl Fn(&Package) -> bool) -> Vec<&str> {
        let packages = self.metadata.workspace_packages();
        let wanted = packages.into_iter().filter(|package| wanted(package));
        wanted.map(|package| package.name.as_str()).collect()
    }

    fn targets(&self, kind: &TargetKind, wanted: impl Fn(&Package) -> bool) -> Vec<&str> {
        let packages = self.metadata.workspace_packages();
        let targets = packages.into_iter().filter(|package| wanted(package));
        targets
            .flat_map(|package| &package.targets)
            .filter(|target| target.kind.contains(kind))
            .map(|target| target.name.as_str())
            .collect()
    }
}

/// Finds a program as a shell would, without starting it.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
