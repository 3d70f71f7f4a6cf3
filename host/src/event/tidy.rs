//! Turns what the guest sent into what may be shown and kept: text cleaned and
//! cut, figures finite, lists bounded. Pure; decides nothing about order.

use proscenium_wire::{
    CgroupStats, Detail, LogLevel, LogSource, Mark as WireMark, PhaseStats, Tasks, TasksReason,
};

use super::clean::{self, MESSAGE, NAME};
use super::{Log, Mark, RunEvent, Speaker};

/// Figures that one mark may carry.
const MARK_FIELDS: usize = 64;
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
    ] {
        *figure = figure.and_then(clean::finite);
    }
    stats
}
