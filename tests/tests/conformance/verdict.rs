//! Section 8: which check says what, and how one verdict is made of it.

use proscenium_guest_runtime::cpuset::CpuSet;
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::verdict::{
    Ending, Memory, Subject, Tally, evaluate, of_reports, placed,
};
use proscenium_wire::{Detail, DetailKind, Outcome, Thresholds};
use proscenium_worker::{Gap, Report, Samples, Schedstat};

const SECOND: u64 = 1_000_000_000;

/// A worker that did so much in so much CPU time of two seconds.
fn worker(units: u64, cpu_ns: u64) -> Report {
    Report {
        tid: 7,
        completed: true,
        work_units: units,
        iterations: units,
        cpu_time_ns: cpu_ns,
        wall_time_ns: 2 * SECOND,
        off_cpu_ns: 2 * SECOND - cpu_ns,
        cpus_used: vec![0, 3],
        ..Report::default()
    }
}

fn woken(samples: &[u64]) -> Report {
    Report {
        wake: Samples {
            samples: samples.to_vec(),
            total: samples.len() as u64,
            ..Samples::default()
        },
        ..worker(10, SECOND)
    }
}

/// The cpuset's CPUs are on node 0; node 2 has none.
fn memory() -> Memory {
    let mut machine = Machine::uniform(2, 2, 2, 1);
    machine.nodes.insert(2);
    Memory::around(&machine, Some(&"0-1".parse().unwrap()))
}

/// A worker with so many pages on nodes 0, 1 and 2, and so many moved.
fn paged(pages: [u64; 3], pages_migrated: u64) -> Report {
    Report {
        numa_pages: (0..).zip(pages).filter(|(_, pages)| *pages > 0).collect(),
        pages_migrated,
        ..worker(10, SECOND)
    }
}

/// What one check says of these workers.
fn said(change: impl Fn(&mut Thresholds), reports: &[Report]) -> Vec<(DetailKind, Outcome)> {
    let mut thresholds = Thresholds::default();
    change(&mut thresholds);
    let bounds: CpuSet = "0-2".parse().unwrap();
    let memory = memory();
    let stats = placed(of_reports(1, "a", "spin-wait", reports), reports, &memory);
    let subject = Subject {
        stats: &stats,
        reports,
        bounds: Some(&bounds),
        memory: &memory,
    };
    let details = evaluate(&thresholds, subject);
    assert!(
        details
            .iter()
            .all(|detail| detail.message.contains("\"a\""))
    );
    details.iter().map(|d| (d.kind, d.outcome)).collect()
}

const BENCHMARK_FAILS: [(DetailKind, Outcome); 1] = [(DetailKind::Benchmark, Outcome::Fail)];
const UNDECIDED: [(DetailKind, Outcome); 1] = [(DetailKind::Benchmark, Outcome::Inconclusive)];
const SKIPPED: [(DetailKind, Outcome); 1] = [(DetailKind::Benchmark, Outcome::Skip)];

#[test]
fn nothing_fails_by_default() {
    assert_eq!(said(|_| {}, &[worker(0, 0)]), []);
}

#[test]
fn starvation_is_no_work_uneven_shares_or_a_long_gap() {
    let on = |t: &mut Thresholds| t.not_starved = Some(true);
    assert_eq!(
        said(on, &[worker(0, SECOND)]),
        [(DetailKind::NoProgress, Outcome::Fail)]
    );
    let uneven = [worker(9, SECOND), worker(9, SECOND * 13 / 10 + 10_000_000)];
    assert_eq!(said(on, &uneven), [(DetailKind::Unfair, Outcome::Fail)]);
    let even = [worker(9, SECOND), worker(9, SECOND * 13 / 10)];
    assert_eq!(said(on, &even), [], "15 points are allowed");
    let gap = |ns| {
        let max_gap = Gap {
            ns,
            cpu: 3,
            at_ns: 0,
        };
        [Report {
            max_gap,
            ..worker(9, SECOND)
        }]
    };
    assert_eq!(
        said(on, &gap(2 * SECOND + 1)),
        [(DetailKind::Stuck, Outcome::Fail)]
    );
    assert_eq!(said(on, &gap(2 * SECOND)), []);
    // Limits of its own replace the defaults, and are checks by themselves.
    let wide = |t: &mut Thresholds| {
        *t = Thresholds {
            not_starved: Some(true),
            max_gap_ns: Some(5 * SECOND),
            max_spread_percent: Some(50.0),
            ..*t
        };
    };
    assert_eq!(said(wide, &gap(4 * SECOND)), []);
    assert_eq!(said(wide, &uneven), []);
    let gap_only = |t: &mut Thresholds| t.max_gap_ns = Some(SECOND);
    assert_eq!(said(gap_only, &gap(SECOND + 1)).len(), 1);
    assert_eq!(
        said(gap_only, &[worker(0, 0)]),
        [],
        "no progress is not asked"
    );
}

#[test]
fn s_123_a_cpu_outside_the_cpuset_breaks_isolation() {
    let on = |t: &mut Thresholds| t.isolation = Some(true);
    assert_eq!(
        said(on, &[worker(9, SECOND)]),
        [(DetailKind::Isolation, Outcome::Fail)]
    );
    let inside = Report {
        cpus_used: vec![0, 2],
        ..worker(9, SECOND)
    };
    assert_eq!(said(on, &[inside]), []);
}

#[test]
fn rates_are_per_cpu_second_and_tell_no_time_from_no_worker() {
    let rate = |t: &mut Thresholds| t.min_work_rate = Some(10.0);
    assert_eq!(said(rate, &[worker(10, SECOND)]), []);
    assert_eq!(said(rate, &[worker(9, SECOND)]), BENCHMARK_FAILS);
    assert_eq!(said(rate, &[worker(9, 0)]), UNDECIDED);
    assert_eq!(said(rate, &[]), SKIPPED);
    let iterations = |t: &mut Thresholds| t.min_iteration_rate = Some(10.0);
    assert_eq!(said(iterations, &[worker(10, SECOND)]), []);
    assert_eq!(said(iterations, &[worker(9, SECOND)]), BENCHMARK_FAILS);
    assert_eq!(said(iterations, &[worker(9, 0)]), BENCHMARK_FAILS);
    assert_eq!(said(iterations, &[]), SKIPPED);
}

#[test]
fn throughput_varies_over_workers() {
    let cv = |t: &mut Thresholds| t.max_throughput_cv = Some(0.3);
    // Rates of 100 and 200: a deviation of a third of the mean.
    let uneven = [worker(100, SECOND), worker(200, SECOND)];
    assert_eq!(said(cv, &uneven), BENCHMARK_FAILS);
    assert_eq!(said(cv, &[worker(100, SECOND), worker(100, SECOND)]), []);
    assert_eq!(said(cv, &[worker(100, SECOND)]), UNDECIDED);
    assert_eq!(said(cv, &[]), SKIPPED);
}

#[test]
fn wake_latencies_are_judged_only_where_there_are_samples() {
    let p99 = |t: &mut Thresholds| t.max_p99_wake_ns = Some(99);
    // Nearest rank: the 99th of 1 to 100 is 99.
    let hundred: Vec<u64> = (1..=100).collect();
    assert_eq!(said(p99, &[woken(&hundred)]), []);
    let higher: Vec<u64> = (2..=101).collect();
    assert_eq!(said(p99, &[woken(&higher)]), BENCHMARK_FAILS);
    assert_eq!(said(p99, &[woken(&[])]), UNDECIDED);
    assert_eq!(said(p99, &[]), SKIPPED);
    let cv = |t: &mut Thresholds| t.max_wake_cv = Some(0.3);
    assert_eq!(said(cv, &[woken(&[100, 200])]), BENCHMARK_FAILS);
    assert_eq!(said(cv, &[woken(&[100, 110])]), []);
    for undecided in [&[][..], &[100], &[0, 0]] {
        assert_eq!(said(cv, &[woken(undecided)]), UNDECIDED);
    }
}

#[test]
fn migrations_are_per_iteration() {
    let ratio = |t: &mut Thresholds| t.max_migration_ratio = Some(0.1);
    let moved = |migrations| {
        [Report {
            migrations,
            ..worker(100, SECOND)
        }]
    };
    assert_eq!(said(ratio, &moved(10)), []);
    assert_eq!(
        said(ratio, &moved(11)),
        [(DetailKind::Migration, Outcome::Fail)]
    );
    assert_eq!(said(ratio, &[worker(0, SECOND)]), UNDECIDED);
}

#[test]
fn pages_lie_near_if_they_are_on_the_nodes_of_the_cpuset() {
    const FAR: [(DetailKind, Outcome); 1] = [(DetailKind::PageLocality, Outcome::Fail)];
    let near = |t: &mut Thresholds| t.min_page_locality = Some(0.75);
    assert_eq!(said(near, &[paged([3, 1, 0], 0)]), []);
    assert_eq!(said(near, &[paged([2, 1, 0], 0)]), FAR);
    // All pages of all workers together.
    let two = [paged([6, 0, 0], 0), paged([0, 1, 1], 0)];
    assert_eq!(said(near, &two), []);
    assert_eq!(said(near, &[worker(9, SECOND)]), FAR, "no pages, none near");
    assert_eq!(said(near, &[]), SKIPPED);
    let report = [paged([0, 9, 0], 0)];
    let unknown = Memory {
        near: None,
        ..memory()
    };
    let stats = placed(of_reports(1, "a", "w", &report), &report, &unknown);
    let subject = Subject {
        stats: &stats,
        reports: &report,
        bounds: None,
        memory: &unknown,
    };
    let thresholds = Thresholds {
        min_page_locality: Some(1.0),
        ..Thresholds::default()
    };
    assert_eq!(evaluate(&thresholds, subject), [], "without a cpuset");
    assert_eq!(stats.page_locality, None);
}

#[test]
fn moved_pages_count_against_the_worst_worker_and_slow_ones_together() {
    let moved = |t: &mut Thresholds| t.max_cross_node_migration_ratio = Some(0.5);
    let failed = |kind| [(kind, Outcome::Fail)];
    let two = |worst| [paged([4, 0, 0], 0), paged([4, 0, 0], worst)];
    assert_eq!(said(moved, &two(2)), []);
    assert_eq!(said(moved, &two(3)), failed(DetailKind::CrossNodeMigration));
    let slow = |t: &mut Thresholds| t.max_slow_tier_ratio = Some(0.25);
    let pages = |on_slow| [paged([4, 0, 0], 0), paged([1, 3 - on_slow, on_slow], 0)];
    assert_eq!(said(slow, &pages(2)), []);
    assert_eq!(said(slow, &pages(3)), failed(DetailKind::SlowTier));
    for check in [moved as fn(&mut Thresholds), slow] {
        assert_eq!(said(check, &[worker(9, SECOND)]), UNDECIDED);
        assert_eq!(said(check, &[]), SKIPPED);
    }
}

#[test]
fn the_worst_run_delay_is_beside_the_mean() {
    let delayed = |run_delay_ns| Report {
        schedstat: Some(Schedstat {
            run_delay_ns,
            ..Schedstat::default()
        }),
        ..worker(9, SECOND)
    };
    let reports = [delayed(2), delayed(10), worker(9, SECOND)];
    let stats = of_reports(1, "a", "w", &reports);
    assert_eq!(
        (stats.run_delay_mean_ns, stats.run_delay_worst_ns),
        (Some(6), Some(10))
    );
    let unmeasured = of_reports(1, "a", "w", &reports[2..]);
    assert_eq!(unmeasured.run_delay_worst_ns, None);
}

#[test]
fn checks_are_judged_in_their_order() {
    let all = |t: &mut Thresholds| {
        *t = Thresholds {
            not_starved: Some(true),
            isolation: Some(true),
            min_work_rate: Some(1e9),
            max_p99_wake_ns: Some(0),
            max_migration_ratio: Some(0.0),
            min_page_locality: Some(1.0),
            max_cross_node_migration_ratio: Some(0.0),
            max_slow_tier_ratio: Some(0.0),
            ..*t
        };
    };
    let bad = Report {
        migrations: 1,
        max_gap: Gap {
            ns: 3 * SECOND,
            cpu: 0,
            at_ns: 0,
        },
        numa_pages: vec![(2, 1)],
        pages_migrated: 1,
        ..woken(&[5])
    };
    let kinds: Vec<_> = said(all, &[bad])
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    let order = [
        DetailKind::Stuck,
        DetailKind::Isolation,
        DetailKind::Benchmark,
        DetailKind::Benchmark,
        DetailKind::Migration,
        DetailKind::PageLocality,
        DetailKind::CrossNodeMigration,
        DetailKind::SlowTier,
    ];
    assert_eq!(kinds, order);
}

#[test]
fn the_verdict_is_the_worst_of_all_voices_whatever_their_order() {
    use Outcome::{Fail, Inconclusive, Pass, Skip};
    let all = [Skip, Pass, Inconclusive, Fail];
    for (own_rank, own) in all.into_iter().enumerate() {
        for (first_rank, first) in all.into_iter().enumerate() {
            for (second_rank, second) in all.into_iter().enumerate() {
                let mut tally = Tally::default();
                for outcome in [first, second] {
                    tally.detail(Detail {
                        kind: DetailKind::Other,
                        outcome,
                        phase: None,
                        message: String::new(),
                    });
                }
                let ending = Ending::Returned {
                    outcome: own,
                    reason: None,
                };
                let verdict = tally.verdict(ending);
                let worst = own_rank.max(first_rank).max(second_rank);
                assert_eq!(verdict.outcome, all[worst]);
                // Nothing that was said disappears.
                assert!(verdict.details.len() >= 2);
            }
        }
    }
}
