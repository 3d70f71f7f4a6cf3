//! The opt-in checks of section 8.4, in its order: fairness, isolation,
//! throughput and latency, migration, memory.

use proscenium_wire::{CgroupStats, Detail, DetailKind, Outcome, Thresholds};
use proscenium_worker::Report;

use super::numa::Memory;
use crate::cpuset::CpuSet;

/// Spread of off-CPU shares that `not-starved` allows, in percent points.
const SPREAD_PERCENT: f64 = 15.0;
/// Stretch without CPU time that `not-starved` allows, in nanoseconds.
const GAP_NS: u64 = 2_000_000_000;

/// Of two layers of checks, each for itself: where both say something, what is
/// harder to meet. What `not-starved` implies counts as said.
#[must_use]
pub fn stricter(operator: Thresholds, plugin: Thresholds) -> Thresholds {
    let implied = operator.not_starved == Some(true);
    let either = |a: Option<bool>, b: Option<bool>| match (a, b) {
        (Some(a), Some(b)) => Some(a || b),
        (one, other) => one.or(other),
    };
    let fewest = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    };
    let most = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (one, other) => one.or(other),
    };
    let shortest = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
    let gap = operator.max_gap_ns.or(implied.then_some(GAP_NS));
    let spread = operator
        .max_spread_percent
        .or(implied.then_some(SPREAD_PERCENT));
    Thresholds {
        not_starved: either(operator.not_starved, plugin.not_starved),
        isolation: either(operator.isolation, plugin.isolation),
        // Alone, a limit of the operator's may well be laxer than the default.
        max_gap_ns: match plugin.max_gap_ns {
            Some(_) => shortest(gap, plugin.max_gap_ns),
            None => operator.max_gap_ns,
        },
        max_spread_percent: match plugin.max_spread_percent {
            Some(_) => fewest(spread, plugin.max_spread_percent),
            None => operator.max_spread_percent,
        },
        max_throughput_cv: fewest(operator.max_throughput_cv, plugin.max_throughput_cv),
        min_work_rate: most(operator.min_work_rate, plugin.min_work_rate),
        max_p99_wake_ns: shortest(operator.max_p99_wake_ns, plugin.max_p99_wake_ns),
        max_wake_cv: fewest(operator.max_wake_cv, plugin.max_wake_cv),
        min_iteration_rate: most(operator.min_iteration_rate, plugin.min_iteration_rate),
        max_migration_ratio: fewest(operator.max_migration_ratio, plugin.max_migration_ratio),
        min_page_locality: most(operator.min_page_locality, plugin.min_page_locality),
        max_cross_node_migration_ratio: fewest(
            operator.max_cross_node_migration_ratio,
            plugin.max_cross_node_migration_ratio,
        ),
        max_slow_tier_ratio: fewest(operator.max_slow_tier_ratio, plugin.max_slow_tier_ratio),
    }
}

/// What is judged: one crew's whole life.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its statistics.
    pub stats: &'a CgroupStats,
    /// Its workers' reports.
    pub reports: &'a [Report],
    /// The CPUs that it may have used, if that can be said.
    pub bounds: Option<&'a CpuSet>,
    /// What is near to it and what is slow.
    pub memory: &'a Memory,
}

/// Judges one crew. `details` come without a phase; a check that is off or
/// passes adds none.
#[must_use]
pub fn evaluate(thresholds: &Thresholds, subject: Subject<'_>) -> Vec<Detail> {
    let mut details = Vec::new();
    fairness(thresholds, subject, &mut details);
    isolation(thresholds, subject, &mut details);
    throughput(thresholds, subject, &mut details);
    latency(thresholds, subject, &mut details);
    migration(thresholds, subject, &mut details);
    memory(thresholds, subject, &mut details);
    details
}

fn detail(kind: DetailKind, outcome: Outcome, message: String) -> Detail {
    Detail {
        kind,
        outcome,
        phase: None,
        message,
    }
}

fn fail(kind: DetailKind, message: String) -> Detail {
    detail(kind, Outcome::Fail, message)
}

/// A threshold without figures to compare with.
fn unmeasured(stats: &CgroupStats, what: &str, outcome: Outcome) -> Detail {
    detail(
        DetailKind::Benchmark,
        outcome,
        format!(
            "{}: {what} was not measured by {}",
            place(stats),
            stats.work
        ),
    )
}

fn place(stats: &CgroupStats) -> String {
    if stats.cgroup.is_empty() {
        "workers beside the runtime".to_owned()
    } else {
        format!("cgroup {:?}", stats.cgroup)
    }
}

/// Longest stretch without CPU time that is allowed, in nanoseconds, if any is set.
pub(crate) fn gap_limit(thresholds: &Thresholds) -> Option<u64> {
    let not_starved = thresholds.not_starved == Some(true);
    thresholds.max_gap_ns.or(not_starved.then_some(GAP_NS))
}

fn fairness(thresholds: &Thresholds, subject: Subject<'_>, details: &mut Vec<Detail>) {
    let stats = subject.stats;
    let not_starved = thresholds.not_starved == Some(true);
    if not_starved {
        for report in subject
            .reports
            .iter()
            .filter(|report| report.work_units == 0)
        {
            details.push(fail(
                DetailKind::NoProgress,
                format!("{}: worker {} did no work at all", place(stats), report.tid),
            ));
        }
    }
    let spread_limit = thresholds
        .max_spread_percent
        .or(not_starved.then_some(SPREAD_PERCENT));
    if let (Some(limit), Some(spread)) = (spread_limit, stats.spread_percent)
        && stats.workers >= 2
        && spread > limit
    {
        details.push(fail(
            DetailKind::Unfair,
            format!(
                "{}: off-CPU shares of {} workers lie {spread:.1} points apart, {limit:.1} allowed",
                place(stats),
                stats.workers
            ),
        ));
    }
    if let Some(limit) = gap_limit(thresholds) {
        for report in subject
            .reports
            .iter()
            .filter(|report| report.max_gap.ns > limit)
        {
            details.push(fail(
                DetailKind::Stuck,
                format!(
                    "{}: worker {} got no CPU for {} before it ran on CPU {} (wall time between \
                     looks {}), {} allowed",
                    place(stats),
                    report.tid,
                    millis(report.max_gap.ns),
                    report.max_gap.cpu,
                    millis(report.max_gap_wall_ns),
                    millis(limit)
                ),
            ));
        }
    }
}

fn isolation(thresholds: &Thresholds, subject: Subject<'_>, details: &mut Vec<Detail>) {
    let (Some(true), Some(bounds)) = (thresholds.isolation, subject.bounds) else {
        return;
    };
    let outside = CpuSet::from(subject.stats.cpus.as_slice()).difference(bounds);
    if !outside.is_empty() {
        details.push(fail(
            DetailKind::Isolation,
            format!(
                "{}: ran on CPUs {outside} outside its cpuset {bounds}",
                place(subject.stats)
            ),
        ));
    }
}

fn throughput(thresholds: &Thresholds, subject: Subject<'_>, details: &mut Vec<Detail>) {
    let stats = subject.stats;
    if let Some(limit) = thresholds.max_throughput_cv {
        match stats.throughput_cv {
            Some(cv) if cv > limit => details.push(fail(
                DetailKind::Benchmark,
                format!(
                    "{}: throughput varies by {cv:.3}, {limit:.3} allowed",
                    place(stats)
                ),
            )),
            Some(_) => {}
            None => details.push(unmeasured(stats, "throughput variation", skip_or(subject))),
        }
    }
    for (limit, count, what, without_cpu) in [
        (
            thresholds.min_work_rate,
            stats.work_units,
            "work units",
            Outcome::Inconclusive,
        ),
        (
            thresholds.min_iteration_rate,
            stats.iterations,
            "iterations",
            Outcome::Fail,
        ),
    ] {
        let Some(limit) = limit else { continue };
        if subject.reports.is_empty() {
            details.push(unmeasured(stats, what, Outcome::Skip));
        } else if stats.cpu_time_ns == 0 {
            details.push(detail(
                DetailKind::Benchmark,
                without_cpu,
                format!(
                    "{}: no worker got any CPU time, so {what} have no rate",
                    place(stats)
                ),
            ));
        } else {
            let rate = float(count) * 1e9 / float(stats.cpu_time_ns);
            if rate < limit {
                details.push(fail(
                    DetailKind::Benchmark,
                    format!(
                        "{}: {rate:.1} {what} per CPU second, {limit:.1} required",
                        place(stats)
                    ),
                ));
            }
        }
    }
}

fn latency(thresholds: &Thresholds, subject: Subject<'_>, details: &mut Vec<Detail>) {
    let stats = subject.stats;
    if let Some(limit) = thresholds.max_p99_wake_ns {
        match stats.wake_p99_ns {
            Some(p99) if p99 > limit => details.push(fail(
                DetailKind::Benchmark,
                format!(
                    "{}: p99 wake sample {}, {} allowed",
                    place(stats),
                    millis(p99),
                    millis(limit)
                ),
            )),
            Some(_) => {}
            None => details.push(unmeasured(stats, "wake latency", skip_or(subject))),
        }
    }
    if let Some(limit) = thresholds.max_wake_cv {
        match stats.wake_cv {
            Some(cv) if cv > limit => details.push(fail(
                DetailKind::Benchmark,
                format!(
                    "{}: wake samples vary by {cv:.3}, {limit:.3} allowed",
                    place(stats)
                ),
            )),
            Some(_) => {}
            None => details.push(unmeasured(stats, "wake variation", skip_or(subject))),
        }
    }
}

fn migration(thresholds: &Thresholds, subject: Subject<'_>, details: &mut Vec<Detail>) {
    let stats = subject.stats;
    let Some(limit) = thresholds.max_migration_ratio else {
        return;
    };
    match stats.migration_ratio {
        Some(ratio) if ratio > limit => details.push(fail(
            DetailKind::Migration,
            format!(
                "{}: {ratio:.6} migrations per iteration, {limit:.6} allowed",
                place(stats)
            ),
        )),
        Some(_) => {}
        None => details.push(unmeasured(stats, "migration ratio", skip_or(subject))),
    }
}

fn memory(thresholds: &Thresholds, subject: Subject<'_>, details: &mut Vec<Detail>) {
    let stats = subject.stats;
    let limit = thresholds.min_page_locality;
    if let (Some(limit), Some(near)) = (limit, &subject.memory.near) {
        let kind = DetailKind::PageLocality;
        match stats.page_locality {
            Some(share) if share < limit => details.push(fail(
                kind,
                format!(
                    "{}: {share:.3} of the pages lie on the nodes {near:?} of its cpuset, {limit:.3} required",
                    place(stats)
                ),
            )),
            Some(_) => {}
            None if subject.reports.is_empty() => {
                details.push(unmeasured(stats, "page locality", Outcome::Skip));
            }
            None => details.push(fail(
                kind,
                format!("{}: {} has no pages, so none lie near", place(stats), stats.work),
            )),
        }
    }
    for (limit, ratio, kind, what) in [
        (
            thresholds.max_cross_node_migration_ratio,
            stats.cross_node_ratio,
            DetailKind::CrossNodeMigration,
            "of a worker's pages moved to another node",
        ),
        (
            thresholds.max_slow_tier_ratio,
            stats.slow_tier_ratio,
            DetailKind::SlowTier,
            "of the pages on nodes without CPUs",
        ),
    ] {
        match (limit, ratio) {
            (None, _) => {}
            (Some(limit), Some(ratio)) if ratio > limit => details.push(fail(
                kind,
                format!("{}: {ratio:.3} {what}, {limit:.3} allowed", place(stats)),
            )),
            (Some(_), Some(_)) => {}
            (Some(_), None) => {
                let what = format!("the share {what}");
                details.push(unmeasured(stats, &what, skip_or(subject)));
            }
        }
    }
}

fn skip_or(subject: Subject<'_>) -> Outcome {
    if subject.reports.is_empty() {
        Outcome::Skip
    } else {
        Outcome::Inconclusive
    }
}

fn millis(ns: u64) -> String {
    format!("{:.3} ms", float(ns) / 1e6)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "figures for messages and thresholds"
)]
fn float(value: u64) -> f64 {
    value as f64
}
