//! What a scenario gets of this machine's kernel, and that runs do not meet.

use serde_json::Value;

use crate::apart::runtime;
use crate::support::{Place, finish, processes};

/// Iterations of each step, in order.
fn iterations(events: impl Iterator<Item = Value>) -> Vec<u64> {
    events
        .map(|event| event["iterations"].as_u64().unwrap())
        .collect()
}

#[test]
fn load_runs_is_frozen_and_runs_again_where_it_was_moved() {
    let Some(place) = Place::find("load_runs_is_frozen_and_runs_again_where_it_was_moved") else {
        return;
    };
    // Steps are short where the machine is slow: making ready takes of their time.
    let run = place.run(&["--duration", "4s"]);
    assert_eq!(run.code, 0, "{}", run.text());
    let started = run.all("run-started").next().unwrap();
    assert_eq!(started["world"], "local");
    assert_eq!(started["topology"], Value::Null, "the machine has its own");
    let counts = iterations(run.all("step-ended").cloned());
    let [runs, frozen, moved] = counts[..] else {
        panic!("{}", run.text());
    };
    assert!(runs > 0 && moved > 0, "{counts:?}");
    // Freezing takes effect a moment after it is asked for.
    assert!(frozen < runs / 4, "{counts:?}");
    assert_eq!(place.left(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_run_is_a_subtree_with_the_runtime_beside_the_scenario() {
    let Some(place) = Place::find("a_run_is_a_subtree_with_the_runtime_beside_the_scenario") else {
        return;
    };
    let (mut child, lines) = place.under_way("60s");
    let left = place.left();
    let [run] = &left[..] else {
        panic!("{left:?}");
    };
    let runtime = runtime(run);
    assert_eq!(processes(&run.join("scenario/a")).len(), 2);
    assert!(run.join("scenario/b").is_dir());
    let status = std::fs::read_to_string(format!("/proc/{runtime}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    // Field 6 of stat is the session.
    let stat = std::fs::read_to_string(format!("/proc/{runtime}/stat")).unwrap();
    let session = stat.rsplit(')').next().unwrap().split(' ').nth(4);
    assert_eq!(session, Some(runtime.to_string().as_str()), "{stat}");
    child.kill().unwrap();
    drop(lines);
    child.wait().unwrap();
    let run = run.clone();
    crate::aftermath::clean_up(&run);
}

#[test]
fn two_runs_at_once_do_not_disturb_each_other() {
    let Some(place) = Place::find("two_runs_at_once_do_not_disturb_each_other") else {
        return;
    };
    let both = [(); 2].map(|()| place.command(&[]).spawn().unwrap());
    for child in both {
        let run = finish(child);
        assert_eq!(run.code, 0, "{}", run.text());
        assert_eq!(run.all("step-ended").count(), 3);
    }
    assert_eq!(place.left(), Vec::<std::path::PathBuf>::new());
}
