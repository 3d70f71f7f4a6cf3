//! What is set on workers, and how partners and phases behave.

mod common;

use std::os::unix::process::ExitStatusExt;
use std::thread;

use common::{Crew, spec, until, work};
use proscenium_worker::{ArenaOptions, MemPolicy, Policy, Setup, SetupStep};

fn with(setup: &Setup) -> Crew {
    let mut crew = Crew::start(
        &spec(work("spin-wait", &[]), setup),
        &ArenaOptions::default(),
    );
    crew.go();
    crew
}

fn status(crew: &Crew, key: &str) -> String {
    let status = crew.proc(0, "status");
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.expect("the kernel tells it")
        .trim_start_matches(':')
        .trim()
        .to_owned()
}

/// Field of `/proc/<pid>/stat`, counted from 1 as proc(5) does.
fn stat(crew: &Crew, field: usize) -> String {
    let stat = crew.proc(0, "stat");
    let rest = stat.rsplit_once(") ").expect("a name in brackets").1;
    rest.split(' ')
        .nth(field - 3)
        .expect("the field is there")
        .to_owned()
}

#[test]
fn affinity_nice_name_and_policy_are_in_force_before_the_loop() {
    let setup = Setup {
        affinity: Some(vec![0]),
        policy: Policy::Batch,
        nice: Some(7),
        comm: Some("stagehand".to_owned()),
        mem_policy: Some(MemPolicy {
            mode: 2,
            nodes: vec![0],
        }),
        ..Setup::default()
    };
    let mut crew = with(&setup);
    crew.progress(1);
    assert_eq!(status(&crew, "Cpus_allowed_list"), "0");
    assert_eq!(status(&crew, "Name"), "stagehand");
    assert_eq!(
        (stat(&crew, 19).as_str(), stat(&crew, 41).as_str()),
        ("7", "3")
    );
    assert_eq!(
        stat(&crew, 5),
        crew.children[0].id().to_string(),
        "its own process group"
    );
    let (reports, _) = crew.stop();
    assert_eq!(
        (reports[0].cpus_used.as_slice(), reports[0].migrations),
        ([0_u32].as_slice(), 0)
    );
    // Kernels without NUMA do not know the call.
    assert!(
        reports[0]
            .failures
            .iter()
            .all(|failure| failure.step == SetupStep::MemPolicy && failure.errno == libc::ENOSYS)
    );
}

#[test]
fn steps_that_fail_are_recorded_and_the_worker_carries_on() {
    let setup = Setup {
        affinity: Some(vec![1023]),
        policy: Policy::Deadline {
            runtime: 1,
            deadline: 1,
            period: 1,
        },
        mem_policy: Some(MemPolicy {
            mode: 2,
            nodes: vec![1024],
        }),
        ..Setup::default()
    };
    let mut crew = with(&setup);
    crew.progress(10);
    let (reports, _) = crew.stop();
    assert!(reports[0].completed);
    let failures: Vec<_> = reports[0]
        .failures
        .iter()
        .map(|failure| (failure.step, failure.errno))
        .collect();
    let invalid = [SetupStep::Affinity, SetupStep::Policy, SetupStep::MemPolicy]
        .map(|step| (step, libc::EINVAL));
    assert_eq!(failures, invalid);
    let message = reports[0].failures[0].to_string();
    assert!(
        message.starts_with("setting the CPU affinity failed: Invalid argument"),
        "{message}"
    );
}

#[test]
fn a_worker_dies_with_the_thread_that_started_it_even_after_a_change_of_user() {
    let mut crew = on_a_thread_that_ends(Setup::default());
    assert_eq!(
        common::wait(&mut crew.children[0]).signal(),
        Some(libc::SIGKILL)
    );
    // Only root may become somebody else; others see the refusal on record.
    let nobody = Setup {
        uid: Some(65_534),
        gid: Some(65_534),
        ..Setup::default()
    };
    let mut crew = on_a_thread_that_ends(nobody);
    assert_eq!(
        common::wait(&mut crew.children[0]).signal(),
        Some(libc::SIGKILL)
    );
}

fn on_a_thread_that_ends(setup: Setup) -> Crew {
    let uid = setup.uid;
    let started = thread::spawn(move || {
        let crew = with(&setup);
        crew.progress(1);
        let refused = crew
            .arena
            .report(0)
            .failures
            .iter()
            .any(|failure| failure.errno == libc::EPERM);
        assert!(
            uid.is_none_or(|uid| refused || status(&crew, "Uid").starts_with(&uid.to_string()))
        );
        crew
    });
    started.join().expect("the worker ran")
}

#[test]
fn a_missing_directory_for_files_is_told_and_the_worker_waits_for_its_stop() {
    let mut spec = spec(work("io-sync-write", &[]), &Setup::default());
    spec.io_dir = "/nonexistent".to_owned();
    let mut crew = Crew::start(&spec, &ArenaOptions::default());
    crew.go();
    let (reports, _) = crew.stop();
    let failures: Vec<_> = reports[0]
        .failures
        .iter()
        .map(|failure| (failure.step, failure.errno))
        .collect();
    assert_eq!(
        (failures.as_slice(), reports[0].iterations),
        ([(SetupStep::Work, libc::ENOENT)].as_slice(), 0)
    );
    assert!(reports[0].completed);
}

#[test]
fn partners_take_turns() {
    for name in ["pipe-io", "futex-ping-pong"] {
        let mut crew = Crew::of(name, &[("spins", 10)]);
        crew.go();
        crew.progress(500);
        let (reports, _) = crew.stop();
        let difference = reports[0].iterations.abs_diff(reports[1].iterations);
        assert!(difference <= 1, "{name}: {difference}");
    }
}

#[test]
fn pairs_of_one_crew_do_not_mix() {
    let mut spec = spec(work("pipe-io", &[]), &Setup::default());
    spec.workers = vec![Setup::default(); 4];
    let mut crew = Crew::start(&spec, &ArenaOptions::default());
    crew.go();
    crew.progress(100);
    crew.kill(0);
    let third = crew.arena.iterations(2);
    until("the other pair goes on", || {
        crew.arena.iterations(2) > third + 100
    });
}

#[test]
fn a_lost_partner_neither_hangs_nor_hides() {
    let mut crew = Crew::of("pipe-io", &[]);
    crew.go();
    crew.progress(10);
    crew.kill(0);
    until("the other one says so", || {
        !crew.arena.report(1).failures.is_empty()
    });
    assert_eq!(crew.arena.report(1).failures[0].errno, libc::EPIPE);
    crew.arena.request_stop();
    common::signal(&crew.children[1], libc::SIGTERM);
    assert!(common::wait(&mut crew.children[1]).success() && crew.arena.report(1).completed);

    let mut crew = Crew::of("futex-ping-pong", &[]);
    crew.go();
    crew.progress(10);
    crew.kill(0);
    crew.arena.request_stop();
    common::signal(&crew.children[1], libc::SIGTERM);
    assert!(common::wait(&mut crew.children[1]).success() && crew.arena.report(1).completed);
}

#[test]
fn a_stray_signal_ends_no_loop() {
    for name in ["pipe-io", "futex-ping-pong", "bursty", "fork-exit"] {
        let parameters: &[_] = if name == "bursty" {
            &[("work-us", 100), ("sleep-us", 1_000)]
        } else {
            &[]
        };
        let mut crew = Crew::of(name, parameters);
        crew.go();
        for _ in 0..20 {
            crew.children
                .iter()
                .for_each(|child| common::signal(child, libc::SIGTERM));
            crew.progress(2);
        }
        let (reports, _) = crew.stop();
        assert!(
            reports
                .iter()
                .all(|report| report.completed && report.failures.is_empty()),
            "{name}: {reports:?}"
        );
    }
}

#[test]
fn a_sequence_runs_its_phases_in_cycles() {
    let mut crew = Crew::of(
        "sequence",
        &[("sleep-us", 2_000), ("spin-us", 1_000), ("sleep-us", 2_000)],
    );
    crew.go();
    crew.progress(20);
    let (reports, _) = crew.stop();
    let report = &reports[0];
    let sleeps = report.wake.total;
    assert!(
        sleeps >= 2 * report.iterations && sleeps <= 2 * report.iterations + 2,
        "{sleeps} {}",
        report.iterations
    );
    assert!(
        report.wake.samples.iter().all(|sleep| *sleep >= 2_000_000),
        "{:?}",
        report.wake.samples
    );
    assert!(
        report.wall_time_ns >= 20 * 5_000_000 && report.off_cpu_ns >= 20 * 4_000_000,
        "{report:?}"
    );
}

#[test]
fn two_workers_on_one_cpu_see_gaps_and_run_delay() {
    let setup = Setup {
        affinity: Some(vec![0]),
        ..Setup::default()
    };
    let mut spec = spec(work("spin-wait", &[]), &setup);
    spec.workers = vec![setup; 2];
    let mut crew = Crew::start(&spec, &ArenaOptions::default());
    crew.go();
    let enough = |worker| crew.arena.report(worker).wall_time_ns > 300_000_000;
    until("both ran for a while", || (0..2).all(enough));
    let (reports, _) = crew.stop();
    for report in reports {
        assert!(
            report.max_gap.ns > 500_000 && report.max_gap.ns <= report.max_gap_wall_ns,
            "{report:?}"
        );
        assert!(
            report.max_gap.at_ns <= report.wall_time_ns && report.max_gap.cpu == 0,
            "{report:?}"
        );
        assert!(
            report.off_cpu_ns * 5 >= report.wall_time_ns,
            "each waits for a good part: {report:?}"
        );
        if let Some(kernel) = report.schedstat {
            let difference = kernel.run_delay_ns.abs_diff(report.off_cpu_ns);
            assert!(
                difference * 5 <= report.wall_time_ns,
                "the kernel agrees: {report:?}"
            );
        }
    }
}
