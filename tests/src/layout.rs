//! Where `cargo xtask build` put the programs under test.

use std::path::{Path, PathBuf};

/// The tree with `bin/proscenium` and what belongs to it: `PROSCENIUM_LAYOUT`,
/// which `cargo xtask test` sets, else `target/proscenium` of this workspace.
#[must_use]
pub fn root() -> PathBuf {
    std::env::var_os("PROSCENIUM_LAYOUT").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/proscenium"),
        PathBuf::from,
    )
}

/// The CLI.
#[must_use]
pub fn cli() -> PathBuf {
    root().join("bin/proscenium")
}

/// The scheduler that misbehaves when told to, of `tests/schedulers`.
#[must_use]
pub fn fixture_scheduler() -> PathBuf {
    root().join("schedulers/fixture")
}

/// A component of `tests/programs`, as cargo built it: a core module that
/// carries its contract.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    root().join("programs").join(format!("{name}.wasm"))
}
