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
    }
}
