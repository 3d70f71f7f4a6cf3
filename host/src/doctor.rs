//! What this machine can do, what is missing, and the command that fixes it.
//!
//! Owns the questions; each is one function. Changes nothing: it neither
//! installs nor fetches, and the directories that it looks at are passed in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::statvfs::statvfs;

use crate::kernel::cache::Cache;
use crate::kernel::sources::debian_archives;
use crate::kernel::store;
use crate::vm::accel::{AccelRequest, choose};
use crate::vm::initramfs::GuestBinaries;
use crate::vm::probe::{Probe, probe};
use crate::vm::qemu::{Qemu, QemuError, Version, find_program};

/// Target that the guest's programs are built for.
const GUEST_TARGET: &str = "x86_64-unknown-linux-musl";
/// Target that plugins in Rust are built for.
const PLUGIN_TARGET: &str = "wasm32-unknown-unknown";
/// Free bytes that fetching a kernel takes at most: Debian's generic one
/// unpacks to 400 MB beside its 70 MB package and a vmlinux of 66 MB.
const CACHE_SPACE: u64 = 700 << 20;
/// Free bytes that a run's directory should have.
const RUN_SPACE: u64 = 100 << 20;

/// Where to look.
#[derive(Clone, Debug)]
pub struct DoctorInput {
    /// Our cache.
    pub cache: Cache,
    /// The value of `PATH`.
    pub search_path: Option<OsString>,
    /// Directories that may hold the guest's programs, in order.
    pub guest_directories: Vec<PathBuf>,
    /// KVM's device, normally `/dev/kvm`.
    pub kvm_device: PathBuf,
    /// apt's configuration, normally `/etc/apt`.
    pub etc_apt: PathBuf,
    /// Where runs are recorded.
    pub runs: PathBuf,
    /// What a run without a VM would lack here, or why there can be none.
    pub local: Result<Option<String>, String>,
}

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    Ok,
    /// Works, with something less: slower, or one feature lacking.
    Limited,
    /// Something does not work without it.
    Missing,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, in a few words.
    pub what: &'static str,
    /// How it is.
    pub status: Status,
    /// What was found, one line.
    pub detail: String,
    /// The command that improves it, where one does.
    pub fix: Option<String>,
}

impl Finding {
    fn new(what: &'static str, status: Status, detail: impl Into<String>) -> Self {
        Self {
            what,
            status,
            detail: detail.into(),
            fix: None,
        }
    }

    fn fix(mut self, command: impl Into<String>) -> Self {
        self.fix = Some(command.into());
        self
    }
}

/// Looks at everything that running scenarios takes, in the order in which to fix it.
#[must_use]
pub fn examine(input: &DoctorInput) -> Vec<Finding> {
    let qemu = Qemu::find(input.search_path.as_deref());
    let version = qemu.as_ref().ok().map(|found| found.version);
    let mut findings = rust_targets(input);
    findings.push(emulator(qemu));
    findings.push(acceleration(version, probe(&input.kvm_device)));
    findings.push(guest_programs(input));
    findings.push(kernel(&input.cache));
    findings.push(apt(input));
    findings.push(local_runs(input));
    findings.push(space("space for kernels", input.cache.root(), CACHE_SPACE));
    findings.push(space("space for runs", &input.runs, RUN_SPACE));
    findings
}

fn rust_targets(input: &DoctorInput) -> Vec<Finding> {
    let uses = [
        (GUEST_TARGET, "target for the guest", Status::Missing),
        (PLUGIN_TARGET, "target for plugins", Status::Limited),
    ];
    let Some(libraries) = rust_libraries(input) else {
        let detail =
            "rustc was not found: needed to build the guest's programs and plugins in Rust";
        return vec![Finding::new("rust", Status::Limited, detail).fix("see https://rustup.rs")];
    };
    let finding = |(target, what, otherwise)| {
        if libraries.join(target).join("lib").is_dir() {
            return Finding::new(what, Status::Ok, target);
        }
        Finding::new(what, otherwise, format!("{target} is not installed"))
            .fix(format!("rustup target add {target}"))
    };
    uses.into_iter().map(finding).collect()
}

/// Where rustc keeps its targets' standard libraries.
fn rust_libraries(input: &DoctorInput) -> Option<PathBuf> {
    let rustc = find_program(input.search_path.as_deref(), "rustc")?;
    let mut command = Command::new(rustc);
    command.args(["--print", "sysroot"]).stdin(Stdio::null());
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let root = String::from_utf8(output.stdout).ok()?;
    Some(Path::new(root.trim()).join("lib/rustlib"))
}

fn emulator(qemu: Result<Qemu, QemuError>) -> Finding {
    let what = "QEMU";
    match qemu {
        Ok(qemu) if qemu.firmware.is_none() => {
            let detail = format!(
                "{} without qboot.rom: boots take about half a second more",
                qemu.version
            );
            Finding::new(what, Status::Limited, detail).fix("apt-get install qemu-system-data")
        }
        Ok(qemu) => Finding::new(
            what,
            Status::Ok,
            format!("{} at {}", qemu.version, qemu.program.display()),
        ),
        Err(error) => Finding::new(what, Status::Missing, error.to_string())
            .fix("apt-get install qemu-system-x86"),
    }
}

/// Emulation works everywhere, so nothing here is ever missing.
fn acceleration(version: Option<Version>, found: Probe) -> Finding {
    let usable = found == Probe::Usable;
    let Some(version) = version else {
        return Finding::new("acceleration", Status::Limited, "unknown without QEMU");
    };
    match choose(AccelRequest::Auto, version, || found) {
        Ok(choice) if usable => Finding::new("acceleration", Status::Ok, choice.why),
        Ok(choice) => Finding::new("acceleration", Status::Limited, choice.why),
        Err(error) => Finding::new("acceleration", Status::Limited, error.to_string()),
    }
}

fn guest_programs(input: &DoctorInput) -> Finding {
    let what = "guest programs";
    match GuestBinaries::find(&input.guest_directories) {
        Ok(found) => Finding::new(what, Status::Ok, found.init.display().to_string()),
        Err(error) => {
            Finding::new(what, Status::Missing, error.to_string()).fix("cargo xtask build")
        }
    }
}

fn kernel(cache: &Cache) -> Finding {
    let what = "kernel";
    let fetch = "proscenium kernel fetch";
    match store::list(cache) {
        Ok(list) if list.is_empty() => {
            Finding::new(what, Status::Missing, "none was fetched").fix(fetch)
        }
        Ok(list) => match list.iter().rev().find(|meta| meta.sched_ext) {
            Some(meta) => {
                Finding::new(what, Status::Ok, format!("{} with sched_ext", meta.release))
            }
            None => {
                let detail = "none with sched_ext was fetched: schedulers cannot be loaded";
                Finding::new(what, Status::Limited, detail).fix(fetch)
            }
        },
        Err(error) => Finding::new(what, Status::Missing, error.to_string()),
    }
}

fn apt(input: &DoctorInput) -> Finding {
    let what = "fetching kernels";
    let own = "kernels of your own work with `--kernel FILE`";
    for tool in ["apt-get", "apt-cache", "dpkg-deb"] {
        if find_program(input.search_path.as_deref(), tool).is_none() {
            return Finding::new(
                what,
                Status::Limited,
                format!("{tool} is not on this machine; {own}"),
            );
        }
    }
    match debian_archives(&input.etc_apt).first() {
        Some(_) => Finding::new(what, Status::Ok, "apt and its sources are there"),
        None => Finding::new(
            what,
            Status::Limited,
            format!("apt's sources name no Debian archive; {own}"),
        ),
    }
}

/// A VM does all that this does, so nothing here is ever missing.
fn local_runs(input: &DoctorInput) -> Finding {
    let what = "runs without a VM";
    match &input.local {
        Ok(None) => Finding::new(what, Status::Ok, "all controllers can be had"),
        Ok(Some(lacking)) => Finding::new(
            what,
            Status::Limited,
            format!("only of scenarios that need no other controllers: {lacking}"),
        ),
        Err(why) => Finding::new(what, Status::Limited, why.as_str()),
    }
}

/// Space where `path` is, or would be made.
fn space(what: &'static str, path: &Path, needed: u64) -> Finding {
    let there = path.ancestors().find(|ancestor| ancestor.exists());
    let Some(Ok(facts)) = there.map(statvfs) else {
        return Finding::new(
            what,
            Status::Limited,
            format!("{} cannot be examined", path.display()),
        );
    };
    let free = facts
        .blocks_available()
        .saturating_mul(facts.fragment_size());
    let detail = format!("{} MiB free for {}", free >> 20, path.display());
    if free < needed {
        let detail = format!("{detail}, {} MiB are needed", needed >> 20);
        return Finding::new(what, Status::Missing, detail);
    }
    Finding::new(what, Status::Ok, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::qemu::tests::write_script;

    /// A machine on which there is nothing at all.
    fn bare(dir: &Path) -> DoctorInput {
        DoctorInput {
            cache: Cache::at(dir.join("cache")),
            search_path: Some(dir.as_os_str().to_owned()),
            guest_directories: vec![dir.to_owned()],
            kvm_device: dir.join("kvm"),
            etc_apt: dir.to_owned(),
            runs: dir.join("runs"),
            local: Err("no cgroups".to_owned()),
        }
    }

    fn finding<'a>(findings: &'a [Finding], what: &str) -> &'a Finding {
        findings
            .iter()
            .find(|finding| finding.what == what)
            .unwrap()
    }

    #[test]
    fn a_bare_machine_is_told_a_command_for_everything_it_needs() {
        let dir = tempfile::tempdir().unwrap();
        let findings = examine(&bare(dir.path()));
        for what in ["QEMU", "guest programs", "kernel"] {
            let found = finding(&findings, what);
            assert_eq!(found.status, Status::Missing, "{what}");
            assert!(found.fix.is_some(), "{what}");
        }
        assert_eq!(
            finding(&findings, "fetching kernels").status,
            Status::Limited
        );
        assert_eq!(finding(&findings, "space for runs").status, Status::Ok);
    }

    #[test]
    fn a_target_is_found_where_the_compiler_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let script = format!("echo {}", dir.path().display());
        write_script(&dir.path().join("rustc"), &script);
        let input = bare(dir.path());
        std::fs::create_dir_all(
            dir.path()
                .join("lib/rustlib")
                .join(GUEST_TARGET)
                .join("lib"),
        )
        .unwrap();
        let findings = examine(&input);
        assert_eq!(
            finding(&findings, "target for the guest").status,
            Status::Ok
        );
        let plugins = finding(&findings, "target for plugins");
        assert_eq!(
            plugins.fix.as_deref(),
            Some("rustup target add wasm32-unknown-unknown")
        );
    }

    #[test]
    fn emulation_is_a_limit_and_kvm_is_none() {
        let version = Some(Version {
            major: 9,
            minor: 0,
            patch: 0,
        });
        assert_eq!(acceleration(version, Probe::Absent).status, Status::Limited);
        assert_eq!(acceleration(version, Probe::Usable).status, Status::Ok);
    }

    #[test]
    fn a_disk_that_is_too_full_says_how_much_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        let found = space("x", dir.path(), u64::MAX);
        assert_eq!(found.status, Status::Missing);
        assert!(found.detail.contains("are needed"));
    }
}
