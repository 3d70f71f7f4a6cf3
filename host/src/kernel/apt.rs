//! apt with sources, lists and cache of our own.
//!
//! Fetches packages of another suite without touching the system: proxies,
//! credentials and certificates are the machine's, sources and state are ours,
//! and signatures are verified by apt as always. Works without being root.
//! Never decides which packages to fetch; see [`super::fetch`].

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::cache::{Cache, CacheError, io_error, write_whole};
use super::sources::Archive;

/// Lines of a tool's output that go into an error.
const TAIL: usize = 12;

/// What a tool says while it works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ToolEvent<'a> {
    /// A line of its output.
    Line(&'a str),
    /// Percent of a download, 0 to 100.
    Percent(f64),
}

/// Why a tool did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum AptError {
    /// Not a Debian-like machine.
    #[error(
        "{tool} is not on this machine, and kernels are fetched with it: name a kernel of your own with `--kernel FILE`"
    )]
    NoTool {
        /// The missing program.
        tool: &'static str,
    },
    /// It could not be started or read.
    #[error("failed to run {tool}")]
    Run {
        /// The program.
        tool: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It failed.
    #[error("{tool} failed: {tail}")]
    Failed {
        /// The program.
        tool: &'static str,
        /// Its last lines, joined.
        tail: String,
    },
    /// The suite is signed by a key that the machine does not trust.
    #[error(
        "suite {suite} is signed by a key that this machine does not have: install a newer debian-archive-keyring ({tail})"
    )]
    UnknownKey {
        /// The suite.
        suite: String,
        /// apt's words.
        tail: String,
    },
    /// Files of our own could not be written.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// One suite of one archive, with private state.
#[derive(Debug)]
pub struct Apt {
    options: Vec<OsString>,
    suite: String,
}

impl Apt {
    /// Prepares private state for `suite` of `archive` below the cache. The
    /// suite must be a plain name: it becomes part of a path.
    ///
    /// # Errors
    ///
    /// When the cache cannot be written.
    pub fn new(cache: &Cache, archive: &Archive, suite: &str) -> Result<Self, AptError> {
        let root = cache.directory(&format!("apt/{suite}"))?;
        for part in ["lists/partial", "cache/archives/partial"] {
            cache.directory(&format!("apt/{suite}/{part}"))?;
        }
        let sources = root.join("private.sources");
        write_whole(&sources, source_stanza(archive, suite).as_bytes())?;
        let option = |name: &str, value: &OsStr| {
            let mut word = OsString::from(format!("-o{name}="));
            word.push(value);
            word
        };
        let null = OsStr::new("/dev/null");
        let options = vec![
            option("Dir::Etc::sourcelist", sources.as_os_str()),
            option("Dir::Etc::sourceparts", null),
            option("Dir::Etc::preferences", null),
            option("Dir::Etc::preferencesparts", null),
            option("Dir::State::Lists", root.join("lists").as_os_str()),
            option("Dir::Cache", root.join("cache").as_os_str()),
            // The machine may name a default that is not among our sources.
            option("APT::Default-Release", OsStr::new(suite)),
            option("Acquire::Languages", OsStr::new("none")),
            // apt's own user could not reach a cache in a home directory.
            option("APT::Sandbox::User", OsStr::new("root")),
        ];
        let suite = suite.to_owned();
        Ok(Self { options, suite })
    }

    /// Fetches the suite's list of packages.
    ///
    /// # Errors
    ///
    /// When the archive cannot be reached, lacks the suite, or its signature is not trusted.
    pub fn update(&self, said: &mut dyn FnMut(ToolEvent<'_>)) -> Result<(), AptError> {
        // Without this an archive that cannot be reached is only a warning.
        let strict = [
            "-q",
            "-oAPT::Update::Error-Mode=any",
            "-oAPT::Status-Fd=1",
            "update",
        ];
        let result = self.run("apt-get", &strict, None, said);
        match result {
            Err(AptError::Failed { tail, .. }) if tail.contains("NO_PUBKEY") => {
                Err(AptError::UnknownKey {
                    suite: self.suite.clone(),
                    tail,
                })
            }
            other => other.map(drop),
        }
    }

    /// Version and dependencies of the newest `package`; `None` if the suite has none.
    ///
    /// # Errors
    ///
    /// When apt cannot be run.
    pub fn show(&self, package: &str) -> Result<Option<Package>, AptError> {
        let words = ["show", "--no-all-versions", package];
        match self.run("apt-cache", &words, None, &mut |_| {}) {
            Ok(lines) => Ok(parse_package(package, &lines)),
            Err(AptError::Failed { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Downloads packages into `directory` and returns their files.
    ///
    /// # Errors
    ///
    /// When one is not there or does not match the signed list, or the disk is full.
    pub fn download(
        &self,
        packages: &[&str],
        directory: &Path,
        said: &mut dyn FnMut(ToolEvent<'_>),
    ) -> Result<Vec<PathBuf>, AptError> {
        let mut words = vec!["-q", "-oAPT::Status-Fd=1", "download"];
        words.extend(packages);
        self.run("apt-get", &words, Some(directory), said)?;
        let entries = fs::read_dir(directory).map_err(io_error("list", directory))?;
        let files = entries.flatten().map(|entry| entry.path());
        Ok(files
            .filter(|file| file.extension().is_some_and(|e| e == "deb"))
            .collect())
    }

    fn run(
        &self,
        tool: &'static str,
        words: &[&str],
        directory: Option<&Path>,
        said: &mut dyn FnMut(ToolEvent<'_>),
    ) -> Result<Vec<String>, AptError> {
        let mut command = Command::new(tool);
        command.args(&self.options).args(words);
        if let Some(directory) = directory {
            command.current_dir(directory);
        }
        run_tool(tool, command, said)
    }
}

/// Unpacks a package into `directory`.
///
/// # Errors
///
/// When the file is damaged or the disk is full.
pub fn unpack(package: &Path, directory: &Path) -> Result<(), AptError> {
    let mut command = Command::new("dpkg-deb");
    command.arg("-x").args([package, directory]);
    run_tool("dpkg-deb", command, &mut |_| {}).map(drop)
}

/// Runs a tool to its end, with both outputs as one stream of lines.
fn run_tool(
    tool: &'static str,
    mut command: Command,
    said: &mut dyn FnMut(ToolEvent<'_>),
) -> Result<Vec<String>, AptError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => AptError::NoTool { tool },
        _ => AptError::Run { tool, source },
    };
    let (reader, writer) = io::pipe().map_err(failed)?;
    // Messages are matched, so they have to be in one language.
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command
        .stdout(writer.try_clone().map_err(failed)?)
        .stderr(writer);
    let mut child = command.spawn().map_err(failed)?;
    // The command holds the pipe's other end, which would keep it open.
    drop(command);
    let mut lines = Vec::new();
    for line in BufReader::new(reader).split(b'\n') {
        let Ok(line) = line else { break };
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if let Some(status) = line.strip_prefix("dlstatus:") {
            if let Some(percent) = status.split(':').nth(1).and_then(|p| p.parse().ok()) {
                said(ToolEvent::Percent(percent));
            }
        } else if !line.is_empty() {
            said(ToolEvent::Line(&line));
            lines.push(line);
        }
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        return Ok(lines);
    }
    let complaints: Vec<&String> = lines
        .iter()
        .filter(|l| l.starts_with("E:") || l.starts_with("W:"))
        .collect();
    let shown = if complaints.is_empty() {
        lines.iter().collect()
    } else {
        complaints
    };
    let tail: Vec<&str> = shown
        .iter()
        .rev()
        .take(TAIL)
        .rev()
        .map(|line| line.as_str())
        .collect();
    Err(AptError::Failed {
        tool,
        tail: tail.join("; "),
    })
}

/// What apt knows of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Names in `Depends`, of alternatives the first, versions left out.
    pub depends: Vec<String>,
}

fn parse_package(name: &str, lines: &[String]) -> Option<Package> {
    let field = |key: &str| lines.iter().find_map(|line| line.strip_prefix(key));
    let depends = field("Depends: ").unwrap_or_default().split(',');
    let depends = depends.filter_map(|word| word.split_whitespace().next());
    Some(Package {
        name: name.to_owned(),
        version: field("Version: ")?.to_owned(),
        depends: depends.map(ToOwned::to_owned).collect(),
    })
}

fn source_stanza(archive: &Archive, suite: &str) -> String {
    let mut stanza = format!(
        "Types: deb\nURIs: {}\nSuites: {suite}\nComponents: main\nArchitectures: amd64\nTargets: Packages\n",
        archive.uri
    );
    if let Some(keys) = &archive.signed_by {
        stanza.push_str(&format!("Signed-By: {keys}\n"));
    }
    stanza
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_read_with_its_first_alternatives() {
        let text = "Package: linux-image-1\nVersion: 6.1-1\nDepends: kmod, linux-base (>= 4.3~), dracut | initramfs-tools (>= 0.1)";
        let lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        let package = parse_package("linux-image-1", &lines).unwrap();
        assert_eq!(package.version, "6.1-1");
        assert_eq!(package.depends, ["kmod", "linux-base", "dracut"]);
        assert_eq!(parse_package("x", &[]), None);
    }

    #[test]
    fn the_source_names_the_suite_and_the_machines_keys() {
        let archive = Archive {
            uri: "http://m.invalid/debian".into(),
            signed_by: Some("/keys/a.gpg".into()),
        };
        let stanza = source_stanza(&archive, "forky");
        assert!(stanza.contains("Suites: forky\n") && stanza.ends_with("Signed-By: /keys/a.gpg\n"));
        assert!(!stanza.contains("Trusted"));
    }

    #[test]
    fn a_tool_that_is_missing_or_fails_is_named_with_its_last_words() {
        let missing = run_tool(
            "nonexistent-tool",
            Command::new("/nonexistent"),
            &mut |_| {},
        );
        assert!(matches!(
            missing,
            Err(AptError::NoTool {
                tool: "nonexistent-tool"
            })
        ));
        let mut shell = Command::new("/bin/sh");
        shell.args([
            "-c",
            "echo fine; echo E: broken >&2; echo dlstatus:1:50.0:x; exit 1",
        ]);
        let mut seen = Vec::new();
        let failed = run_tool("sh", shell, &mut |event| seen.push(format!("{event:?}")));
        assert_eq!(failed.unwrap_err().to_string(), "sh failed: E: broken");
        assert_eq!(
            seen,
            ["Line(\"fine\")", "Line(\"E: broken\")", "Percent(50.0)"]
        );
    }
}
