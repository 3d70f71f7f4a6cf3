//! Turns what the guest sent into what may be shown and kept: text cleaned and
//! cut, figures finite, lists bounded. Pure; decides nothing about order.

use proscenium_wire::{
    CgroupStats, Detail, Finding, LogLevel, LogSource, Mark as WireMark, OpPlace, PayloadRecord,
    PhaseStats, Tasks, TasksReason,
};

use super::clean::{self, MESSAGE, NAME};
use super::{Log, Mark, RunEvent, Speaker};

/// Figures that one mark may carry.
const MARK_FIELDS: usize = 64;
/// Figures and checks that one payload's record may carry, as the guest bounds them.
const PAYLOAD_METRICS: usize = 1_024;
const PAYLOAD_CHECKS: usize = 1_024;
/// Processes that one event may list.
const PIDS: usize = 65_536;
/// CPUs that one statistic may list.
const CPUS: usize = 8_192;

pub(super) fn log(source: LogSource, level: LogLevel, message: &str) -> RunEvent {
    let source = match source {
        LogSource::Runtime => Speaker::Runtime,
        LogSource::Plugin => Speaker::Plugin,
    };
    RunEvent::Log(Log {
        source,
        level,
        message: clean::line(message, MESSAGE),
    })
}

pub(super) fn mark(mark: WireMark) -> RunEvent {
    RunEvent::Mark(Mark {
        at_ns: mark.at_ns,
        name: clean::line(&mark.name, NAME),
        fields: mark
            .fields
            .into_iter()
            .take(MARK_FIELDS)
            .map(|(name, value)| (clean::line(&name, NAME), clean::finite(value)))
            .collect(),
    })
}

pub(super) fn payload(mut record: PayloadRecord) -> PayloadRecord {
    record.name = clean::line(&record.name, NAME);
    record.cgroup = clean::line(&record.cgroup, NAME);
    record.phase = record.phase.map(|phase| clean::line(&phase, NAME));
    record.stderr_tail = record.stderr_tail.map(|tail| clean::line(&tail, MESSAGE));
    record.metrics.retain(|metric| metric.value.is_finite());
    record.metrics.truncate(PAYLOAD_METRICS);
    for metric in &mut record.metrics {
        metric.name = clean::line(&metric.name, NAME);
        metric.unit = metric.unit.take().map(|unit| clean::line(&unit, NAME));
    }
    record.checks.truncate(PAYLOAD_CHECKS);
    for check in &mut record.checks {
        check.message = clean::line(&check.message, MESSAGE);
    }
    record
}

pub(super) fn tasks(mut tasks: Tasks) -> Tasks {
    tasks.cgroup = clean::line(&tasks.cgroup, NAME);
    tasks.pids.truncate(PIDS);
    let (TasksReason::Placed { work: text }
    | TasksReason::Moved { from: text }
    | TasksReason::Captured { tag: text }) = &mut tasks.why;
    *text = clean::line(text, NAME);
    tasks
}

pub(super) fn detail(detail: Detail) -> Detail {
    Detail {
        phase: detail.phase.map(|phase| clean::line(&phase, NAME)),
        message: clean::line(&detail.message, MESSAGE),
        ..detail
    }
}

pub(super) fn finding(finding: Finding) -> Finding {
    Finding {
        kind: clean::line(&finding.kind, NAME),
        label: finding.label.map(|label| clean::line(&label, NAME)),
        op: finding.op.map(|op| OpPlace {
            name: clean::line(&op.name, NAME),
            ..op
        }),
        message: clean::line(&finding.message, MESSAGE),
        remedy: finding.remedy.map(|remedy| clean::line(&remedy, MESSAGE)),
        ..finding
    }
}

pub(super) fn phase(phase: PhaseStats) -> PhaseStats {
    PhaseStats {
        name: clean::line(&phase.name, NAME),
        label: phase.label.map(|label| clean::line(&label, NAME)),
        ..phase
    }
}

pub(super) fn cgroup(mut stats: CgroupStats) -> CgroupStats {
    stats.cgroup = clean::line(&stats.cgroup, NAME);
    stats.work = clean::line(&stats.work, NAME);
    stats.cpus.truncate(CPUS);
    stats.numa_pages.truncate(CPUS);
    for figure in [
        &mut stats.off_cpu_min_percent,
        &mut stats.off_cpu_avg_percent,
        &mut stats.off_cpu_max_percent,
        &mut stats.spread_percent,
        &mut stats.migration_ratio,
        &mut stats.wake_cv,
        &mut stats.throughput_cv,
        &mut stats.page_locality,
        &mut stats.cross_node_ratio,
        &mut stats.slow_tier_ratio,
    ] {
        *figure = figure.and_then(clean::finite);
    }
    stats
}
