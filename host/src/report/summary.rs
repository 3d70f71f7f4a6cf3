//! A run in one value: what reports that come at the end are made of.
//!
//! A fold of the event stream, so it says the same for a VM, for `check` and
//! for an `events.jsonl` that is read back. Its JSON is `report.json`. It
//! holds no more than the stream's own bounds let through.

use proscenium_wire::{
    CgroupStats, Detail, Finding, LogLevel, Mediation, PayloadRecord, PhaseStats, Tasks,
    TasksReason, Verdict,
};
use serde::{Deserialize, Serialize};

use super::schedulers::{self, SchedulerRow};
use crate::event::{
    Booted, FORMAT_VERSION, Mark, Progress, Record, RunEnded, RunEvent, RunStarted, StepEnded,
    StepEnding, StepStarted,
};

/// All that is known of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`FORMAT_VERSION`] of the stream and of this document.
    pub format_version: u32,
    /// What was run, and on what.
    pub started: Option<RunStarted>,
    /// What the guest said of itself.
    pub booted: Option<Booted>,
    /// The step that is running, for live display.
    pub current: Option<StepStarted>,
    /// The last running total.
    pub progress: Option<Progress>,
    /// One row per phase.
    pub steps: Vec<StepRow>,
    /// Per cgroup and phase.
    pub cgroups: Vec<CgroupStats>,
    /// Payloads, in the order of their ends.
    #[serde(default)]
    pub payloads: Vec<PayloadRecord>,
    /// Schedulers under test, one row per start.
    #[serde(default)]
    pub schedulers: Vec<SchedulerRow>,
    /// Details as they came.
    pub details: Vec<Detail>,
    /// Remarks on the scenario itself, as they came.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The plugin's marks.
    pub marks: Vec<Mark>,
    /// Processes that the scenario captured, in order.
    #[serde(default)]
    pub captures: Vec<Tasks>,
    /// What was done on the plugin's behalf.
    pub mediation: Option<Mediation>,
    /// What the guest said at the end.
    pub verdict: Option<Verdict>,
    /// Log lines told as warnings or errors.
    pub warnings: u64,
    /// What could not be read.
    pub damaged: Vec<String>,
    /// The line in which the guest's kernel announced a crash.
    pub crash: Option<String>,
    /// The console's last lines, if something went wrong.
    pub console: Vec<String>,
    /// The host's verdict.
    pub ended: Option<RunEnded>,
}

/// One phase in figures. Absent figures are not known, which is not zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// Phase number; 0 is the baseline.
    pub phase: u16,
    /// What the author calls it.
    pub label: Option<String>,
    /// How its end is known; none while it runs.
    pub ending: Option<StepEnding>,
    /// Milliseconds from its start to its end.
    pub held_ms: Option<u64>,
    /// Iterations of all workers in that time.
    pub iterations: Option<u64>,
    /// Iterations per second of wall time.
    pub rate_per_s: Option<f64>,
    /// Iterations per second of CPU time, over the workers that were collected
    /// for this phase.
    pub rate_per_cpu_s: Option<f64>,
}

impl StepRow {
    /// `BASELINE` or `Step[k]`.
    #[must_use]
    pub fn name(&self) -> String {
        phase_name(self.phase)
    }
}

/// `BASELINE` or `Step[k]`, with k one less than the phase number.
#[must_use]
pub fn phase_name(phase: u16) -> String {
    match phase.checked_sub(1) {
        None => "BASELINE".to_owned(),
        Some(index) => format!("Step[{index}]"),
    }
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            started: None,
            booted: None,
            current: None,
            progress: None,
            steps: Vec::new(),
            cgroups: Vec::new(),
            payloads: Vec::new(),
            schedulers: Vec::new(),
            details: Vec::new(),
            findings: Vec::new(),
            marks: Vec::new(),
            captures: Vec::new(),
            mediation: None,
            verdict: None,
            warnings: 0,
            damaged: Vec::new(),
            crash: None,
            console: Vec::new(),
            ended: None,
        }
    }
}

impl Summary {
    /// Takes in the next record.
    pub fn fold(&mut self, record: &Record) {
        match &record.event {
            RunEvent::RunStarted(started) => self.started = Some(started.clone()),
            RunEvent::Booted(booted) => self.booted = Some(booted.clone()),
            RunEvent::StepStarted(step) => self.step_started(step),
            RunEvent::StepEnded(step) => self.step_ended(step),
            RunEvent::Progress(progress) => self.progress = Some(progress.clone()),
            RunEvent::Mark(mark) => self.marks.push(mark.clone()),
            RunEvent::Log(log) => self.warnings += u64::from(log.level <= LogLevel::Warn),
            RunEvent::Collected(stats) => self.cgroups.push(stats.clone()),
            RunEvent::Payload(record) => self.payloads.push(record.clone()),
            RunEvent::Scheduler(news) => schedulers::fold(&mut self.schedulers, news),
            RunEvent::SchedulerWords(words) => schedulers::words(&mut self.schedulers, words),
            RunEvent::Tasks(tasks) => {
                if matches!(tasks.why, TasksReason::Captured { .. }) {
                    self.captures.push(tasks.clone());
                }
            }
            RunEvent::Detail(detail) => self.details.push(detail.clone()),
            RunEvent::Finding(finding) => self.findings.push(finding.clone()),
            RunEvent::Mediation(counts) => self.mediation = Some(*counts),
            RunEvent::Verdict(verdict) => self.verdict(verdict),
            RunEvent::Damaged { what } => self.damaged.push(what.clone()),
            RunEvent::ConsoleTail { crash, lines } => {
                self.crash.clone_from(crash);
                self.console.clone_from(lines);
            }
            RunEvent::RunEnded(ended) => {
                self.rates_per_cpu();
                self.ended = Some(ended.clone());
            }
            RunEvent::Booting
            | RunEvent::ScenarioStarted
            | RunEvent::Paused
            | RunEvent::Resumed
            | RunEvent::ScenarioEnded { .. }
            | RunEvent::Fault { .. } => {}
        }
    }

    fn step_started(&mut self, step: &StepStarted) {
        self.current = Some(step.clone());
        self.progress = None;
        self.steps.push(StepRow {
            phase: step.phase,
            label: step.label.clone(),
            ..StepRow::default()
        });
    }

    fn step_ended(&mut self, step: &StepEnded) {
        self.current = None;
        let row = StepRow {
            phase: step.phase,
            label: step.label.clone(),
            ending: Some(step.ending),
            held_ms: step.held_ms,
            iterations: step.iterations,
            rate_per_s: step.rate_per_s,
            rate_per_cpu_s: None,
        };
        match self.steps.last_mut() {
            Some(open) if open.phase == step.phase && open.ending.is_none() => *open = row,
            _ => self.steps.push(row),
        }
    }

    /// The verdict's own tables are complete where frames may be missing.
    fn verdict(&mut self, verdict: &Verdict) {
        if !verdict.cgroups.is_empty() {
            self.cgroups.clone_from(&verdict.cgroups);
        }
        let mut known: Vec<u16> = self.steps.iter().map(|row| row.phase).collect();
        known.sort_unstable();
        let missing = verdict
            .phases
            .iter()
            .filter(|p| known.binary_search(&p.phase).is_err());
        self.steps.extend(
            missing
                .filter(|p| p.phase > 0 || p.iterations.is_some())
                .map(row_of),
        );
        self.steps.sort_by_key(|row| row.phase);
        self.verdict = Some(Verdict {
            cgroups: vec![],
            phases: vec![],
            ..verdict.clone()
        });
    }

    fn rates_per_cpu(&mut self) {
        for row in &mut self.steps {
            let of_phase = self.cgroups.iter().filter(|stats| stats.phase == row.phase);
            let (iterations, cpu_ns) = of_phase.fold((0_u64, 0_u64), |(n, ns), stats| {
                (
                    n.saturating_add(stats.iterations),
                    ns.saturating_add(stats.cpu_time_ns),
                )
            });
            row.rate_per_cpu_s = per_cpu_second(iterations, cpu_ns);
        }
    }
}

/// `iterations` per second of CPU time; none of no time.
#[must_use]
pub fn per_cpu_second(iterations: u64, cpu_ns: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    (cpu_ns > 0).then(|| iterations as f64 * 1e9 / cpu_ns as f64)
}

fn row_of(phase: &PhaseStats) -> StepRow {
    let held_ms = phase.end_ms.and_then(|end| end.checked_sub(phase.start_ms));
    let rate_per_s = held_ms.zip(phase.iterations).and_then(|(ms, n)| {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        (ms > 0).then(|| n as f64 * 1e3 / ms as f64)
    });
    let ending = if phase.end_ms.is_some() {
        StepEnding::Clean
    } else {
        StepEnding::CutShort
    };
    StepRow {
        phase: phase.phase,
        label: phase.label.clone(),
        ending: Some(ending),
        held_ms,
        iterations: phase.iterations,
        rate_per_s,
        rate_per_cpu_s: None,
    }
}
