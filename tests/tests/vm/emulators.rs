//! Emulators that are none: whatever comes through the ports of a program
//! called QEMU, a run has one verdict and says what was wrong. Nothing boots.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use proscenium_wire::{Event, Hello, WIRE_VERSION, encode};
use tempfile::TempDir;

use crate::run::{Run, command, evidence, plugin, run_in};

/// A folder whose `qemu-system-x86_64` runs `script`, which finds the port of
/// events as `$events` and the folder as `$here`.
struct Emulator {
    folder: TempDir,
    state: TempDir,
}

impl Emulator {
    fn new(script: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let program = folder.path().join("qemu-system-x86_64");
        let text = format!(
            r#"#!/usr/bin/env bash
here=$(dirname "$0")
if [ "$1" = --version ]; then echo 'QEMU emulator version 7.2.22'; exit; fi
for word; do
  case $word in
    socket,id=events,fd=*) events=${{word##*=}} ;;
  esac
done
{script}
"#
        );
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        Self {
            folder,
            state: TempDir::new().unwrap(),
        }
    }

    /// A file that the script finds in `$here`.
    fn with(self, file: &str, bytes: &[u8]) -> Self {
        fs::write(self.folder.path().join(file), bytes).unwrap();
        self
    }

    fn path(&self) -> OsString {
        let own = [PathBuf::from(self.folder.path())];
        let usual = std::env::var_os("PATH").unwrap();
        std::env::join_paths(own.into_iter().chain(std::env::split_paths(&usual))).unwrap()
    }

    fn run(&self) -> Run {
        let mut command = command(&plugin("steady"), &["--duration", "1s"], self.state());
        run_in(command.env("PATH", self.path()))
    }

    fn state(&self) -> &Path {
        self.state.path()
    }
}

fn hello() -> Vec<u8> {
    let hello = Event::Hello(Hello {
        wire_version: WIRE_VERSION,
        runtime_version: "0.1.0".into(),
        kernel_release: "7.2".into(),
        cpus: 1,
        memory_bytes: 1 << 28,
        booted_ns: 1,
    });
    let mut bytes = Vec::new();
    encode(&hello, &mut bytes).unwrap();
    bytes
}

/// Could not run, says `words`, and the report is there.
fn could_not_run(emulator: &Emulator, words: &str) {
    let run = emulator.run();
    assert_eq!(run.code, 4, "{}\n{:#?}", run.stderr, run.events);
    let told = format!("{:?}", run.events);
    assert!(told.contains(words), "{told}");
    assert!(evidence(emulator.state(), "report.json").contains("could-not-run"));
}

#[test]
fn an_emulator_that_ends_with_0_and_says_nothing_is_no_pass() {
    let words = "QEMU exited before the scenario started";
    could_not_run(&Emulator::new("exit 0"), words);
}

#[test]
fn an_emulator_that_refuses_its_arguments_is_quoted() {
    let emulator = Emulator::new("echo 'no such machine: pc' >&2; exit 1");
    could_not_run(&emulator, "no such machine: pc");
}

#[test]
fn garbage_instead_of_frames_is_no_pass_and_is_kept() {
    let emulator = Emulator::new(r#"head -c 100000 /dev/zero | tr '\0' 'x' >&"$events"; exit 0"#);
    could_not_run(&emulator, "part of the guest's stream was unreadable");
    assert!(evidence(emulator.state(), "frames.bin").starts_with("xxxx"));
}

#[test]
fn a_frame_that_is_cut_off_is_no_pass() {
    let hello = hello();
    let half = &hello[..hello.len() / 2];
    let emulator = Emulator::new(r#"cat "$here/half" >&"$events"; exit 0"#).with("half", half);
    could_not_run(&emulator, "the stream ended within a frame");
}

#[test]
fn a_frame_that_was_damaged_on_the_way_is_no_pass() {
    let mut damaged = hello();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    let emulator = Emulator::new(r#"cat "$here/frame" >&"$events"; exit 0"#);
    could_not_run(
        &emulator.with("frame", &damaged),
        "part of the guest's stream was unreadable",
    );
}

#[test]
fn a_guest_that_greets_and_goes_could_not_run() {
    let emulator = Emulator::new(r#"cat "$here/hello" >&"$events"; exit 0"#);
    could_not_run(
        &emulator.with("hello", &hello()),
        "QEMU exited before the scenario started",
    );
}

#[test]
fn an_emulator_of_no_known_version_is_named() {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("qemu-system-x86_64");
    fs::write(&program, "#!/bin/sh\necho nonsense\n").unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let state = TempDir::new().unwrap();
    let mut command = command(&plugin("steady"), &[], state.path());
    let usual = std::env::var("PATH").unwrap();
    let path = format!("{}:{usual}", folder.path().display());
    let run = run_in(command.env("PATH", path));
    assert_eq!(run.code, 4, "{}", run.stderr);
    let report = evidence(state.path(), "report.json");
    assert!(
        report.contains("nonsense") && report.contains("--version"),
        "{report}"
    );
}
