//! Runs that are ended from outside: one verdict, and nothing is left, if need
//! be after `cleanup`.

use std::io::Read;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::apart::runtime;
use crate::support::{Place, finish, processes, proscenium};

/// Runs `cleanup` and asks that it removed this run.
pub(crate) fn clean_up(run: &Path) {
    let mut command = proscenium(&["cleanup", "--cgroup"]);
    let output = command.arg(run.parent().unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains(&format!("removed {}", run.display())),
        "{said}"
    );
    assert!(output.status.success(), "{said}");
    assert!(!run.exists(), "{said}");
}

#[test]
fn an_interrupt_ends_the_scenario_in_order_and_leaves_nothing() {
    let Some(place) = Place::find("an_interrupt_ends_the_scenario_in_order_and_leaves_nothing")
    else {
        return;
    };
    let (mut child, mut lines) = place.under_way("60s");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("\"cancelled\""), "{rest}");
    assert_eq!(place.left(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_killed_runtime_is_not_a_pass_and_its_cgroups_are_removed() {
    let Some(place) = Place::find("a_killed_runtime_is_not_a_pass_and_its_cgroups_are_removed")
    else {
        return;
    };
    let (mut child, mut lines) = place.under_way("60s");
    let run = place.left()[0].clone();
    kill(Pid::from_raw(runtime(&run)), Signal::SIGKILL).unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{rest}");
    assert!(
        rest.contains("the runtime was killed by signal 9"),
        "{rest}"
    );
    assert!(!rest.contains("QEMU"), "{rest}");
    assert_eq!(place.left(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_run_that_takes_too_long_is_killed_and_leaves_nothing() {
    let Some(place) = Place::find("a_run_that_takes_too_long_is_killed_and_leaves_nothing") else {
        return;
    };
    let child = place
        .command(&["--duration", "60s", "--timeout", "1s"])
        .spawn();
    let run = finish(child.unwrap());
    assert_eq!(run.code, 2, "{}", run.text());
    assert!(run.text().contains("timed-out"), "{}", run.text());
    assert_eq!(place.left(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn cleanup_removes_what_a_killed_host_left_and_spares_a_run_that_goes_on() {
    let test = "cleanup_removes_what_a_killed_host_left_and_spares_a_run_that_goes_on";
    let Some(place) = Place::find(test) else {
        return;
    };
    let (mut dead, _lines) = place.under_way("60s");
    let left = place.left()[0].clone();
    dead.kill().unwrap();
    dead.wait().unwrap();
    let (mut alive, mut lines) = place.under_way("60s");
    let going_on = place.left().into_iter().find(|path| *path != left).unwrap();
    clean_up(&left);
    assert_eq!(place.left(), std::slice::from_ref(&going_on));
    assert_eq!(processes(&going_on.join("scenario/a")).len(), 2);
    kill(Pid::from_raw(alive.id().cast_signed()), Signal::SIGINT).unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    alive.wait().unwrap();
    assert_eq!(place.left(), Vec::<std::path::PathBuf>::new());
}
