//! The one way out of a slot: thaw, end payloads, stop, report, judge, remove.
//!
//! Nothing here fails: what cannot be had is missing from the figures and said
//! aloud, and the rest is still torn down.

use std::time::Duration;

use proscenium_wire::{CgroupStats, CpuTime, DetailKind, Event, LogLevel, Outcome};
use proscenium_worker::{BreakdownKind, Report};

use super::slot::{Crew, Group, Slot};
use super::stage::Stage;
use crate::name::{clean_line, quote};
use crate::verdict::{Memory, PhaseLabel, Subject, evaluate, of_reports, of_slices, placed};
use crate::world::{CrewReport, GroupId, Knob, World};

/// Workers have this long, all together, to stop when asked.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// Longest text of a breakdown that is told, in bytes.
const MAX_BREAKDOWN: usize = 512;

impl Stage {
    /// Tears a slot down. Figures go to `phase`, or to the phases in which
    /// the workers filed them.
    pub(super) fn collect_slot(&mut self, slot: Slot, phase: Option<u16>) {
        for group in slot.groups.iter().filter(|group| group.frozen) {
            self.mediation.writes += 1;
            if let Err(error) = self.world.write(group.id, Knob::Freeze, "0") {
                self.say(LogLevel::Warn, error.to_string());
            }
        }
        let Slot {
            groups,
            crews,
            payloads,
        } = slot;
        let label = phase.and_then(|phase| phase.checked_sub(1));
        let label = label.map_or(self.phase_label(), |step| PhaseLabel::Step(step.into()));
        // Before the workers, so that no removal finds a cgroup busy.
        self.drain(payloads, label);
        // Before workers are asked to stop, while what was seen is all there
        // is. The backdrop's end asks nobody: its workers stalled in a step.
        let stalls = match phase {
            Some(_) => self.world.take_stalls(),
            None => Vec::new(),
        };
        self.collect_with(&groups, &crews, phase);
        for stall in stalls {
            let message = stall.to_string();
            self.record_in(label, DetailKind::WorkerStalled, Outcome::Fail, message);
        }
        for group in groups.iter().rev() {
            self.sweep(group.id, group.hosted_payload);
            self.mediation.writes += 1;
            if let Err(error) = self.world.remove(group.id) {
                self.say(LogLevel::Warn, error.to_string());
            }
        }
    }

    /// Tears the backdrop down. On an early end its results come before
    /// everything recorded so far, on the finish path after.
    pub(super) fn collect_backdrop(&mut self, finished: bool) {
        let slot = std::mem::take(&mut self.backdrop);
        if finished {
            self.collect_slot(slot, None);
        } else {
            let recorded = std::mem::take(&mut self.tally);
            self.collect_slot(slot, None);
            let backdrop = std::mem::replace(&mut self.tally, recorded);
            self.tally.prepend(backdrop);
        }
    }

    /// Collects crews whose cgroups stay tracked.
    pub(super) fn collect_crews(&mut self, crews: &[Crew], phase: Option<u16>) {
        self.collect_with(&[], crews, phase);
    }

    /// `groups` are those that are no longer tracked.
    fn collect_with(&mut self, groups: &[Group], crews: &[Crew], phase: Option<u16>) {
        if crews.is_empty() {
            return;
        }
        let ids: Vec<_> = crews.iter().map(|crew| crew.id).collect();
        self.mediation.waits += 1;
        self.sink.flush();
        let until = self.world.now() + STOP_DEADLINE;
        let collected = self.world.collect(&ids, until);
        for (crew, report) in crews.iter().zip(&collected) {
            self.judge(groups, crew, report, phase);
        }
    }

    fn judge(&mut self, groups: &[Group], crew: &Crew, report: &CrewReport, phase: Option<u16>) {
        let mut reports = report.reports.as_slice();
        for part in &crew.parts {
            let (own, others) = reports.split_at(reports.len().min(part.workers as usize));
            reports = others;
            self.judge_part(groups, &crew.key, &part.work, own, phase);
        }
    }

    /// Judges the workers of one kind.
    fn judge_part(
        &mut self,
        groups: &[Group],
        key: &str,
        work: &str,
        reports: &[Report],
        phase: Option<u16>,
    ) {
        self.report_failures(key, work, reports);
        self.report_breakdowns(key, work, reports);
        let group = groups
            .iter()
            .find(|group| group.name == key)
            .or_else(|| self.find(key));
        let bounds = group.and_then(Group::bounds).cloned();
        let phases = group
            .map(|group| group.cpu_phases.clone())
            .unwrap_or_default();
        let id = group.map(|group| group.id);

        let cpuset = group.and_then(|group| group.cpuset.as_ref());
        let memory = Memory::around(self.machine(), cpuset);

        let whole = of_reports(phase.unwrap_or(0), key, work, reports);
        let whole = placed(whole, reports, &memory);
        let details = evaluate(
            &self.thresholds(),
            Subject {
                stats: &whole,
                reports,
                bounds: bounds.as_ref(),
                memory: &memory,
            },
        );
        let slices = match phase {
            Some(_) => Vec::new(),
            None => of_slices(key, work, reports),
        };
        // A crew that filed under no phase has what it did as a whole.
        if slices.is_empty() {
            let cpu_stat = id.and_then(|id| {
                self.mediation.reads += 1;
                cpu_stat(self.world.as_mut(), id)
            });
            self.keep(CgroupStats { cpu_stat, ..whole });
        } else {
            for slice in slices {
                let cpu_stat = phases
                    .iter()
                    .find(|(of, _)| *of == slice.phase)
                    .map(|(_, time)| *time);
                self.keep(CgroupStats { cpu_stat, ..slice });
            }
        }
        for detail in details {
            self.record(detail.kind, detail.outcome, detail.message);
        }
    }

    fn keep(&mut self, stats: CgroupStats) {
        self.sink.emit(Event::Collected(stats.clone()));
        self.tally.stats(stats);
    }

    /// What the workers' own set-up could not do is said, and fails nothing.
    fn report_failures(&mut self, key: &str, work: &str, reports: &[Report]) {
        let place = quote(key);
        for worker in reports {
            for failure in &worker.failures {
                let message = format!("cgroup {place}: worker {}: {failure}", worker.tid);
                self.tally.note(message.clone());
                self.say(LogLevel::Warn, message);
            }
            if !worker.completed && !self.schedulers.doomed {
                let how = worker
                    .exit
                    .map_or_else(|| "gave no report".to_owned(), |exit| format!("{exit:?}"));
                self.record(
                    DetailKind::Other,
                    Outcome::Inconclusive,
                    format!(
                        "cgroup {place}: {work} worker {} did not end well ({how}): its figures are those until then",
                        worker.tid
                    ),
                );
            }
        }
    }

    /// Loops of the component's own that came to an end: one detail for each
    /// way in which they did, with the words of the first.
    fn report_breakdowns(&mut self, key: &str, work: &str, reports: &[Report]) {
        let all = || {
            let reports = reports.iter();
            reports.filter_map(|worker| worker.breakdown.as_ref())
        };
        for kind in BreakdownKind::ALL {
            let Some(first) = all().find(|breakdown| breakdown.kind == kind) else {
                continue;
            };
            let (detail, outcome, how) = breakdown_words(kind);
            let message = format!(
                "cgroup {}: the exported work {} {how} in {} of {} workers: {}",
                quote(key),
                quote(work),
                all().filter(|breakdown| breakdown.kind == kind).count(),
                reports.len(),
                clean_line(&first.message, MAX_BREAKDOWN),
            );
            self.record(detail, outcome, message);
        }
    }
}

/// In which words a loop's breakdown enters the verdict. What the component
/// does wrong in a worker counts as what it does wrong in its scenario.
fn breakdown_words(kind: BreakdownKind) -> (DetailKind, Outcome, &'static str) {
    match kind {
        BreakdownKind::Refused => (DetailKind::Plugin, Outcome::Fail, "could not be prepared"),
        BreakdownKind::Trapped => (DetailKind::PluginTrap, Outcome::Fail, "trapped"),
        BreakdownKind::OutOfTime => (DetailKind::PluginTimeout, Outcome::Fail, "hung"),
        BreakdownKind::Limit => (DetailKind::PluginLimit, Outcome::Fail, "hit a limit"),
        BreakdownKind::Unable => (
            DetailKind::Environment,
            Outcome::Inconclusive,
            "could not be run",
        ),
    }
}

/// `cpu.stat`, if it can be read.
pub(super) fn cpu_stat(world: &mut dyn World, group: GroupId) -> Option<CpuTime> {
    world.read(group, Knob::CpuStat).ok().map(parse_cpu_stat)
}

/// Parses `cpu.stat`; keys that are missing are 0.
pub(super) fn parse_cpu_stat(text: &str) -> CpuTime {
    let mut time = CpuTime::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(' ') else {
            continue;
        };
        let Ok(value) = value.trim().parse() else {
            continue;
        };
        match key {
            "usage_usec" => time.usage_us = value,
            "user_usec" => time.user_us = value,
            "system_usec" => time.system_us = value,
            "nr_periods" => time.nr_periods = value,
            "nr_throttled" => time.nr_throttled = value,
            "throttled_usec" => time.throttled_us = value,
            _ => {}
        }
    }
    time
}

/// What was used between two readings.
pub(super) fn cpu_time_since(now: CpuTime, base: CpuTime) -> CpuTime {
    CpuTime {
        usage_us: now.usage_us.saturating_sub(base.usage_us),
        user_us: now.user_us.saturating_sub(base.user_us),
        system_us: now.system_us.saturating_sub(base.system_us),
        nr_periods: now.nr_periods.saturating_sub(base.nr_periods),
        nr_throttled: now.nr_throttled.saturating_sub(base.nr_throttled),
        throttled_us: now.throttled_us.saturating_sub(base.throttled_us),
    }
}
