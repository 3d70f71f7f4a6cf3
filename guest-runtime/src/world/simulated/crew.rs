//! Simulated workers: what they want, what they got, and their reports.

use std::slice;
use std::time::Duration;

use proscenium_worker::{Breakdown, Demand, ExitInfo, Gap, PhaseSlice, Report, Setup};

use crate::cpuset::CpuSet;
use crate::time::nanos;
use crate::world::{CrewId, CrewPlan, GroupId, WorldError};

#[derive(Debug)]
pub(super) struct Crew {
    pub(super) group: Option<GroupId>,
    /// Its processes: one for each worker, or one of which all are threads.
    pub(super) pids: Vec<u32>,
    pub(super) workers: Vec<Worker>,
    /// The gate is open.
    pub(super) running: bool,
    pub(super) killed: bool,
    /// Its loop broke down when it was tried: it does nothing.
    pub(super) breakdown: Option<Breakdown>,
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) tid: u32,
    demand: Demand,
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
    /// A process for each worker of a plan, numbered from `first` on.
    pub(super) fn new(
        group: Option<GroupId>,
        plan: &CrewPlan,
        first: u32,
        breakdown: Option<Breakdown>,
    ) -> Self {
        let workers = workers(slice::from_ref(plan), first);
        Self {
            group,
            pids: workers.iter().map(|worker| worker.tid).collect(),
            workers,
            running: false,
            killed: false,
            breakdown,
        }
    }

    /// One process, numbered `first`, with a thread for each worker of the plans.
    pub(super) fn of_threads(group: GroupId, plans: &[CrewPlan], first: u32) -> Self {
        Self {
            group: Some(group),
            pids: vec![first],
            workers: workers(plans, first + 1),
            running: false,
            killed: false,
            breakdown: None,
        }
    }

    /// How many it is to `pids.max`, which counts threads.
    pub(super) fn tasks(&self) -> usize {
        let together = self.pids.first() != self.workers.first().map(|worker| &worker.tid);
        self.workers.len() + usize::from(together)
    }

    /// Share of a CPU that one worker wants.
    pub(super) fn wants(&self, worker: &Worker) -> f64 {
        match self.breakdown {
            Some(_) => 0.0,
            None => worker.demand.cpu_share,
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
            .map(|worker| {
                worker.close_slice();
                let total = worker.total;
                Report {
                    tid: worker.tid,
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
    pub(super) fn run(&mut self, span: Duration, cpu: u32, share: f64) {
        let iteration_ns = self.demand.iteration_ns;
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

/// The workers of plans, one after another, numbered from `first` on.
fn workers(plans: &[CrewPlan], first: u32) -> Vec<Worker> {
    let all = plans
        .iter()
        .flat_map(|plan| plan.setups.iter().map(move |setup| (plan, setup)));
    let worker = |((plan, setup), tid): ((&CrewPlan, &Setup), u32)| Worker {
        tid,
        demand: plan.work.demand(),
        affinity: setup.affinity.as_deref().map(CpuSet::from),
        cpu: None,
        cpus_used: CpuSet::default(),
        epoch: plan.epoch,
        total: Counts::default(),
        slice: Counts::default(),
        slices: Vec::new(),
        idle: Duration::ZERO,
    };
    all.zip(first..).map(worker).collect()
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
