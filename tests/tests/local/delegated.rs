//! Runs of an ordinary user: in a cgroup that was delegated to it, and refused
//! elsewhere. Started as root, as whoever delegates is.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;
use proscenium_tests::skip;
use tempfile::TempDir;

use crate::controllers::command;
use crate::hierarchy::{Endowed, has_children, read, root, snapshot};
use crate::support::{finish, finish_with, under_way};

/// Nobody.
const USER: u32 = 65_534;
/// What the kernel's documentation says is to be given away with a cgroup.
const DELEGATED: [&str; 4] = [
    "",
    "cgroup.procs",
    "cgroup.threads",
    "cgroup.subtree_control",
];

/// A home for the user, in which state and cache are.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    chown(home.path(), Some(USER), Some(USER)).unwrap();
    home
}

/// A run of the user that starts in `cgroup`.
fn as_user(home: &Path, duration: &str, cgroup: &Path) -> Command {
    let mut command = command(&home.join("state"), duration);
    command
        .env("HOME", home)
        .env("PROSCENIUM_CACHE", home.join("cache"))
        .uid(USER)
        .gid(USER);
    enter(
        &mut command,
        File::options()
            .write(true)
            .open(cgroup.join("cgroup.procs"))
            .unwrap(),
    );
    command
}

/// Has a command start in the cgroup whose `cgroup.procs` this is.
#[expect(unsafe_code, reason = "std has no way to start a process in a cgroup")]
fn enter(command: &mut Command, mut procs: File) {
    // SAFETY: one system call on a descriptor that is open already.
    unsafe { command.pre_exec(move || procs.write_all(b"0")) };
}

/// A cgroup beneath `place` that is the user's, with all controllers.
fn delegate(place: &Endowed) -> PathBuf {
    for name in read(&place.path, "cgroup.controllers").split(' ') {
        let control = place.path.join("cgroup.subtree_control");
        fs::write(control, format!("+{name}")).unwrap();
    }
    let path = place.path.join("user");
    fs::create_dir(&path).unwrap();
    for file in DELEGATED {
        chown(path.join(file), Some(USER), Some(USER)).unwrap();
    }
    path
}

#[test]
fn an_ordinary_user_runs_with_controllers_in_a_cgroup_that_is_delegated() {
    let test = "an_ordinary_user_runs_with_controllers_in_a_cgroup_that_is_delegated";
    if !geteuid().is_root() {
        return skip::skip(test, "only root can give a cgroup away");
    }
    let Some(place) = Endowed::find(test) else {
        return;
    };
    let (path, home) = (delegate(&place), home());
    let before = snapshot(&place.path, None);
    let (child, lines) = under_way(as_user(home.path(), "2s", &path));
    // The one process in there had to leave it, so that it can hand something down.
    assert_eq!(read(&path, "cgroup.procs"), "");
    let handed_down = read(&path, "cgroup.subtree_control");
    assert!(handed_down.contains("memory"), "{handed_down}");
    let run = crate::controllers::only_run(&path);
    assert_eq!(read(&run, "host/cgroup.procs"), child.id().to_string());
    assert_eq!(read(&run, "scenario/a/pids.max"), "16");
    let ended = finish_with(child, lines);
    assert_eq!(ended.code, 0, "{}", ended.text());
    assert!(
        !ended.stderr.contains("failed to remove"),
        "{}",
        ended.text()
    );
    assert_eq!(snapshot(&place.path, None), before);
    assert!(!has_children(&path));
    fs::remove_dir(path).unwrap();
}

#[test]
fn an_ordinary_user_is_refused_where_nothing_is_delegated_and_told_the_way() {
    let test = "an_ordinary_user_is_refused_where_nothing_is_delegated_and_told_the_way";
    if !geteuid().is_root() {
        return skip::skip(test, "only root can be an ordinary user");
    }
    let Some(root) = root(test) else {
        return;
    };
    let home = home();
    let before = snapshot(&root, None);
    let ended = finish(as_user(home.path(), "1s", &root).spawn().unwrap());
    assert_eq!(ended.code, 4, "{}", ended.text());
    let text = ended.text();
    assert!(text.contains("is not delegated to this user"), "{text}");
    assert!(text.contains("-p Delegate=yes"), "{text}");
    assert_eq!(snapshot(&root, None), before);
}
