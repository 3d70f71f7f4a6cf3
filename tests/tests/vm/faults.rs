//! A run that is ended from outside, or whose machine fails, still has one
//! verdict, keeps what was known, and leaves nothing.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use proscenium_tests::layout;
use proscenium_tests::skip::skip;
use tempfile::TempDir;

use crate::run::{Run, command, evidence, plugin, run_in};

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
    assert!(evidence(state.path(), "events.jsonl").contains("step-started"));
}

#[test]
fn a_killed_host_takes_its_emulator_along_and_what_was_known_is_kept() {
    let state = TempDir::new().unwrap();
    let (mut child, _lines) = under_way(&state);
    let emulator = Pid::from_raw(emulators(&child)[0]);
    // The orphan is handed to this process, which can wait for it then.
    set_child_subreaper(true).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let end = waitpid(emulator, None).unwrap();
    assert!(
        matches!(end, WaitStatus::Signaled(_, Signal::SIGKILL, _)),
        "{end:?}"
    );
    assert!(evidence(state.path(), "events.jsonl").contains("step-started"));
    let run = state.path().join("runs/latest");
    assert!(!run.join("report.json").exists(), "it has not ended");
}

/// A PID 1 that ends is a kernel's panic. The worker is a program that ends.
#[test]
fn a_guest_that_panics_could_not_run_and_its_last_words_are_told() {
    let programs = TempDir::new().unwrap();
    let worker = layout::root().join("libexec/proscenium/proscenium-worker");
    for name in ["proscenium-init", "proscenium-worker"] {
        fs::copy(&worker, programs.path().join(name)).unwrap();
    }
    let state = TempDir::new().unwrap();
    let mut command = command(&plugin("steady"), &["--duration", "1s"], state.path());
    let run = run_in(command.env("PROSCENIUM_LIBEXEC", programs.path()));
    assert_eq!(run.code, 4, "{}", run.stderr);
    let told = format!("{:?}", run.events.last().unwrap());
    assert!(told.contains("Attempted to kill init"), "{told}");
    assert!(evidence(state.path(), "console.log").contains("Kernel panic"));
}

fn passed(run: &Run) {
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.event("verdict")["outcome"], "pass");
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let state = TempDir::new().unwrap();
    let mut one = command(&plugin("steady"), &["--duration", "1s"], state.path());
    let mut other = command(&plugin("steady"), &["--duration", "1s"], state.path());
    std::thread::scope(|scope| {
        let one = scope.spawn(|| run_in(&mut one));
        passed(&run_in(&mut other));
        passed(&one.join().unwrap());
    });
    let runs = fs::read_dir(state.path().join("runs")).unwrap();
    let reports = runs.filter(|run| {
        let run = run.as_ref().unwrap();
        run.file_name() != "latest" && run.path().join("report.json").is_file()
    });
    assert_eq!(reports.count(), 2);
}

#[test]
fn a_state_directory_that_cannot_be_written_is_named_and_nothing_is_booted() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let run = run_in(&mut command(&plugin("steady"), &[], file.path()));
    assert_eq!(run.code, 4, "{}", run.stderr);
    let told = format!("{}{:?}", run.stderr, run.events);
    assert!(told.contains("run directory not made"), "{told}");
    assert!(told.contains(file.path().to_str().unwrap()), "{told}");
    assert_eq!(run.all("booting").count(), 0);
}

/// A file system of very few bytes, for as long as this lives.
struct Tiny(TempDir);

impl Tiny {
    fn mount(size: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tiny"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_loses_evidence_and_not_the_verdict() {
    let Some(disk) = Tiny::mount("12k") else {
        let name = "a_full_disk_loses_evidence_and_not_the_verdict";
        return skip(name, "no tmpfs can be mounted: it takes root");
    };
    let mut command = command(&plugin("steady"), &["--duration", "1s"], disk.path());
    let run = run_in(&mut command);
    passed(&run);
    let told = format!("{}{:?}", run.stderr, run.events);
    assert!(told.contains("evidence not written"), "{told}");
    assert!(told.contains("No space left on device"), "{told}");
}
