//! Runs with controllers: what they limit, and that nothing beside them changes.

use std::path::Path;
use std::process::Command;

use proscenium_tests::{layout, skip};
use tempfile::TempDir;

use crate::aftermath::clean_up;
use crate::hierarchy::{Endowed, has_children, read, root, snapshot};
use crate::support::{await_event, finish, finish_with, proscenium, under_way};

/// A run of `plain` that wants every controller.
pub(crate) fn command(state: &Path, duration: &str) -> Command {
    let mut command = proscenium(&["run", "--local", "--json", "--param", "controllers=yes"]);
    command
        .args(["--duration", duration])
        .arg(layout::program("plain"))
        .env("PROSCENIUM_STATE", state);
    command
}

/// The directory of the one run in `cgroup`.
pub(crate) fn only_run(cgroup: &Path) -> std::path::PathBuf {
    let runs: Vec<_> = std::fs::read_dir(cgroup)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    let [run] = &runs[..] else {
        panic!("{runs:?}");
    };
    run.clone()
}

/// A figure of `cpu.stat`.
fn cpu_stat(cgroup: &Path, name: &str) -> u64 {
    let text = read(cgroup, "cpu.stat");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    line.trim().parse().unwrap()
}

#[test]
fn a_run_is_limited_by_controllers_and_changes_nothing_beside_it() {
    let test = "a_run_is_limited_by_controllers_and_changes_nothing_beside_it";
    let Some(place) = Endowed::find(test) else {
        return;
    };
    let root = root(test).unwrap();
    let before = snapshot(&root, None);
    let state = TempDir::new().unwrap();
    let mut command = command(state.path(), "6s");
    command.arg("--cgroup").arg(&place.path);
    let (mut child, mut lines) = under_way(command);
    let run = only_run(&place.path);
    let load = run.join("scenario/a");
    assert_eq!(read(&load, "cpu.max"), "50000 100000");
    assert_eq!(read(&load, "memory.max"), (64 << 20).to_string());
    assert_eq!(read(&load, "pids.max"), "16");
    assert_ne!(read(&load, "cpuset.cpus"), "");
    let mut beside = snapshot(&root, Some(&run));
    // Of what was there, one thing is another: what the run's own base hands down.
    let handed_down = beside.insert(place.path.clone(), Vec::new()).unwrap();
    assert!(handed_down.len() >= 4, "{handed_down:?}");
    assert_eq!(beside, before);
    await_event(&mut child, &mut lines, "step-ended");
    assert!(cpu_stat(&load, "nr_throttled ") > 0);
    // Two workers that spin had half a CPU between them for two seconds.
    let used = cpu_stat(&load, "usage_usec ");
    assert!((200_000..1_800_000).contains(&used), "{used}");
    let ended = finish_with(child, lines);
    assert_eq!(ended.code, 0, "{}", ended.text());
    assert_eq!(ended.all("step-ended").count(), 2, "{}", ended.text());
    assert_eq!(snapshot(&root, None), before);
}

#[test]
fn what_a_run_switches_on_at_the_root_is_off_again_where_nothing_else_is() {
    let test = "what_a_run_switches_on_at_the_root_is_off_again_where_nothing_else_is";
    let Some(root) = root(test) else {
        return;
    };
    if has_children(&root) {
        return skip::skip(test, "other cgroups are at the root, and may use it");
    }
    let before = snapshot(&root, None);
    let state = TempDir::new().unwrap();
    let (child, lines) = under_way(command(state.path(), "1s"));
    assert_ne!(read(&root, "cgroup.subtree_control"), "");
    let ended = finish_with(child, lines);
    assert_eq!(ended.code, 0, "{}", ended.text());
    assert_eq!(snapshot(&root, None), before);

    // With a neighbour they stay: it may have been made to use them.
    let neighbour = root.join("proscenium-test-neighbour");
    std::fs::create_dir(&neighbour).unwrap();
    let ended = finish(command(state.path(), "1s").spawn().unwrap());
    let kept = read(&root, "cgroup.subtree_control");
    std::fs::remove_dir(&neighbour).unwrap();
    for name in kept.split(' ') {
        std::fs::write(root.join("cgroup.subtree_control"), format!("-{name}")).unwrap();
    }
    assert_eq!(ended.code, 0, "{}", ended.text());
    assert!(kept.contains("memory"), "{kept}");
}

#[test]
fn cleanup_removes_cgroups_with_controllers_of_a_killed_host() {
    let test = "cleanup_removes_cgroups_with_controllers_of_a_killed_host";
    let Some(place) = Endowed::find(test) else {
        return;
    };
    let state = TempDir::new().unwrap();
    let mut command = command(state.path(), "60s");
    command.arg("--cgroup").arg(&place.path);
    let (mut child, lines) = under_way(command);
    let run = only_run(&place.path);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(lines);
    assert!(run.join("scenario/a/memory.max").is_file());
    clean_up(&run);
    assert!(!has_children(&place.path));
}
