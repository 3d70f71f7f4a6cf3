//! Loops that a component brings for its workers: their processes have given up
//! everything, too.

use std::fs;

use proscenium_tests::layout;

use crate::apart::status;
use crate::support::{Place, finish_with, processes, under_way};

#[test]
fn a_loop_of_the_components_runs_without_privileges_and_can_open_nothing() {
    let name = "a_loop_of_the_components_runs_without_privileges_and_can_open_nothing";
    let Some(place) = Place::find(name) else {
        return;
    };
    let arguments = ["--duration", "2s", "--param", "work=good,ends,traps"];
    let (child, lines) = under_way(place.command_of(&layout::program("loops"), &arguments));
    let run = place.left().remove(0);
    let [pid] = processes(&run.join("scenario/good"))[..] else {
        panic!("not one worker");
    };
    assert_eq!(status(pid, "NoNewPrivs"), "1");
    assert_eq!(status(pid, "Seccomp"), "2", "a filter is in force");
    for capabilities in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status(pid, capabilities), "0".repeat(16), "{capabilities}");
    }
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    for most in ["Max open files", "Max file size", "Max core file size"] {
        let line = limits.lines().find(|line| line.starts_with(most)).unwrap();
        let numbers: Vec<&str> = line[most.len()..].split_whitespace().take(2).collect();
        assert_eq!(numbers, ["0", "0"], "{line}");
    }
    let run = finish_with(child, lines);
    // Counting, stopping and breaking down take nothing that was given up.
    let loops: Vec<_> = run.all("collected").collect();
    assert_eq!(loops.len(), 3, "{}", run.text());
    for stats in loops {
        assert_eq!(stats["completed"], 1, "{stats:#}");
    }
    let verdict = run.all("verdict").next().unwrap();
    let [detail] = &verdict["details"].as_array().unwrap()[..] else {
        panic!("{verdict:#}");
    };
    assert_eq!(detail["kind"], "plugin-trap", "{detail:#}");
}
