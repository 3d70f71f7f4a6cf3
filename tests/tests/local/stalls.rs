//! Workers that do not run: said where nobody meant it, and only there.

use std::io::BufRead;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{Place, processes};

#[test]
fn s_125_a_stopped_worker_fails_a_local_run_and_frozen_ones_do_not() {
    let Some(place) =
        Place::find("s_125_a_stopped_worker_fails_a_local_run_and_frozen_ones_do_not")
    else {
        return;
    };
    // Each step is longer than the monitor's window: runs, frozen, moved.
    let (mut child, lines) = place.under_way("11s");
    let worker = Pid::from_raw(processes(&place.left()[0].join("scenario/a"))[0]);
    kill(worker, Signal::SIGSTOP).unwrap();
    let mut details = Vec::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let event = &line["event"];
        if event["type"] == "step-ended" {
            // Goes on after the first, to be frozen and moved with the other.
            kill(worker, Signal::SIGCONT).unwrap();
        } else if event["type"] == "detail" {
            details.push(event.clone());
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(1), "{details:#?}");
    let [detail] = &details[..] else {
        panic!("{details:#?}");
    };
    assert_eq!(detail["kind"], "worker-stalled");
    assert_eq!(detail["phase"], "Step[0]");
    let message = detail["message"].as_str().unwrap();
    assert!(message.contains(&format!("worker {worker} (")), "{message}");
    assert!(message.contains("state T"), "{message}");
    assert!(message.contains("/scenario/a,"), "{message}");
    assert_eq!(place.left(), Vec::<std::path::PathBuf>::new());
}
