//! Where QEMU is and which one it is.
//!
//! Owns the search, the version and the firmware's place. Never starts a VM.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The emulator's program name on every distribution that we know.
pub const PROGRAM: &str = "qemu-system-x86_64";
/// Firmware that starts a kernel and nothing else; it saves about half a second.
const FIRMWARE: &str = "qboot.rom";

/// An emulator that answered to `--version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qemu {
    /// The program.
    pub program: PathBuf,
    /// What it says that it is.
    pub version: Version,
    /// qboot's image, where one lies beside QEMU's other data.
    pub firmware: Option<PathBuf>,
}

/// A version as QEMU counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// A new one every year.
    pub major: u32,
    /// A new one every four months.
    pub minor: u32,
    /// Fixes only.
    pub patch: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Why there is no emulator to use.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// Nowhere in the search path.
    #[error(
        "no VM can be started: {PROGRAM} is not installed: install it, on Debian and Ubuntu with `apt-get install qemu-system-x86`"
    )]
    Missing,
    /// It is there and cannot be run.
    #[error("failed to run {program} --version")]
    Run {
        /// The program that was found.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ran and said something else.
    #[error("{program} --version does not name a version: it printed {output:?}")]
    Version {
        /// The program that was found.
        program: PathBuf,
        /// The start of what it printed.
        output: String,
    },
}

impl Qemu {
    /// Finds QEMU in `search_path` (the value of `PATH`) and asks its version.
    ///
    /// # Errors
    ///
    /// When it is not there, cannot be run, or does not name a version.
    pub fn find(search_path: Option<&OsStr>) -> Result<Self, QemuError> {
        let program = find_program(search_path, PROGRAM).ok_or(QemuError::Missing)?;
        Self::at(program)
    }

    /// Asks the version of the emulator at `program`.
    ///
    /// # Errors
    ///
    /// When it cannot be run or does not name a version.
    pub fn at(program: PathBuf) -> Result<Self, QemuError> {
        let output = Command::new(&program)
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        let output = match output {
            Ok(output) => output,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(QemuError::Missing);
            }
            Err(source) => return Err(QemuError::Run { program, source }),
        };
        let text = String::from_utf8_lossy(&output.stdout);
        let Some(version) = parse_version(&text) else {
            let output = text.chars().take(80).collect();
            return Err(QemuError::Version { program, output });
        };
        let firmware = find_firmware(&program);
        Ok(Self {
            program,
            version,
            firmware,
        })
    }
}

/// First executable file of this name in the directories of `search_path`.
#[must_use]
pub fn find_program(search_path: Option<&OsStr>, name: &str) -> Option<PathBuf> {
    env::split_paths(search_path?)
        .map(|dir| dir.join(name))
        .find(|path| {
            nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok() && path.is_file()
        })
}

fn parse_version(text: &str) -> Option<Version> {
    let after = text.split_once("version ")?.1;
    let number = after
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()?;
    let mut parts = number.split('.').map(str::parse);
    Some(Version {
        major: parts.next()?.ok()?,
        minor: parts.next()?.ok()?,
        patch: parts.next().and_then(Result::ok).unwrap_or(0),
    })
}

/// QEMU keeps its data in `share/qemu` beside the `bin` that it was installed to.
fn find_firmware(program: &Path) -> Option<PathBuf> {
    let program = program.canonicalize().ok()?;
    let prefix = program.parent()?.parent()?;
    let path = prefix.join("share/qemu").join(FIRMWARE);
    path.is_file().then_some(path)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Writes an executable script. Another process writes it, because a test
    /// that forks meanwhile would hold the file open and make it busy.
    pub(crate) fn write_script(path: &Path, script: &str) {
        let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$0\" && chmod 755 \"$0\"";
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", write]).arg(path).arg(script);
        assert!(shell.status().unwrap().success());
    }

    /// A directory with a program in it that prints `text`.
    fn fake(text: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        write_script(&dir.path().join(PROGRAM), &format!("echo '{text}'"));
        dir
    }

    #[test]
    fn versions_of_distributions_are_understood() {
        let debian = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright";
        assert_eq!(parse_version(debian).unwrap().to_string(), "7.2.22");
        assert_eq!(
            parse_version("QEMU emulator version 10.1").unwrap(),
            Version {
                major: 10,
                minor: 1,
                patch: 0
            }
        );
        assert_eq!(parse_version("QEMU emulator"), None);
        assert_eq!(parse_version("version x"), None);
    }

    #[test]
    fn an_empty_search_path_says_what_to_install() {
        let dir = tempfile::tempdir().unwrap();
        let error = Qemu::find(Some(dir.path().as_os_str())).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("apt-get install qemu-system-x86")
        );
        assert!(matches!(Qemu::find(None), Err(QemuError::Missing)));
    }

    #[test]
    fn a_program_that_is_not_qemu_is_quoted() {
        let dir = fake("hello");
        let error = Qemu::find(Some(dir.path().as_os_str())).unwrap_err();
        assert!(matches!(error, QemuError::Version { output, .. } if output == "hello\n"));
    }

    #[test]
    fn a_program_in_the_search_path_is_found_and_asked() {
        let dir = fake("QEMU emulator version 9.2.1");
        let qemu = Qemu::find(Some(dir.path().as_os_str())).unwrap();
        assert_eq!(
            qemu.version,
            Version {
                major: 9,
                minor: 2,
                patch: 1
            }
        );
        assert_eq!(qemu.firmware, None);
    }
}
