//! The component's code runs in a process that has given up everything.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Place, processes};

/// Fields of `/proc/PID/status`.
pub(crate) fn status(pid: i32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let prefix = format!("{field}:");
    let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
    line.unwrap_or_else(|| panic!("no {field} in {text}"))
        .trim()
        .to_owned()
}

/// The process of the component among those beside the scenario.
pub(crate) fn component(run: &Path) -> i32 {
    let all = processes(&run.join("runtime"));
    let is_component = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        line.split(|byte| *byte == 0).nth(1) == Some(b"component")
    };
    let found: Vec<i32> = all.into_iter().filter(is_component).collect();
    let [pid] = found[..] else {
        panic!("{found:?}");
    };
    pid
}

/// The runtime among them.
pub(crate) fn runtime(run: &Path) -> i32 {
    let component = component(run);
    let all = processes(&run.join("runtime"));
    let others: Vec<i32> = all.into_iter().filter(|pid| *pid != component).collect();
    let [pid] = others[..] else {
        panic!("{others:?}");
    };
    pid
}

#[test]
fn the_component_runs_without_privileges_and_almost_without_system_calls() {
    let name = "the_component_runs_without_privileges_and_almost_without_system_calls";
    let Some(place) = Place::find(name) else {
        return;
    };
    let (mut child, lines) = place.under_way("60s");
    let left = place.left();
    let [run] = &left[..] else {
        panic!("{left:?}");
    };
    let pid = component(run);
    assert_eq!(status(pid, "NoNewPrivs"), "1");
    assert_eq!(status(pid, "Seccomp"), "2", "a filter is in force");
    for capabilities in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status(pid, capabilities), "0".repeat(16), "{capabilities}");
    }
    // Whoever started it: root is nobody in there.
    assert!(!status(pid, "Uid").split('\t').any(|uid| uid == "0"));
    // The standard three, the socket, what the watchdog waits on, and the code,
    // of which memory images are made.
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open: Vec<String> = open
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .map(|target| target.display().to_string())
        .collect();
    assert_eq!(open.len(), 7, "{open:?}");
    let foreign = |target: &&String| {
        !["socket:", "anon_inode:", "/dev/null", "/memfd:"]
            .iter()
            .any(|known| target.starts_with(known))
    };
    assert_eq!(open.iter().find(foreign), None, "{open:?}");

    child.kill().unwrap();
    drop(lines);
    child.wait().unwrap();
    let run = run.clone();
    crate::aftermath::clean_up(&run);
}

#[test]
fn a_component_whose_process_is_killed_fails_the_run_at_once_and_leaves_nothing() {
    let name = "a_component_whose_process_is_killed_fails_the_run_at_once_and_leaves_nothing";
    let Some(place) = Place::find(name) else {
        return;
    };
    // In the middle of a hold of 18 s, of a call that takes a minute.
    let (child, lines) = place.under_way("60s");
    let left = place.left();
    let pid = component(&left[0]);
    let killed = Instant::now();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    let run = crate::support::finish_with(child, lines);
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(run.code, 1, "{}", run.text());
    let verdict = run.all("verdict").next().unwrap();
    let [detail] = &verdict["details"].as_array().unwrap()[..] else {
        panic!("{verdict:#}");
    };
    let message = detail["message"].as_str().unwrap();
    assert!(message.contains("its process was ended"), "{message}");
    assert_eq!(place.left(), Vec::<std::path::PathBuf>::new());
}
