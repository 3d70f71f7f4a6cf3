//! What a local run does not do, and what it says then.

use crate::hierarchy::has_controllers;
use crate::support::{Place, finish, proscenium};

const REFUSED: i32 = 3;
const COULD_NOT_RUN: i32 = 4;

#[test]
fn the_shape_of_a_vm_is_refused_for_a_run_without_one() {
    for option in [
        ["--topology", "1n1l2c1t"],
        ["--memory", "512"],
        ["--kernel", "x"],
        ["--accel", "tcg"],
    ] {
        let child = proscenium(&["run", "x.wasm", "--local"])
            .args(option)
            .spawn();
        let run = finish(child.unwrap());
        assert_eq!(run.code, REFUSED, "{option:?}: {}", run.stderr);
        assert!(run.stderr.contains("cannot be used with"), "{}", run.stderr);
    }
}

#[test]
fn a_directory_that_is_no_cgroup_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let mut command = proscenium(&["run", "--json", "--local", "--cgroup", &path]);
    command
        .arg(proscenium_tests::layout::program("plain"))
        .env("PROSCENIUM_STATE", folder.path());
    let run = finish(command.spawn().unwrap());
    assert_eq!(run.code, REFUSED, "{}", run.text());
    assert!(
        run.text()
            .contains("is no directory of a cgroup v2 hierarchy")
    );
    assert!(run.text().contains(&path), "{}", run.text());
}

#[test]
fn controllers_that_are_absent_are_named_with_the_way_out_and_nothing_is_left() {
    let test = "controllers_that_are_absent_are_named_with_the_way_out_and_nothing_is_left";
    let Some(place) = Place::find(test) else {
        return;
    };
    let run = place.run(&["--param", "controllers=yes"]);
    if has_controllers(place.cgroup()) {
        assert_eq!(run.code, 0, "{}", run.text());
    } else {
        assert_eq!(run.code, COULD_NOT_RUN, "{}", run.text());
        let ended = run.all("run-ended").next().unwrap().to_string();
        assert!(
            ended.contains("controllers that are not available: "),
            "{ended}"
        );
        assert!(
            ended.contains("cgroup_no_v1=") || ended.contains("Delegate=yes"),
            "{ended}"
        );
        assert_eq!(run.all("step-started").count(), 0);
    }
    assert_eq!(place.left(), Vec::<std::path::PathBuf>::new());
}
