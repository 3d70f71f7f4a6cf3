//! Gate, live counters, stop, kill, epochs: what holds for every work type.

mod common;

use std::process::Command;
use std::time::Duration;

use common::{Crew, until};
use proscenium_worker::{Arena, ArenaOptions, Setup, exit_code};

#[test]
fn workers_wait_at_the_gate_until_it_opens() {
    let mut crew = Crew::of("spin-wait", &[]);
    assert!(
        crew.arena
            .wait_ready(common::DEADLINE)
            .expect("a futex wait")
    );
    until("the worker sleeps at the gate", || {
        crew.proc(0, "stat").contains(") S ")
    });
    assert_eq!(
        (crew.arena.iterations(0), crew.arena.report(0).ready),
        (0, true)
    );
    crew.arena.open_gate();
    crew.progress(10);
}

#[test]
fn a_crew_stopped_at_the_gate_gives_complete_empty_reports() {
    let mut crew = Crew::of("futex-ping-pong", &[]);
    assert!(
        crew.arena
            .wait_ready(common::DEADLINE)
            .expect("a futex wait")
    );
    let (reports, _) = crew.stop();
    assert!(
        reports
            .iter()
            .all(|report| report.completed && report.iterations == 0),
        "{reports:?}"
    );
}

#[test]
fn a_long_sleep_does_not_delay_the_stop() {
    let mut crew = Crew::of("bursty", &[("work-us", 1), ("sleep-us", 10_000_000)]);
    crew.go();
    until("the worker sleeps", || {
        crew.proc(0, "stat").contains(") S ") && crew.proc(0, "wchan") != "0"
    });
    let (reports, took) = crew.stop();
    assert!(
        took < Duration::from_secs(1) && reports[0].completed,
        "{took:?}"
    );
    assert_eq!(reports[0].wake.total, 0, "a sleep cut short is no sample");
}

#[test]
fn a_killed_worker_leaves_what_it_counted() {
    let mut crew = Crew::of("spin-wait", &[]);
    crew.arena.set_epoch(7);
    crew.go();
    crew.progress(10_000);
    let seen = crew.arena.iterations(0);
    let report = crew.kill(0);
    assert!(
        !report.completed && report.ready && report.iterations >= seen,
        "{report:?}"
    );
    assert!(
        report.work_units > 0 && report.cpu_time_ns > 0 && report.schedstat.is_none(),
        "{report:?}"
    );
    let [slice] = report.phase_slices.as_slice() else {
        panic!("one slice: {report:?}")
    };
    assert_eq!((slice.epoch, slice.closed), (7, false));
    assert!(slice.iterations > 0 && slice.iterations <= report.iterations);
}

#[test]
fn slices_are_filed_under_their_epoch_and_the_gaps_between_are_not() {
    let mut crew = Crew::of("spin-wait", &[]);
    crew.go();
    let mut filed = Vec::new();
    for epoch in [0, 3, u32::MAX, 4, 5, 0] {
        crew.arena.set_epoch(epoch);
        crew.progress(2_000);
        filed.extend((epoch != 0 && epoch != u32::MAX).then_some(epoch));
    }
    let (reports, _) = crew.stop();
    let slices = &reports[0].phase_slices;
    assert_eq!(
        slices.iter().map(|slice| slice.epoch).collect::<Vec<_>>(),
        filed
    );
    assert!(
        slices
            .iter()
            .all(|slice| slice.closed && slice.iterations >= 1_990),
        "{slices:?}"
    );
    let in_slices: u64 = slices.iter().map(|slice| slice.iterations).sum();
    assert!(
        in_slices + 3 * 1_990 <= reports[0].iterations,
        "three epochs are not filed"
    );
}

#[test]
fn more_epochs_than_fit_keep_the_latest_and_say_how_many_were_lost() {
    let options = ArenaOptions {
        wake_capacity: 8,
        slices: 3,
        slice_wake_capacity: 2,
    };
    let mut crew = Crew::start(
        &common::spec(common::work("fork-exit", &[]), &Setup::default()),
        &options,
    );
    crew.go();
    // What is not filed takes no place in the ring either.
    for epoch in [1, 2, 3, 4, 5, u32::MAX, 6, u32::MAX] {
        crew.arena.set_epoch(epoch);
        crew.progress(10);
    }
    let (reports, _) = crew.stop();
    let report = &reports[0];
    assert_eq!(
        report
            .phase_slices
            .iter()
            .map(|slice| slice.epoch)
            .collect::<Vec<_>>(),
        [5, 6]
    );
    assert_eq!((report.slices_lost, report.wake.samples.len()), (4, 8));
    assert!(
        report.wake.total >= 60 && report.phase_slices[0].wake.samples.len() == 2,
        "{report:?}"
    );
}

#[test]
fn what_is_not_an_arena_is_refused_with_an_exit_code() {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_proscenium-worker"));
        command
            .args(arguments)
            .output()
            .expect("it runs")
            .status
            .code()
    };
    assert_eq!(run(&[]), Some(i32::from(exit_code::USAGE)));
    assert_eq!(run(&["x", "0"]), Some(i32::from(exit_code::USAGE)));
    assert_eq!(run(&["77", "0"]), Some(i32::from(exit_code::ARENA)));
    assert_eq!(run(&["0", "0"]), Some(i32::from(exit_code::ARENA)));
}

#[test]
fn a_crew_that_is_not_a_multiple_of_its_group_is_refused() {
    let mut spec = common::spec(common::work("pipe-io", &[]), &Setup::default());
    spec.workers.push(Setup::default());
    let error = Arena::create(&spec, &ArenaOptions::default()).expect_err("three are no pairs");
    assert_eq!(
        error.to_string(),
        "3 workers of type pipe-io: the number must be a positive multiple of 2"
    );
    spec.workers.clear();
    assert!(Arena::create(&spec, &ArenaOptions::default()).is_err());
}
