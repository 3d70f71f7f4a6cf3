//! One run of the CLI in a VM, and its event stream.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proscenium_tests::attacks::named;
use proscenium_tests::layout;
use serde_json::Value;
use tempfile::TempDir;

/// A finished run.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) events: Vec<Value>,
    pub(crate) stderr: String,
}

impl Run {
    /// The one event of a type.
    pub(crate) fn event<'a>(&'a self, kind: &'a str) -> &'a Value {
        self.all(kind)
            .next()
            .unwrap_or_else(|| panic!("no {kind} in {:#?}\n{}", self.events, self.stderr))
    }

    /// Fails unless it ended as the list says that `attack` ends.
    pub(crate) fn ends_as(&self, attack: &str) {
        let attack = named(attack).unwrap();
        let verdict = self.event("verdict");
        let kinds = verdict["details"].as_array().unwrap().iter();
        let kinds: BTreeSet<&str> = kinds.filter_map(|one| one["kind"].as_str()).collect();
        let outcome = verdict["outcome"].as_str().unwrap().to_owned();
        let result = kinds
            .into_iter()
            .fold(outcome, |all, kind| all + " " + kind);
        assert_eq!(result, attack.result, "{}: {verdict:#}", attack.name);
    }

    pub(crate) fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events
            .iter()
            .map(|line| &line["event"])
            .filter(move |event| event["type"] == kind)
    }
}

/// An example plugin of this repository.
pub(crate) fn plugin(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../plugins")
        .join(name)
}

/// A component that exists only to be tested.
pub(crate) fn program(name: &str) -> PathBuf {
    layout::program(name)
}

/// The command, with a state directory of its own.
pub(crate) fn command(plugin: &Path, arguments: &[&str], state: &Path) -> Command {
    let mut command = Command::new(layout::cli());
    command
        .arg("run")
        .arg(plugin)
        .arg("--json")
        .args(arguments)
        .env("PROSCENIUM_STATE", state)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn run(plugin: &Path, arguments: &[&str]) -> Run {
    let state = TempDir::new().unwrap();
    run_in(&mut command(plugin, arguments, state.path()))
}

/// Runs a command to its end, which has to leave no temporary file.
pub(crate) fn run_in(command: &mut Command) -> Run {
    let temporary = TempDir::new().unwrap();
    let child = command.env("TMPDIR", temporary.path()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let events = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    Run {
        code: output.status.code().unwrap_or(-1),
        events,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// What the last run has left in one file of its directory.
pub(crate) fn evidence(state: &Path, file: &str) -> String {
    let bytes = fs::read(state.join("runs/latest").join(file)).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
