//! Debian packages that a run needs.
//!
//! Owns their list and the calls to apt. Never uses sudo: who is not root is
//! told what to type.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{bail, ensure};

use crate::console::Step;
use crate::stream;
use crate::workspace::on_path;

/// A package and how to see that it is there.
struct Package {
    name: &'static str,
    is_there: fn() -> bool,
}

/// Programs that tests of payloads run in a guest. Without them those tests
/// are skipped, so nothing is made of it where they cannot be installed.
const PAYLOADS: [Package; 4] = [
    Package {
        name: "stress-ng",
        is_there: || on_path("stress-ng").is_some(),
    },
    Package {
        name: "rt-tests",
        is_there: || on_path("hackbench").is_some(),
    },
    Package {
        name: "rt-app",
        is_there: || on_path("rt-app").is_some(),
    },
    Package {
        name: "fio",
        is_there: || on_path("fio").is_some(),
    },
];

/// What the fixture scheduler is built with. Without it tests of schedulers
/// are skipped.
const SCHEDULERS: [Package; 7] = [
    Package {
        name: "clang-19",
        is_there: || on_path("clang-19").is_some(),
    },
    Package {
        name: "bpftool",
        is_there: || bpftool().is_some(),
    },
    Package {
        name: "libelf-dev",
        is_there: || has_static_library("libelf.a"),
    },
    Package {
        name: "zlib1g-dev",
        is_there: || has_static_library("libz.a"),
    },
    Package {
        name: "libc6-dev",
        is_there: || has_static_library("libc.a"),
    },
    Package {
        name: "make",
        is_there: || on_path("make").is_some(),
    },
    Package {
        name: "pkg-config",
        is_there: || on_path("pkg-config").is_some(),
    },
];

const PACKAGES: [Package; 2] = [
    Package {
        name: "qemu-system-x86",
        is_there: || {
            on_path("qemu-system-x86_64").is_some()
                && Path::new("/usr/share/qemu/qboot.rom").is_file()
        },
    },
    // wasmtime has one C file, which is compiled for the guest with gcc.
    Package {
        name: "gcc",
        is_there: || on_path("gcc").is_some(),
    },
];

/// Why what is missing cannot be installed from here, with the line to type.
/// `None` if nothing is missing, or if [`ensure`] can install it.
pub(crate) fn obstacle() -> Option<String> {
    obstacle_to(&missing(&PACKAGES))
}

fn obstacle_to(missing: &[&str]) -> Option<String> {
    if missing.is_empty() {
        return None;
    }
    let names = missing.join(" ");
    if on_path("apt-get").is_none() {
        Some(format!(
            "{names} missing: there is no apt: install what your system calls it"
        ))
    } else if !is_root() {
        Some(format!(
            "{names} missing: install with `sudo apt-get install {names}`"
        ))
    } else {
        None
    }
}

/// Installs what is missing.
///
/// # Errors
///
/// When it cannot: the message is the line to type, or says that apt failed.
pub(crate) fn ensure(step: &Step<'_>) -> anyhow::Result<()> {
    let missing = missing(&PACKAGES);
    match obstacle_to(&missing) {
        Some(obstacle) => bail!(obstacle),
        None => install_all(step, &missing),
    }
}

/// Installs what tests of payloads want, where that can be done from here.
///
/// # Errors
///
/// When apt fails.
pub(crate) fn ensure_payloads(step: &Step<'_>) -> anyhow::Result<()> {
    ensure_optional(step, &PAYLOADS)
}

/// Installs what the fixture scheduler is built with, where that can be done
/// from here.
///
/// # Errors
///
/// When apt fails.
pub(crate) fn ensure_schedulers(step: &Step<'_>) -> anyhow::Result<()> {
    ensure_optional(step, &SCHEDULERS)
}

/// What the fixture scheduler cannot be built without, with the line to type.
pub(crate) fn missing_for_schedulers() -> Option<String> {
    let missing = missing(&SCHEDULERS);
    let names = missing.join(" ");
    (!missing.is_empty())
        .then(|| format!("{names} missing: install with `sudo apt-get install {names}`"))
}

/// Debian keeps it where only root looks.
pub(crate) fn bpftool() -> Option<PathBuf> {
    on_path("bpftool").or_else(|| {
        let path = PathBuf::from("/usr/sbin/bpftool");
        path.is_file().then_some(path)
    })
}

fn has_static_library(name: &str) -> bool {
    Path::new("/usr/lib/x86_64-linux-gnu").join(name).is_file()
}

fn ensure_optional(step: &Step<'_>, packages: &[Package]) -> anyhow::Result<()> {
    let missing = missing(packages);
    match obstacle_to(&missing) {
        Some(obstacle) => {
            step.line(&format!("{obstacle}: tests that need it are skipped"));
            Ok(())
        }
        None => install_all(step, &missing),
    }
}

fn install_all(step: &Step<'_>, missing: &[&str]) -> anyhow::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let install = || {
        let arguments = ["install", "-y", "--no-install-recommends"];
        apt_get(step, arguments.into_iter().chain(missing.iter().copied()))
    };
    // The lists are fetched only if apt, as it is, does not know the packages
    // or knows versions that are gone.
    if !install()?.success() {
        step.line("apt-get install failed: once more with fresh lists");
        ensure!(
            apt_get(step, ["update"])?.success(),
            "`apt-get update` failed: see above"
        );
        let names = missing.join(" ");
        ensure!(
            install()?.success(),
            "`apt-get install {names}` failed: see above"
        );
    }
    Ok(())
}

fn missing(packages: &[Package]) -> Vec<&'static str> {
    packages
        .iter()
        .filter(|package| !(package.is_there)())
        .map(|package| package.name)
        .collect()
}

fn apt_get<'a>(
    step: &Step<'_>,
    arguments: impl IntoIterator<Item = &'a str>,
) -> anyhow::Result<ExitStatus> {
    let mut command = Command::new("apt-get");
    // Somebody else's apt is waited for, but not for ever.
    command.args([
        "-q",
        "-o",
        "DPkg::Lock::Timeout=300",
        "-o",
        "Dpkg::Use-Pty=0",
    ]);
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    Ok(stream::run(command, |line| step.line(line))?.status)
}

/// Effective user id 0, told from /proc.
fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| effective_uid(&status) == Some(0))
}

fn effective_uid(status: &str) -> Option<u32> {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_the_user_ids_is_the_effective_one() {
        assert_eq!(
            effective_uid("Name:\tx\nUid:\t1000\t0\t1000\t0\nGid:\t5\n"),
            Some(0)
        );
        assert_eq!(effective_uid("Uid:\t0\t1000\t0\t0\n"), Some(1000));
        assert_eq!(effective_uid("Name:\tx\n"), None);
    }
}
