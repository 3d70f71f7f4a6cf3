//! A run that is ended from outside still has one verdict, and leaves nothing.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::run::{command, plugin};

/// Starts a long run and waits until its step is under way.
fn under_way(state: &TempDir) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = command(&plugin("steady"), &["--duration", "60s"], state.path())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("step-started") {
        line.clear();
        assert_ne!(
            lines.read_line(&mut line).unwrap(),
            0,
            "it ended before its step began"
        );
    }
    (child, lines)
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

/// QEMU processes whose parent is `of`.
fn emulators(of: &Child) -> Vec<i32> {
    let output = Command::new("pgrep")
        .args(["-f", "qemu-system", "-P", &of.id().to_string()])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

fn ended(mut child: Child, mut lines: BufReader<std::process::ChildStdout>) -> (i32, String) {
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    (child.wait().unwrap().code().unwrap_or(-1), rest)
}

fn gone(pid: i32) -> bool {
    !std::path::Path::new(&format!("/proc/{pid}/exe")).exists()
}

#[test]
fn an_interrupt_ends_the_scenario_in_order() {
    let state = TempDir::new().unwrap();
    let (child, lines) = under_way(&state);
    kill(pid(&child), Signal::SIGINT).unwrap();
    let (code, rest) = ended(child, lines);
    assert_eq!(code, 130, "{rest}");
    assert!(
        rest.contains("\"cancelled\""),
        "the guest tore down and said so: {rest}"
    );
}

#[test]
fn a_killed_emulator_is_not_a_pass_and_what_was_known_is_kept() {
    let state = TempDir::new().unwrap();
    let (child, lines) = under_way(&state);
    let emulator = emulators(&child)[0];
    kill(Pid::from_raw(emulator), Signal::SIGKILL).unwrap();
    let (code, rest) = ended(child, lines);
    assert_eq!(code, 4, "could not run: {rest}");
    assert!(gone(emulator));
    let log = Command::new("find")
        .arg(state.path())
        .args(["-name", "events.jsonl"])
        .output()
        .unwrap();
    let path = String::from_utf8(log.stdout).unwrap();
    assert!(
        std::fs::read_to_string(path.trim())
            .unwrap()
            .contains("step-started")
    );
}
