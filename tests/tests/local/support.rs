//! Local runs with state of their own, and the cgroups that they make.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use proscenium::local::Base;
use proscenium_tests::{layout, skip};
use serde_json::Value;
use tempfile::TempDir;

/// A finished run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) events: Vec<Value>,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events
            .iter()
            .map(|line| &line["event"])
            .filter(move |event| event["type"] == kind)
    }

    pub(crate) fn text(&self) -> String {
        format!("{:#?}\n{}", self.events, self.stderr)
    }
}

/// A cgroup of the test's own to make runs in; removed afterwards.
pub(crate) struct Place {
    cgroup: PathBuf,
    state: TempDir,
}

impl Place {
    /// A place, or the reason why local runs cannot be here, counted as skipped.
    pub(crate) fn find(test: &str) -> Option<Self> {
        let base = match Base::choose(None) {
            Ok(base) => base,
            Err(error) => {
                skip::skip(test, &error.to_string());
                return None;
            }
        };
        let made = tempfile::Builder::new()
            .prefix("proscenium-test-")
            .tempdir_in(&base.path);
        Some(Self {
            cgroup: made.unwrap().keep(),
            state: TempDir::new().unwrap(),
        })
    }

    /// `run --local` of the program `plain` in here.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(&layout::program("plain"), arguments)
    }

    /// `run --local` of `program` in here.
    pub(crate) fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = proscenium(&["run", "--local", "--json", "--cgroup"]);
        command
            .arg(&self.cgroup)
            .arg(program)
            .args(arguments)
            .env("PROSCENIUM_STATE", self.state.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        finish(self.command(arguments).spawn().unwrap())
    }

    /// Starts a run and waits until its first step is under way.
    pub(crate) fn under_way(&self, duration: &str) -> (Child, BufReader<ChildStdout>) {
        under_way(self.command(&["--duration", duration]))
    }

    /// Directories of runs in here.
    pub(crate) fn left(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.cgroup)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    }

    pub(crate) fn cgroup(&self) -> &Path {
        &self.cgroup
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.cgroup);
    }
}

/// Starts a run and waits until its first step is under way.
pub(crate) fn under_way(mut command: Command) -> (Child, BufReader<ChildStdout>) {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    await_event(&mut child, &mut lines, "step-started");
    (child, lines)
}

/// Reads a run's events up to the next of this type.
pub(crate) fn await_event(child: &mut Child, lines: &mut BufReader<ChildStdout>, kind: &str) {
    let mut line = String::new();
    while !line.contains(kind) {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            let mut said = String::new();
            let mut errors = child.stderr.take().unwrap();
            errors.read_to_string(&mut said).unwrap();
            panic!("it ended before {kind}: {said}");
        }
    }
}

/// The CLI.
pub(crate) fn proscenium(arguments: &[&str]) -> Command {
    let mut command = Command::new(layout::cli());
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn finish(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        events: events(&stdout),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// As [`finish`], for a run whose first lines were read already.
pub(crate) fn finish_with(mut child: Child, mut lines: BufReader<ChildStdout>) -> Run {
    let mut stdout = String::new();
    lines.read_to_string(&mut stdout).unwrap();
    let mut stderr = String::new();
    let mut errors = child.stderr.take().unwrap();
    errors.read_to_string(&mut stderr).unwrap();
    Run {
        code: child.wait().unwrap().code().unwrap_or(-1),
        events: events(&stdout),
        stderr,
    }
}

fn events(stdout: &str) -> Vec<Value> {
    let lines = stdout.lines();
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Processes in a cgroup and beneath it.
pub(crate) fn processes(cgroup: &Path) -> Vec<i32> {
    let text = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap();
    let mut found: Vec<i32> = text.lines().map(|pid| pid.parse().unwrap()).collect();
    for entry in fs::read_dir(cgroup).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(processes(&path));
        }
    }
    found
}
