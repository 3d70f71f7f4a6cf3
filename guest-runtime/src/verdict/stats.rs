//! Statistics of one crew in one phase, as section 8.3 of the semantics
//! defines them: percentiles by nearest rank, off-CPU share over workers that
//! were measured, "not measured" apart from zero.

use std::collections::{BTreeMap, BTreeSet};

use proscenium_wire::CgroupStats;
use proscenium_worker::{PhaseSlice, Report};

/// Epoch of workers between steps; what is filed under it belongs to no phase.
const BETWEEN_STEPS: u32 = u32::MAX;

/// What one worker counted, for one phase or for its whole life.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Work units.
    pub work_units: u64,
    /// Iterations.
    pub iterations: u64,
    /// CPU time, in nanoseconds.
    pub cpu_time_ns: u64,
    /// Wall time, in nanoseconds.
    pub wall_time_ns: u64,
    /// Migrations.
    pub migrations: u64,
    /// Longest stretch without CPU time, in nanoseconds, and the CPU after it.
    pub max_gap: (u64, u32),
    /// CPUs on which it was seen.
    pub cpus: Vec<u32>,
    /// Wake samples, in nanoseconds.
    pub wakes: Vec<u64>,
    /// Wake samples seen, kept or not.
    pub wake_total: u64,
    /// Cost samples, in nanoseconds.
    pub costs: Vec<u64>,
    /// Timer samples, in nanoseconds.
    pub timers: Vec<u64>,
    /// Pages by node.
    pub numa_pages: Vec<(u32, u64)>,
    /// Pages moved.
    pub pages_migrated: u64,
    /// Time runnable but waiting, in nanoseconds.
    pub run_delay_ns: Option<u64>,
    /// Whether the worker ended well.
    pub completed: bool,
}

impl From<&Report> for Sample {
    fn from(report: &Report) -> Self {
        Self {
            work_units: report.work_units,
            iterations: report.iterations,
            cpu_time_ns: report.cpu_time_ns,
            wall_time_ns: report.wall_time_ns,
            migrations: report.migrations,
            max_gap: (report.max_gap.ns, report.max_gap.cpu),
            cpus: report.cpus_used.clone(),
            wakes: report.wake.samples.clone(),
            wake_total: report.wake.total,
            costs: report.cost.samples.clone(),
            timers: report.timer.samples.clone(),
            numa_pages: report.numa_pages.clone(),
            pages_migrated: report.pages_migrated,
            run_delay_ns: report.schedstat.map(|stat| stat.run_delay_ns),
            completed: report.completed,
        }
    }
}

impl Sample {
    fn of_slice(slice: &PhaseSlice, report: &Report) -> Self {
        Self {
            work_units: slice.work_units,
            iterations: slice.iterations,
            cpu_time_ns: slice.cpu_time_ns,
            wall_time_ns: slice.wall_time_ns,
            migrations: slice.migrations,
            max_gap: (slice.max_gap.ns, slice.max_gap.cpu),
            // Slices say how much was done, the whole report says where.
            cpus: Vec::new(),
            wakes: slice.wake.samples.clone(),
            wake_total: slice.wake.total,
            costs: slice.cost.samples.clone(),
            timers: slice.timer.samples.clone(),
            // As with the CPUs.
            numa_pages: Vec::new(),
            pages_migrated: 0,
            run_delay_ns: None,
            completed: report.completed,
        }
    }
}

/// Statistics of a whole crew, all its phases together.
#[must_use]
pub fn of_reports(phase: u16, cgroup: &str, work: &str, reports: &[Report]) -> CgroupStats {
    let samples: Vec<Sample> = reports.iter().map(Sample::from).collect();
    of_samples(phase, cgroup, work, &samples)
}

/// Statistics of a crew that outlives steps, one entry for each phase in which
/// it filed something.
#[must_use]
pub fn of_slices(cgroup: &str, work: &str, reports: &[Report]) -> Vec<CgroupStats> {
    let mut phases: BTreeMap<u16, Vec<Sample>> = BTreeMap::new();
    for report in reports {
        for slice in &report.phase_slices {
            if slice.epoch == 0 || slice.epoch == BETWEEN_STEPS {
                continue;
            }
            let phase = u16::try_from(slice.epoch).unwrap_or(u16::MAX);
            phases
                .entry(phase)
                .or_default()
                .push(Sample::of_slice(slice, report));
        }
    }
    phases
        .into_iter()
        .map(|(phase, samples)| of_samples(phase, cgroup, work, &samples))
        .collect()
}

#[expect(
    clippy::too_many_lines,
    reason = "one figure a line, in the order of the record"
)]
fn of_samples(phase: u16, cgroup: &str, work: &str, samples: &[Sample]) -> CgroupStats {
    let sum = |of: fn(&Sample) -> u64| {
        samples
            .iter()
            .fold(0_u64, |total, sample| total.saturating_add(of(sample)))
    };
    let off_cpu: Vec<f64> = samples.iter().filter_map(off_cpu_percent).collect();
    let ascending = |of: fn(&Sample) -> &Vec<u64>| {
        let mut all: Vec<u64> = samples.iter().flat_map(of).copied().collect();
        all.sort_unstable();
        all
    };
    let wakes = ascending(|sample| &sample.wakes);
    let costs = ascending(|sample| &sample.costs);
    let timers = ascending(|sample| &sample.timers);
    let delays: Vec<u64> = samples
        .iter()
        .filter_map(|sample| sample.run_delay_ns)
        .collect();
    let cpus: BTreeSet<u32> = samples
        .iter()
        .flat_map(|sample| &sample.cpus)
        .copied()
        .collect();
    let worst = samples
        .iter()
        .map(|sample| sample.max_gap)
        .max()
        .unwrap_or_default();
    let iterations = sum(|sample| sample.iterations);
    let migrations = sum(|sample| sample.migrations);
    CgroupStats {
        phase,
        cgroup: cgroup.to_owned(),
        work: work.to_owned(),
        workers: count(samples.len()),
        completed: count(samples.iter().filter(|sample| sample.completed).count()),
        cpus: cpus.into_iter().collect(),
        work_units: sum(|sample| sample.work_units),
        iterations,
        cpu_time_ns: sum(|sample| sample.cpu_time_ns),
        wall_time_ns: samples
            .iter()
            .map(|sample| sample.wall_time_ns)
            .max()
            .unwrap_or(0),
        off_cpu_min_percent: off_cpu.iter().copied().reduce(f64::min),
        off_cpu_avg_percent: mean(&off_cpu),
        off_cpu_max_percent: off_cpu.iter().copied().reduce(f64::max),
        spread_percent: off_cpu
            .iter()
            .copied()
            .reduce(f64::max)
            .zip(off_cpu.iter().copied().reduce(f64::min))
            .map(|(most, least)| most - least),
        max_gap_ns: worst.0,
        max_gap_cpu: worst.1,
        migrations,
        migration_ratio: (iterations > 0).then(|| float(migrations) / float(iterations)),
        wake_p99_ns: nearest_rank(&wakes, 99),
        wake_median_ns: nearest_rank(&wakes, 50),
        wake_cv: variation(&wakes.iter().map(|ns| float(*ns)).collect::<Vec<_>>()),
        wake_samples: sum(|sample| sample.wake_total),
        throughput_cv: variation(&samples.iter().filter_map(work_rate).collect::<Vec<_>>()),
        run_delay_mean_ns: (!delays.is_empty()).then(|| {
            delays
                .iter()
                .fold(0_u64, |total, ns| total.saturating_add(*ns))
                / delays.len() as u64
        }),
        cpu_stat: None,
        cost_p99_ns: nearest_rank(&costs, 99),
        cost_median_ns: nearest_rank(&costs, 50),
        timer_p99_ns: nearest_rank(&timers, 99),
        timer_median_ns: nearest_rank(&timers, 50),
        numa_pages: pages(samples),
        pages_migrated: sum(|sample| sample.pages_migrated),
        run_delay_worst_ns: delays.iter().copied().max(),
        // What they are compared with is not known here, see `numa`.
        page_locality: None,
        cross_node_ratio: None,
        slow_tier_ratio: None,
    }
}

/// Pages of all workers by node, ascending.
fn pages(samples: &[Sample]) -> Vec<(u32, u64)> {
    let mut by_node: BTreeMap<u32, u64> = BTreeMap::new();
    for (node, pages) in samples.iter().flat_map(|sample| &sample.numa_pages) {
        let all = by_node.entry(*node).or_default();
        *all = all.saturating_add(*pages);
    }
    by_node.into_iter().collect()
}

/// Share of wall time off CPU, in percent; none without wall time.
fn off_cpu_percent(sample: &Sample) -> Option<f64> {
    let off = sample.wall_time_ns.saturating_sub(sample.cpu_time_ns);
    (sample.wall_time_ns > 0).then(|| float(off) / float(sample.wall_time_ns) * 100.0)
}

/// Work units per CPU second; none without CPU time.
fn work_rate(sample: &Sample) -> Option<f64> {
    (sample.cpu_time_ns > 0).then(|| float(sample.work_units) * 1e9 / float(sample.cpu_time_ns))
}

/// The value at rank ⌈n · percent / 100⌉ (from 1) of an ascending list.
fn nearest_rank(ascending: &[u64], percent: usize) -> Option<u64> {
    let rank = (ascending.len() * percent).div_ceil(100);
    ascending.get(rank.max(1) - 1).copied()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / float(values.len() as u64))
}

/// Standard deviation over mean; none for fewer than two values or a mean of 0.
fn variation(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|mean| *mean != 0.0 && values.len() > 1)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / float(values.len() as u64)).sqrt() / mean)
}

#[expect(clippy::cast_precision_loss, reason = "statistics do not need 64 bits")]
fn float(value: u64) -> f64 {
    value as f64
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(units: u64, cpu_ms: u64, wall_ms: u64, wakes: &[u64]) -> Sample {
        Sample {
            work_units: units,
            iterations: units,
            cpu_time_ns: cpu_ms * 1_000_000,
            wall_time_ns: wall_ms * 1_000_000,
            wakes: wakes.to_vec(),
            wake_total: wakes.len() as u64,
            completed: true,
            ..Sample::default()
        }
    }

    #[test]
    fn shares_off_cpu_count_only_measured_workers() {
        let stats = of_samples(
            1,
            "a",
            "spin-wait",
            &[
                sample(10, 900, 1000, &[]),
                sample(10, 500, 1000, &[]),
                sample(0, 0, 0, &[]),
            ],
        );
        assert_eq!(stats.workers, 3);
        assert!((stats.off_cpu_min_percent.unwrap() - 10.0).abs() < 1e-9);
        assert!((stats.off_cpu_avg_percent.unwrap() - 30.0).abs() < 1e-9);
        assert!((stats.spread_percent.unwrap() - 40.0).abs() < 1e-9);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let wakes: Vec<u64> = (1..=200).collect();
        let stats = of_samples(1, "a", "pipe-io", &[sample(1, 1, 1, &wakes)]);
        assert_eq!(stats.wake_p99_ns, Some(198));
        assert_eq!(stats.wake_median_ns, Some(100));
        assert_eq!((stats.cost_p99_ns, stats.timer_p99_ns), (None, None));
        assert_eq!(nearest_rank(&[7], 99), Some(7));
        assert_eq!(nearest_rank(&[], 99), None);
    }

    #[test]
    fn costs_timers_and_pages_are_those_of_all_workers() {
        let worker = |costs: &[u64], timers: &[u64], pages| Sample {
            costs: costs.to_vec(),
            timers: timers.to_vec(),
            numa_pages: vec![(1, pages)],
            pages_migrated: pages,
            ..sample(1, 1, 1, &[])
        };
        let workers = [worker(&[9, 1], &[4], 5), worker(&[3], &[6], 7)];
        let stats = of_samples(1, "a", "w", &workers);
        assert_eq!(
            (stats.cost_median_ns, stats.cost_p99_ns),
            (Some(3), Some(9))
        );
        assert_eq!(
            (stats.timer_median_ns, stats.timer_p99_ns),
            (Some(4), Some(6))
        );
        assert_eq!(
            (stats.numa_pages, stats.pages_migrated),
            (vec![(1, 12)], 12)
        );
    }

    #[test]
    fn what_was_not_measured_is_not_zero() {
        let stats = of_samples(1, "a", "spin-wait", &[]);
        assert_eq!(stats.workers, 0);
        assert_eq!(stats.off_cpu_avg_percent, None);
        assert_eq!(stats.wake_p99_ns, None);
        assert_eq!(stats.migration_ratio, None);
        assert_eq!(stats.throughput_cv, None);
    }

    #[test]
    fn rates_vary_by_cpu_second() {
        let stats = of_samples(
            1,
            "a",
            "w",
            &[sample(100, 1000, 1000, &[]), sample(100, 500, 1000, &[])],
        );
        // Rates of 100 and 200: mean 150, deviation 50.
        assert!((stats.throughput_cv.unwrap() - 1.0 / 3.0).abs() < 1e-9);
    }
}
