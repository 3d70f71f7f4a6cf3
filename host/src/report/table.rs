//! The tables of the final report, bounded in width and length.

use comfy_table::{ContentArrangement, Table, presets};
use console::{measure_text_width, truncate_str};
use proscenium_wire::{CgroupStats, Metric, PayloadExit, PayloadRecord, Polarity};

use super::grid::Grid;
use super::summary::{StepRow, phase_name};
use super::text::{count, cpus, defused, figure, time};
use crate::event::StepEnding;

/// Rows that a terminal gets; `report.json` has all.
const ROWS: usize = 60;
/// Figures of one payload that a terminal gets.
const FIGURES_SHOWN: usize = 4;
/// Longest text of a cell, in columns.
const CELL: usize = 28;
/// What stands for a figure that is not known.
const UNKNOWN: &str = "–";

/// One row per phase.
pub(super) fn steps(rows: &[StepRow], width: u16) -> Vec<String> {
    let header = ["step", "label", "held", "iterations", "per s", "per CPU s"];
    let mut grid = Grid::new(header.to_vec(), 2, 2);
    for row in rows.iter().take(ROWS) {
        let held = match (row.held_ms, row.ending) {
            (Some(ms), _) => time(ms.saturating_mul(1_000_000)),
            (None, Some(StepEnding::CutShort)) => "cut short".to_owned(),
            (None, _) => UNKNOWN.to_owned(),
        };
        grid.add(vec![
            row.name(),
            row.label.as_deref().map(name).unwrap_or_default(),
            held,
            row.iterations.map_or(UNKNOWN.to_owned(), count),
            row.rate_per_s.map_or(UNKNOWN.to_owned(), figure),
            row.rate_per_cpu_s.map_or(UNKNOWN.to_owned(), figure),
        ]);
    }
    finish(grid, width, rows.len())
}

/// One column of the cgroup table.
type Column = (&'static str, fn(&CgroupStats) -> Option<String>);

/// Columns that are shown only when some cgroup has a figure for them.
const FIGURES: &[Column] = &[
    ("CPUs", |s| {
        (!s.cpus.is_empty()).then(|| word(&cpus(&s.cpus)))
    }),
    ("iterations", |s| Some(count(s.iterations))),
    ("CPU time", |s| Some(time(s.cpu_time_ns))),
    ("cpu.stat usage", |s| {
        s.cpu_stat
            .map(|stat| time(stat.usage_us.saturating_mul(1_000)))
    }),
    ("throttled", |s| {
        let stat = s.cpu_stat.filter(|stat| stat.nr_throttled > 0)?;
        Some(format!(
            "{}× {}",
            count(stat.nr_throttled),
            time(stat.throttled_us.saturating_mul(1_000))
        ))
    }),
    ("max gap", |s| {
        (s.max_gap_ns > 0).then(|| time(s.max_gap_ns))
    }),
    ("migrations", |s| {
        (s.migrations > 0).then(|| count(s.migrations))
    }),
    ("wake p99", |s| s.wake_p99_ns.map(time)),
    ("cost p99", |s| s.cost_p99_ns.map(time)),
    ("timer p99", |s| s.timer_p99_ns.map(time)),
    ("run delay", |s| {
        s.run_delay_worst_ns.filter(|ns| *ns > 0).map(time)
    }),
    ("near pages", |s| s.page_locality.map(share)),
    ("slow pages", |s| {
        s.slow_tier_ratio.filter(|ratio| *ratio > 0.0).map(share)
    }),
    ("pages moved", |s| {
        (s.pages_migrated > 0).then(|| count(s.pages_migrated))
    }),
];

/// A share in percent.
fn share(ratio: f64) -> String {
    format!("{:.1} %", ratio * 100.0)
}

/// One row per cgroup and phase.
pub(super) fn cgroups(all: &[CgroupStats], width: u16) -> Vec<String> {
    let shown: Vec<&Column> = FIGURES
        .iter()
        .filter(|(_, get)| all.iter().any(|stats| get(stats).is_some()))
        .collect();
    let mut header = vec!["cgroup", "step", "work", "workers"];
    header.extend(shown.iter().map(|(name, _)| *name));
    let mut grid = Grid::new(header, 3, 3);
    for stats in all.iter().take(ROWS) {
        let cgroup = if stats.cgroup.is_empty() {
            "(beside the runtime)"
        } else {
            &stats.cgroup
        };
        let workers = if stats.completed == stats.workers {
            count(stats.workers.into())
        } else {
            format!("{} of {}", stats.completed, stats.workers)
        };
        let mut row = vec![
            name(cgroup),
            phase_name(stats.phase),
            name(&stats.work),
            workers,
        ];
        row.extend(
            shown
                .iter()
                .map(|(_, get)| get(stats).unwrap_or_else(|| UNKNOWN.to_owned())),
        );
        grid.add(row);
    }
    finish(grid, width, all.len())
}

/// One row per payload; of its figures, those that the operator said something
/// about, else the first.
pub(super) fn payloads(all: &[PayloadRecord], width: u16) -> Vec<String> {
    let header = [
        "payload", "cgroup", "step", "ended", "checks", "figures", "ran",
    ];
    let mut grid = Grid::new(header.to_vec(), 3, 6);
    for record in all.iter().take(ROWS) {
        let cgroup = if record.cgroup.is_empty() {
            "(no cgroup)"
        } else {
            &record.cgroup
        };
        grid.add(vec![
            name(&record.name),
            name(cgroup),
            record.phase.as_deref().map(name).unwrap_or_default(),
            ended(record),
            checks(record),
            figures(record),
            time(record.elapsed_ns),
        ]);
    }
    finish(grid, width, all.len())
}

fn ended(record: &PayloadRecord) -> String {
    match (record.killed, record.exit) {
        (_, PayloadExit::Code(code)) => format!("code {code}"),
        (true, PayloadExit::Signal(_)) => "killed".to_owned(),
        (false, PayloadExit::Signal(signal)) => format!("signal {signal}"),
        (_, PayloadExit::Unknown) => "unknown".to_owned(),
    }
}

fn checks(record: &PayloadRecord) -> String {
    let failed = record.checks.iter().filter(|check| !check.passed).count();
    match (record.checks.len(), failed) {
        (0, _) => UNKNOWN.to_owned(),
        (all, 0) => format!("{all} held"),
        (all, failed) => format!("{failed} of {all} failed"),
    }
}

fn figures(record: &PayloadRecord) -> String {
    let hinted = |metric: &&Metric| metric.unit.is_some() || metric.polarity != Polarity::Unknown;
    let shown: Vec<&Metric> = if record.metrics.iter().any(|metric| hinted(&metric)) {
        record.metrics.iter().filter(hinted).collect()
    } else {
        record.metrics.iter().collect()
    };
    let mut words: Vec<String> = shown
        .iter()
        .take(FIGURES_SHOWN)
        .map(|metric| {
            let unit = metric.unit.as_deref().map(|unit| format!(" {unit}"));
            word(&format!(
                "{} {}{}",
                metric.name,
                figure(metric.value),
                unit.unwrap_or_default()
            ))
        })
        .collect();
    if record.metrics.len() > words.len() {
        words.push(format!("and {} more", record.metrics.len() - words.len()));
    }
    words.join("\n")
}

/// A table of words. The last column gets what width is left, and is cut there.
pub(crate) fn words<const N: usize>(
    header: &[&str; N],
    rows: &[[String; N]],
    width: u16,
) -> Vec<String> {
    let width = width.clamp(60, 160);
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_width(width)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.iter().copied());
    let cell = |row: &[String; N], at: usize| word(row.get(at).map_or("", String::as_str));
    let longest = |at: usize| {
        let cells = rows.iter().map(|row| measure_text_width(&cell(row, at)));
        cells.chain([header[at].len()]).max().unwrap_or(0)
    };
    let taken: usize = (0..N - 1).map(|at| longest(at) + 2).sum();
    let left = usize::from(width).saturating_sub(taken + 3).max(CELL);
    for row in rows.iter().take(ROWS) {
        let last = truncate_str(&defused(&row[N - 1]), left, "…").into_owned();
        table.add_row((0..N - 1).map(|at| cell(row, at)).chain([last]));
    }
    let lines = table.lines();
    let lines = lines.map(|line| format!(" {}", line.trim_end())).collect();
    bounded(lines, rows.len())
}

fn finish(grid: Grid<'_>, width: u16, rows: usize) -> Vec<String> {
    let (mut lines, shortened) = grid.fitted(width.into());
    if shortened {
        lines.push("  (names with … are whole in report.json)".to_owned());
    }
    bounded(lines, rows)
}

fn bounded(mut lines: Vec<String>, rows: usize) -> Vec<String> {
    if rows > ROWS {
        lines.push(format!("  … and {} more in report.json", rows - ROWS));
    }
    lines
}

/// Somebody else's name for something; the table shortens it.
fn name(text: &str) -> String {
    defused(text).into_owned()
}

/// A cell with somebody else's word in it.
fn word(text: &str) -> String {
    truncate_str(&defused(text), CELL, "…").into_owned()
}
