//! Simulated workers: what they want, what they got, and their reports.

use std::time::Duration;

use proscenium_worker::{Breakdown, Demand, ExitInfo, Gap, PhaseSlice, Report};

use crate::cpuset::CpuSet;
use crate::time::nanos;
use crate::world::{CrewId, CrewPlan, GroupId, WorldError};

#[derive(Debug)]
pub(super) struct Crew {
    pub(super) group: Option<GroupId>,
    pub(super) pids: Vec<u32>,
    pub(super) workers: Vec<Worker>,
    pub(super) demand: Demand,
    /// The gate is open.
    pub(super) running: bool,
    pub(super) killed: bool,
    /// Its loop broke down when it was tried: it does nothing.
    pub(super) breakdown: Option<Breakdown>,
}

#[derive(Debug, Default)]
pub(super) struct Worker {
    pub(super) affinity: Option<CpuSet>,
    pub(super) cpu: Option<u32>,
    cpus_used: CpuSet,
    epoch: u32,
    total: Counts,
    slice: Counts,
    slices: Vec<PhaseSlice>,
    /// Time without CPU time up to now.
    idle: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// Fractions of iterations count too.
    iterations: f64,
    cpu: Duration,
    wall: Duration,
    migrations: u64,
    max_gap: Duration,
    gap_cpu: u32,
}

impl Crew {
    pub(super) fn new(
        group: Option<GroupId>,
        plan: &CrewPlan,
        pids: Vec<u32>,
        breakdown: Option<Breakdown>,
    ) -> Self {
        let workers = plan.setups.iter().map(|setup| Worker {
            affinity: setup.affinity.as_deref().map(CpuSet::from),
            epoch: plan.epoch,
            ..Worker::default()
        });
        Self {
            group,
            pids,
            workers: workers.collect(),
            demand: plan.work.demand(),
            running: false,
            killed: false,
            breakdown,
        }
    }

    /// Share of a CPU that each worker wants.
    pub(super) fn wants(&self) -> f64 {
        match self.breakdown {
            Some(_) => 0.0,
            None => self.demand.cpu_share,
        }
    }

    pub(super) fn iterations(&self) -> u64 {
        self.workers
            .iter()
            .map(|worker| whole(worker.total.iterations))
            .sum()
    }

    pub(super) fn set_epoch(&mut self, epoch: u32) {
        for worker in &mut self.workers {
            worker.close_slice();
            worker.epoch = epoch;
        }
    }

    pub(super) fn into_reports(mut self, ended: Option<ExitInfo>) -> Vec<Report> {
        self.workers
            .iter_mut()
            .zip(&self.pids)
            .map(|(worker, pid)| {
                worker.close_slice();
                let total = worker.total;
                Report {
                    tid: *pid,
                    ready: true,
                    completed: ended.is_none(),
                    work_units: whole(total.iterations),
                    iterations: whole(total.iterations),
                    cpu_time_ns: nanos(total.cpu),
                    wall_time_ns: nanos(total.wall),
                    off_cpu_ns: nanos(total.wall.saturating_sub(total.cpu)),
                    migrations: total.migrations,
                    cpus_used: worker.cpus_used.iter().collect(),
                    max_gap: total.gap(),
                    max_gap_wall_ns: nanos(total.max_gap),
                    phase_slices: std::mem::take(&mut worker.slices),
                    breakdown: self.breakdown.clone(),
                    exit: Some(ended.unwrap_or(ExitInfo::Exited(0))),
                    ..Report::default()
                }
            })
            .collect()
    }
}

impl Worker {
    /// Time passes in which it gets `share` of `cpu`.
    pub(super) fn run(&mut self, span: Duration, cpu: u32, share: f64, iteration_ns: u64) {
        let got = span.mul_f64(share.clamp(0.0, 1.0));
        let migrated = self.cpu.is_some_and(|before| before != cpu);
        self.cpu = Some(cpu);
        self.cpus_used.insert(cpu);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let iterations = got.as_nanos() as f64 / iteration_ns.max(1) as f64;
        self.idle = if got.is_zero() {
            self.idle + span
        } else {
            Duration::ZERO
        };
        self.add(span, got, iterations, u64::from(migrated));
    }

    /// Time passes in which it cannot run.
    pub(super) fn pause(&mut self, span: Duration) {
        self.idle += span;
        self.add(span, Duration::ZERO, 0.0, 0);
    }

    fn add(&mut self, span: Duration, got: Duration, iterations: f64, migrations: u64) {
        let (idle, cpu) = (self.idle, self.cpu.unwrap_or(0));
        for counts in [&mut self.total, &mut self.slice] {
            counts.wall += span;
            counts.cpu += got;
            counts.iterations += iterations;
            counts.migrations += migrations;
            if idle > counts.max_gap {
                (counts.max_gap, counts.gap_cpu) = (idle, cpu);
            }
        }
    }

    fn close_slice(&mut self) {
        let slice = std::mem::take(&mut self.slice);
        if self.epoch == 0 || self.epoch == u32::MAX || slice.wall.is_zero() {
            return;
        }
        self.slices.push(PhaseSlice {
            epoch: self.epoch,
            closed: true,
            work_units: whole(slice.iterations),
            iterations: whole(slice.iterations),
            cpu_time_ns: nanos(slice.cpu),
            wall_time_ns: nanos(slice.wall),
            migrations: slice.migrations,
            max_gap: slice.gap(),
            max_gap_wall_ns: nanos(slice.max_gap),
            ..PhaseSlice::default()
        });
    }
}

impl Counts {
    fn gap(&self) -> Gap {
        Gap {
            ns: nanos(self.max_gap),
            cpu: self.gap_cpu,
            at_ns: nanos(self.wall),
        }
    }
}

/// The answer to whoever asks for a crew that is not alive.
pub(super) fn gone(id: CrewId) -> WorldError {
    WorldError::Gone {
        what: format!("crew {}", id.0),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float casts saturate; never negative"
)]
fn whole(count: f64) -> u64 {
    count as u64
}
