//! Strategies: any message that the vocabulary can express.

use proptest::collection::vec;
use proptest::num::f64::{INFINITE, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use proscenium_wire::*;

use super::audits::audit;
use super::findings::finding;
use super::news::{process_exit, scheduler_news};
use super::stats::cgroup_stats;

pub(crate) use super::kinds::DETAIL_KINDS;
/// Every outcome, in its order on the wire.
pub(crate) const OUTCOMES: [Outcome; 4] = [
    Outcome::Skip,
    Outcome::Pass,
    Outcome::Inconclusive,
    Outcome::Fail,
];
/// Every source of a log line, in its order on the wire.
pub(crate) const LOG_SOURCES: [LogSource; 2] = [LogSource::Runtime, LogSource::Plugin];
/// Every level, in its order on the wire.
pub(crate) const LOG_LEVELS: [LogLevel; 5] = [
    LogLevel::Error,
    LogLevel::Warn,
    LogLevel::Info,
    LogLevel::Debug,
    LogLevel::Trace,
];

/// Text of any script, with the magic in it now and then.
pub(super) fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => ".{0,40}", 1 => ".{0,4}PRSC.{0,20}"]
}

/// Any number that equals itself.
pub(super) fn float() -> impl Strategy<Value = f64> {
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO | INFINITE
}

fn step_mark() -> impl Strategy<Value = StepMark> {
    any::<(u32, u16, u16, u64, u16, u16, u16, u64)>().prop_map(
        |(
            elapsed_ms,
            phase,
            op_count,
            op_kinds,
            cgroup_count,
            worker_count,
            handle_count,
            total,
        )| {
            StepMark {
                elapsed_ms,
                phase,
                op_count,
                op_kinds,
                cgroup_count,
                worker_count,
                handle_count,
                total_iterations: total,
            }
        },
    )
}

fn phase_stats() -> impl Strategy<Value = PhaseStats> {
    (
        any::<u16>(),
        text(),
        of(text()),
        any::<(u64, Option<u64>, Option<u64>)>(),
    )
        .prop_map(
            |(phase, name, label, (start_ms, end_ms, iterations))| PhaseStats {
                phase,
                name,
                label,
                start_ms,
                end_ms,
                iterations,
            },
        )
}

fn detail() -> impl Strategy<Value = Detail> {
    (
        select(&DETAIL_KINDS[..]),
        select(&OUTCOMES[..]),
        of(text()),
        text(),
    )
        .prop_map(|(kind, outcome, phase, message)| Detail {
            kind,
            outcome,
            phase,
            message,
        })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    (
        select(&OUTCOMES[..]),
        vec(detail(), 0..4),
        vec(text(), 0..4),
        any::<bool>(),
        vec(cgroup_stats(), 0..3),
        vec(phase_stats(), 0..3),
    )
        .prop_map(
            |(outcome, details, notes, asserted, cgroups, phases)| Verdict {
                outcome,
                details,
                notes,
                asserted,
                cgroups,
                phases,
            },
        )
}

fn hello() -> impl Strategy<Value = Hello> {
    (any::<u16>(), text(), text(), any::<(u32, u64, u64)>()).prop_map(
        |(wire_version, runtime_version, kernel_release, (cpus, memory_bytes, booted_ns))| Hello {
            wire_version,
            runtime_version,
            kernel_release,
            cpus,
            memory_bytes,
            booted_ns,
        },
    )
}

fn mediation() -> impl Strategy<Value = Mediation> {
    any::<[u64; 7]>().prop_map(
        |[host_calls, writes, reads, waits, spawns, denied, frames]| Mediation {
            host_calls,
            writes,
            reads,
            waits,
            spawns,
            denied,
            frames,
        },
    )
}

fn mark() -> impl Strategy<Value = Mark> {
    (any::<u64>(), text(), vec((text(), float()), 0..5)).prop_map(|(at_ns, name, fields)| Mark {
        at_ns,
        name,
        fields,
    })
}

fn metric() -> impl Strategy<Value = Metric> {
    let polarity = select(vec![
        Polarity::Unknown,
        Polarity::HigherBetter,
        Polarity::LowerBetter,
        Polarity::TargetValue,
        Polarity::Informational,
    ]);
    (text(), float(), polarity, of(text())).prop_map(|(name, value, polarity, unit)| Metric {
        name,
        value,
        polarity,
        unit,
    })
}

fn payload() -> impl Strategy<Value = PayloadRecord> {
    let exit = process_exit();
    let check = (any::<bool>(), text())
        .prop_map(|(passed, message)| PayloadCheckResult { passed, message });
    let who = (any::<u32>(), text(), text(), of(text()));
    let sums = any::<([u64; 3], [bool; 2])>();
    let found = (vec(metric(), 0..4), vec(check, 0..4), of(text()));
    (who, exit, sums, found).prop_map(|(who, exit, (sums, flags), found)| {
        let (index, name, cgroup, phase) = who;
        let [elapsed_ns, output_bytes, dropped_bytes] = sums;
        let [killed, metrics_cut] = flags;
        let (metrics, checks, stderr_tail) = found;
        PayloadRecord {
            index,
            name,
            cgroup,
            phase,
            exit,
            killed,
            elapsed_ns,
            output_bytes,
            dropped_bytes,
            metrics,
            metrics_cut,
            checks,
            stderr_tail,
        }
    })
}

fn tasks() -> impl Strategy<Value = Tasks> {
    let why = prop_oneof![
        text().prop_map(|work| TasksReason::Placed { work }),
        text().prop_map(|from| TasksReason::Moved { from }),
        text().prop_map(|tag| TasksReason::Captured { tag }),
    ];
    let when = any::<(u64, u16)>();
    (when, text(), vec(any::<u32>(), 0..9), why).prop_map(|((at_ns, phase), cgroup, pids, why)| {
        Tasks {
            at_ns,
            phase,
            cgroup,
            pids,
            why,
        }
    })
}

/// Any event.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    let log = (select(&LOG_SOURCES[..]), select(&LOG_LEVELS[..]), text());
    let info = (any::<u32>(), of(text()), any::<Option<u64>>());
    prop_oneof![
        hello().prop_map(Event::Hello),
        log.prop_map(|(source, level, message)| Event::Log {
            source,
            level,
            message
        }),
        select(vec![
            Event::ScenarioStart,
            Event::Pause,
            Event::Resume,
            Event::End
        ]),
        info.prop_map(|(index, label, hold_ns)| {
            Event::StepInfo(StepInfo {
                index,
                label,
                hold_ns,
            })
        }),
        step_mark().prop_map(Event::StepStart),
        step_mark().prop_map(Event::StepEnd),
        step_mark().prop_map(Event::Progress),
        any::<(u64, u64)>().prop_map(|(elapsed_ms, total_iterations)| Event::ScenarioEnd {
            elapsed_ms,
            total_iterations
        }),
        mark().prop_map(Event::Mark),
        cgroup_stats().prop_map(Event::Collected),
        tasks().prop_map(Event::Tasks),
        detail().prop_map(Event::Detail),
        finding().prop_map(Event::Finding),
        verdict().prop_map(Event::Verdict),
        mediation().prop_map(Event::Mediation),
        audit(),
        payload().prop_map(Event::Payload),
        scheduler_news().prop_map(Event::Scheduler),
        (any::<u32>(), vec(any::<u8>(), 0..64), any::<u64>()).prop_map(
            |(start, bytes, dropped)| Event::SchedulerLog {
                start,
                bytes,
                dropped,
            }
        ),
        text().prop_map(|message| Event::Fault { message }),
    ]
}

/// Any command.
pub(crate) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        any::<u16>().prop_map(|wire_version| Command::Hello { wire_version }),
        text().prop_map(|reason| Command::Cancel { reason }),
    ]
}
