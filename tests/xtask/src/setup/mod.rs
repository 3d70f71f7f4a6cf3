//! `cargo xtask setup`: what is missing is installed, nothing is asked.
//!
//! Owns the order. Whether something is there is told from files, so that
//! nothing missing takes no time; one file per kind of thing says which.

pub(crate) mod kernel;
pub(crate) mod packages;
mod targets;

use self::kernel::Kernel;
use crate::console::Console;
use crate::workspace::Workspace;

/// What the machine is to be ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Building and running scenarios.
    Run,
    /// The test suites as well.
    Test,
}

/// Installs what is missing for `extent`.
pub(crate) fn run(console: &Console, workspace: &Workspace, extent: Extent) -> anyhow::Result<()> {
    toolchain(console, extent)?;
    machine(console, workspace)
}

/// What building needs.
pub(crate) fn toolchain(console: &Console, extent: Extent) -> anyhow::Result<()> {
    console.step("Rust targets and components", |step| {
        targets::ensure(step, extent)
    })
}

/// What booting needs.
pub(crate) fn machine(console: &Console, workspace: &Workspace) -> anyhow::Result<()> {
    console.step("packages of the system", packages::ensure)?;
    guest_kernel(console, workspace, Kernel::Recent)
}

/// One kernel for the guest, fetched if it is not there.
pub(crate) fn guest_kernel(
    console: &Console,
    workspace: &Workspace,
    kernel: Kernel,
) -> anyhow::Result<()> {
    let cached = kernel.is_cached();
    if !cached {
        crate::build::cli(console, workspace)?;
    }
    console.step(&format!("guest kernel {kernel}"), |step| {
        if cached {
            Ok(())
        } else {
            kernel.fetch(step, workspace)
        }
    })
}
