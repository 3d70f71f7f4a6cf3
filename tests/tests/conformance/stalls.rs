//! Workers that did not run, from the world to the verdict.

use std::time::Duration;

use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::world::simulated::Simulated;
use proscenium_guest_runtime::world::{CounterSource, RunCounters, StallReport};
use proscenium_wire::{DetailKind, Event, Outcome};

use crate::support::{Rig, backdrop, def, ms, nothing, step};

fn stall(pid: u32) -> StallReport {
    let counters = RunCounters {
        switches: 12,
        run_time: Duration::from_micros(1_290),
    };
    StallReport {
        pid,
        comm: "spin".to_owned(),
        first: counters,
        last: counters,
        source: CounterSource::Sched,
        samples: 4,
        state: "T".to_owned(),
        wait_channel: "do_signal_stop".to_owned(),
        syscall: "-1".to_owned(),
        cgroup: "/run/scenario/a".to_owned(),
        load: "0.50 1.25 2.00".to_owned(),
        stack: vec![],
    }
}

fn stalling(pids: &[u32]) -> Rig {
    let world = Simulated::new(Machine::uniform(2, 2, 2, 1));
    let stalls = pids.iter().map(|pid| stall(*pid)).collect();
    Rig::with(world.with_stalls(stalls), |_| {})
}

#[test]
fn s_125_each_stall_fails_the_step_in_which_it_was_found() {
    let ended = stalling(&[7, 8]).execute(
        nothing(),
        vec![
            step(vec![def("a")], vec![], ms(100)),
            step(vec![def("b")], vec![], ms(100)),
        ],
    );
    assert_eq!(ended.verdict.outcome, Outcome::Fail);
    let details: Vec<_> = ended
        .verdict
        .details
        .iter()
        .map(|detail| (detail.kind, detail.outcome, detail.phase.as_deref()))
        .collect();
    let expected = (DetailKind::WorkerStalled, Outcome::Fail, Some("Step[0]"));
    assert_eq!(details, [expected; 2]);
    // After the figures of the workers, which were still to be had.
    let collected = ended
        .events
        .iter()
        .position(|event| matches!(event, Event::Collected(_)));
    let told = ended
        .events
        .iter()
        .position(|event| matches!(event, Event::Detail(_)));
    assert!(collected.unwrap() < told.unwrap());
}

#[test]
fn s_125_the_end_of_the_backdrop_does_not_ask_for_stalls() {
    let ended = stalling(&[7]).execute(backdrop(vec![def("a")], vec![]), vec![]);
    assert_eq!(ended.messages(), Vec::<&str>::new());
}

#[test]
fn s_126_a_report_has_both_counters_the_samples_and_what_explains_the_stall() {
    assert_eq!(
        stall(7).to_string(),
        "worker 7 (spin) did not run: over 4 samples 12 -> 12 switches (+0) and \
         1.290 -> 1.290 ms of run time (+0.000); state T, wait channel do_signal_stop, \
         syscall -1, cgroup /run/scenario/a, load average 0.50 1.25 2.00"
    );
    let stack = ["do_signal_stop", "get_signal"].map(str::to_owned).to_vec();
    let text = StallReport { stack, ..stall(7) }.to_string();
    assert!(
        text.ends_with("; kernel stack: do_signal_stop < get_signal"),
        "{text}"
    );
}

#[test]
fn s_126_a_report_says_what_is_not_known_and_never_counts_backwards() {
    let mut report = StallReport {
        comm: String::new(),
        wait_channel: String::new(),
        source: CounterSource::Schedstat,
        ..stall(7)
    };
    report.last.switches = 3;
    report.last.run_time = Duration::ZERO;
    let text = report.to_string();
    assert!(text.contains("worker 7 (unknown)"), "{text}");
    assert!(text.contains("wait channel unknown"), "{text}");
    assert!(text.contains("12 -> 3 switches (+0)"), "{text}");
    assert!(
        text.contains("1.290 -> 0.000 ms of run time (+0.000)"),
        "{text}"
    );
    assert!(text.contains("this kernel has no sched file"), "{text}");
}
