//! `checks` — have figures judged, and judge. A plugin can make its verdict
//! worse here, never better than what the checks and the runtime saw.

use proscenium_wire::{CgroupStats, DetailKind, Outcome};

use crate::bindings::checks::{Host, Thresholds, WorkerStats};
use crate::name::clean_line;
use crate::plugin::State;

/// Longest message, in bytes.
const MAX_MESSAGE: usize = 4_096;

impl Host for State {
    fn set(&mut self, thresholds: Thresholds) -> wasmtime::Result<()> {
        self.stage.set_thresholds(proscenium_wire::Thresholds {
            not_starved: thresholds.not_starved,
            isolation: thresholds.isolation,
            max_gap_ns: thresholds.max_gap,
            max_spread_percent: thresholds.max_spread_percent,
            max_throughput_cv: thresholds.max_throughput_cv,
            min_work_rate: thresholds.min_work_rate,
            max_p99_wake_ns: thresholds.max_p99_wake_latency,
            max_wake_cv: thresholds.max_wake_latency_cv,
            min_iteration_rate: thresholds.min_iteration_rate,
            max_migration_ratio: thresholds.max_migration_ratio,
            min_page_locality: thresholds.min_page_locality,
            max_cross_node_migration_ratio: thresholds.max_cross_node_migration_ratio,
            max_slow_tier_ratio: thresholds.max_slow_tier_ratio,
        });
        Ok(())
    }

    fn collected(&mut self) -> wasmtime::Result<Vec<WorkerStats>> {
        Ok(self
            .stage
            .tally()
            .collected()
            .iter()
            .map(worker_stats)
            .collect())
    }

    fn fail(&mut self, message: String) -> wasmtime::Result<()> {
        let message = clean_line(&message, MAX_MESSAGE);
        // A flood fails the run once; the rest is only counted.
        if self.budgets.take_log(message.len()) || !self.failed {
            self.failed = true;
            self.stage.tally().assert();
            self.stage
                .record(DetailKind::Plugin, Outcome::Fail, message);
        }
        Ok(())
    }

    fn note(&mut self, message: String) -> wasmtime::Result<()> {
        let message = clean_line(&message, MAX_MESSAGE);
        if self.budgets.take_log(message.len()) {
            self.stage.tally().note(message);
        }
        Ok(())
    }
}

fn worker_stats(stats: &CgroupStats) -> WorkerStats {
    WorkerStats {
        phase: u32::from(stats.phase),
        cgroup: stats.cgroup.clone(),
        workers: stats.workers,
        iterations: stats.iterations,
        cpu_time: stats.cpu_time_ns,
        spread_percent: stats.spread_percent,
        worst_gap: stats.max_gap_ns,
        migrations: stats.migrations,
        p99_wake_latency: stats.wake_p99_ns,
        median_timer_latency: stats.timer_median_ns,
        p99_timer_latency: stats.timer_p99_ns,
        median_cost: stats.cost_median_ns,
        p99_cost: stats.cost_p99_ns,
        mean_run_delay: stats.run_delay_mean_ns,
        worst_run_delay: stats.run_delay_worst_ns,
        page_locality: stats.page_locality,
        cross_node_migration_ratio: stats.cross_node_ratio,
        slow_tier_ratio: stats.slow_tier_ratio,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_reaches_the_plugin_as_itself() {
        let stats = CgroupStats {
            wake_p99_ns: Some(1),
            timer_median_ns: Some(2),
            timer_p99_ns: Some(3),
            cost_median_ns: Some(4),
            cost_p99_ns: Some(5),
            run_delay_mean_ns: Some(6),
            run_delay_worst_ns: Some(7),
            page_locality: Some(0.25),
            cross_node_ratio: Some(0.5),
            slow_tier_ratio: Some(0.75),
            ..CgroupStats::default()
        };
        let told = worker_stats(&stats);
        assert_eq!(
            [
                told.p99_wake_latency,
                told.median_timer_latency,
                told.p99_timer_latency,
                told.median_cost,
                told.p99_cost,
                told.mean_run_delay,
                told.worst_run_delay,
            ],
            [1, 2, 3, 4, 5, 6, 7].map(Some)
        );
        let ratios = [
            told.page_locality,
            told.cross_node_migration_ratio,
            told.slow_tier_ratio,
        ];
        assert_eq!(ratios, [0.25, 0.5, 0.75].map(Some));
        let unmeasured = worker_stats(&CgroupStats::default());
        assert_eq!(unmeasured.p99_timer_latency, None);
        assert_eq!(unmeasured.page_locality, None);
    }
}
