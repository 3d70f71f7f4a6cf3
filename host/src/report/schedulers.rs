//! Schedulers under test in reports: one row for each start, and the words of
//! those that came to a bad end.

use proscenium_wire::{PayloadExit, SchedulerExit};
use serde::{Deserialize, Serialize};

use super::summary::phase_name;
use super::table;
use super::text::time;
use crate::event::{Obituary, SchedulerChange, SchedulerNews, SchedulerWords};
use crate::run_dir::scheduler_file;

/// Starts whose words a terminal gets; `report.json` has all.
const SPOKEN: usize = 2;
/// What stands for what is not known.
const UNKNOWN: &str = "–";

/// One start of a scheduler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerRow {
    /// Counts the starts of a run, from 0.
    pub start: u32,
    /// Which scheduler.
    pub name: String,
    /// Name under which the kernel knew it; none: it was never attached.
    pub ops: Option<String>,
    /// Nanoseconds from the start of its process to that.
    pub attached_after_ns: Option<u64>,
    /// How it ended; none while it runs.
    pub end: Option<SchedulerChange>,
    /// Number of the phase in which it ended.
    pub end_phase: Option<u16>,
    /// What its loader printed last, for one that was refused or died.
    pub last_words: Vec<String>,
}

/// Takes in news.
pub(super) fn fold(rows: &mut Vec<SchedulerRow>, news: &SchedulerNews) {
    let row = row_of(rows, news.start);
    row.name.clone_from(&news.name);
    match &news.change {
        SchedulerChange::Attached { ops, took_ns } => {
            row.ops = Some(ops.clone());
            row.attached_after_ns = Some(*took_ns);
        }
        end => {
            row.end = Some(end.clone());
            row.end_phase = Some(news.phase);
        }
    }
}

/// Takes in last words.
pub(super) fn words(rows: &mut Vec<SchedulerRow>, words: &SchedulerWords) {
    row_of(rows, words.start)
        .last_words
        .clone_from(&words.lines);
}

fn row_of(rows: &mut Vec<SchedulerRow>, start: u32) -> &mut SchedulerRow {
    let at = rows.iter().rposition(|row| row.start == start);
    let at = at.unwrap_or_else(|| {
        rows.push(SchedulerRow {
            start,
            ..SchedulerRow::default()
        });
        rows.len() - 1
    });
    &mut rows[at]
}

/// What happened, in one line.
pub(super) fn line(news: &SchedulerNews) -> String {
    let name = &news.name;
    match &news.change {
        SchedulerChange::Attached { ops, took_ns } => {
            format!(
                "scheduler {name} attached as {ops} after {}",
                time(*took_ns)
            )
        }
        end => format!("scheduler {name} {}", ending(end)),
    }
}

/// The section's table.
pub(super) fn lines(rows: &[SchedulerRow], width: u16) -> Vec<String> {
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| {
            let phase = row.end_phase.map(phase_name);
            let ended = row.end.as_ref().map(|end| {
                let phase = phase.unwrap_or_default();
                format!("{phase}: {}", ending(end))
            });
            let unknown = || UNKNOWN.to_owned();
            [
                row.start.to_string(),
                row.name.clone(),
                row.ops.clone().unwrap_or_else(unknown),
                row.attached_after_ns.map_or_else(unknown, time),
                ended.unwrap_or_else(unknown),
            ]
        })
        .collect();
    let header = ["start", "scheduler", "in the kernel", "after", "ended"];
    table::words(&header, &cells, width)
}

/// What there is to read of those that came to a bad end: a title, and lines.
pub(super) fn spoken(rows: &[SchedulerRow], kept: bool) -> Vec<(String, &[String])> {
    let file = |row: &SchedulerRow, kind| match kept {
        true => format!(", see {}", scheduler_file(row.start, &row.name, kind)),
        false => String::new(),
    };
    let mut all = Vec::new();
    for row in rows.iter().rev().filter(|row| speaks(row)).take(SPOKEN) {
        let name = &row.name;
        if !dump(row).is_empty() {
            let title = format!("The kernel on scheduler {name}{}", file(row, "dump"));
            all.push((title, dump(row)));
        }
        if !row.last_words.is_empty() {
            let title = format!("Last words of scheduler {name}{}", file(row, "log"));
            all.push((title, &row.last_words[..]));
        }
    }
    all
}

/// A word for machines: how it ended.
pub(super) fn ending_word(row: &SchedulerRow) -> &'static str {
    match &row.end {
        None => "unknown",
        Some(SchedulerChange::Attached { .. }) => "attached",
        Some(SchedulerChange::Refused { .. }) => "refused",
        Some(SchedulerChange::Detached { .. }) => "detached",
        Some(SchedulerChange::Died(obituary)) => kind(obituary.kind),
    }
}

fn speaks(row: &SchedulerRow) -> bool {
    !row.last_words.is_empty() || !dump(row).is_empty()
}

fn dump(row: &SchedulerRow) -> &[String] {
    match &row.end {
        Some(SchedulerChange::Died(obituary)) => &obituary.dump,
        _ => &[],
    }
}

fn ending(change: &SchedulerChange) -> String {
    match change {
        SchedulerChange::Attached { .. } => "attached".to_owned(),
        SchedulerChange::Refused { reason } => format!("was not attached: {reason}"),
        SchedulerChange::Detached {
            exit,
            killed,
            took_ns,
        } => {
            let how = if *killed {
                "killed, since it did not leave".to_owned()
            } else {
                exited(*exit)
            };
            format!("detached in {}: {how}", time(*took_ns))
        }
        SchedulerChange::Died(obituary) => died(obituary),
    }
}

fn died(obituary: &Obituary) -> String {
    let mut text = match obituary.kind {
        SchedulerExit::Crashed => "crashed".to_owned(),
        SchedulerExit::ExitedCleanly => "left of its own accord".to_owned(),
        SchedulerExit::Unknown => "died, nobody can say why".to_owned(),
    };
    let said = [&obituary.reason, &obituary.message];
    for words in said.into_iter().flatten() {
        text.push_str(": ");
        text.push_str(words);
    }
    if obituary.process != PayloadExit::Unknown {
        text.push_str("; its process ended with ");
        text.push_str(&exited(obituary.process));
    }
    text
}

fn kind(kind: SchedulerExit) -> &'static str {
    match kind {
        SchedulerExit::Crashed => "crashed",
        SchedulerExit::ExitedCleanly => "exited-cleanly",
        SchedulerExit::Unknown => "died",
    }
}

fn exited(exit: PayloadExit) -> String {
    match exit {
        PayloadExit::Code(code) => format!("code {code}"),
        PayloadExit::Signal(signal) => format!("signal {signal}"),
        PayloadExit::Unknown => "an exit that nobody saw".to_owned(),
    }
}
