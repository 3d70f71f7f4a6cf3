//! The final report for people, on standard output.
//!
//! The first line is the verdict, so that `… | head -1` is an answer. Where the
//! evidence lies is the last. Progress is another's part, see
//! [`super::progress`].

use std::io::{self, Write};

use console::{Style, truncate_str};
use proscenium_wire::{Tasks, TasksReason};

use super::summary::phase_name;
use super::text::{count, defused, plural, size, time};
use super::{Reporter, Summary, findings, schedulers, table};
use crate::event::{Reason, Record, RunEnded, RunEvent, RunOutcome, RunStarted, World};

/// Reasons, notes and console lines that a terminal gets, each; `report.json` has all.
const SHOWN: usize = 12;

/// How the report looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether to use colours: see [`Look::colour_for`].
    pub colour: bool,
    /// Columns; bounded to 60 … 160.
    pub width: u16,
}

impl Look {
    /// Whether to use colours on a stream: it is a terminal, and neither
    /// `NO_COLOR` (set and not empty) nor `TERM=dumb` forbids it. The
    /// environment is passed in.
    #[must_use]
    pub fn colour_for(terminal: bool, no_color: Option<&str>, term: Option<&str>) -> bool {
        terminal && no_color.is_none_or(str::is_empty) && term != Some("dumb")
    }

    fn bounded_width(self) -> u16 {
        self.width.clamp(60, 160)
    }
}

/// Writes the final report.
pub struct Human<W> {
    out: W,
    look: Look,
}

impl<W: Write> Human<W> {
    /// Writes to `out`, as a rule standard output.
    pub fn new(out: W, look: Look) -> Self {
        Self { out, look }
    }
}

impl<W: Write> Reporter for Human<W> {
    fn tell(&mut self, record: &Record, summary: &Summary) -> io::Result<()> {
        let RunEvent::RunEnded(ended) = &record.event else {
            return Ok(());
        };
        self.out
            .write_all(render(summary, ended, self.look).as_bytes())?;
        self.out.flush()
    }
}

impl<W> std::fmt::Debug for Human<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Human")
            .field("look", &self.look)
            .finish_non_exhaustive()
    }
}

/// The report's text.
#[must_use]
pub fn render(summary: &Summary, ended: &RunEnded, look: Look) -> String {
    let width = look.bounded_width();
    let mut lines = vec![verdict_line(summary, ended, look)];
    lines.extend(reasons(ended, width));
    let unasserted = matches!(ended.outcome, RunOutcome::Passed) && !ended.asserted;
    if unasserted {
        lines.push(
            "  nothing was asserted: no check was active and the plugin judged nothing".to_owned(),
        );
    }
    lines.extend(notes(summary, ended, width));
    let mut section = |title: &str, body: Vec<String>| {
        lines.push(String::new());
        lines.push(style(look).bold().apply_to(title).to_string());
        lines.extend(body);
    };
    let mut findings = summary.findings.clone();
    // Nothing is said twice.
    findings.retain(|finding| !(unasserted && finding.kind == "nothing-asserted"));
    if !findings.is_empty() {
        section(
            &findings::title(&findings),
            findings::lines(&findings, width),
        );
    }
    if !summary.steps.is_empty() {
        section("Steps", table::steps(&summary.steps, width));
    }
    if !summary.cgroups.is_empty() {
        section("Cgroups", table::cgroups(&summary.cgroups, width));
    }
    if !summary.payloads.is_empty() {
        section("Payloads", table::payloads(&summary.payloads, width));
    }
    if !summary.schedulers.is_empty() {
        let rows = schedulers::lines(&summary.schedulers, width);
        section("Schedulers", rows);
    }
    for (title, words) in schedulers::spoken(&summary.schedulers, ended.run_dir.is_some()) {
        section(&defused(&title), console_lines(words, width));
    }
    if !summary.captures.is_empty() {
        section("Captured processes", captures(summary, width));
    }
    if !summary.console.is_empty() {
        section(
            "Last words of the guest's console",
            console_lines(&summary.console, width),
        );
    }
    let footer = footer(summary, ended);
    if !footer.is_empty() {
        lines.push(String::new());
        lines.extend(footer);
    }
    lines.push(String::new());
    lines.join("\n")
}

fn verdict_line(summary: &Summary, ended: &RunEnded, look: Look) -> String {
    let colour = style(look).bold();
    let colour = match ended.outcome {
        RunOutcome::Passed => colour.green(),
        RunOutcome::Skipped | RunOutcome::Inconclusive | RunOutcome::Interrupted => colour.yellow(),
        RunOutcome::Failed | RunOutcome::Refused | RunOutcome::CouldNotRun => colour.red(),
    };
    let word = colour.apply_to(ended.outcome.words().to_uppercase());
    let about = summary
        .started
        .as_ref()
        .map(|started| about(started, summary))
        .unwrap_or_default();
    format!("{word}  {about}")
}

fn about(started: &RunStarted, summary: &Summary) -> String {
    let mut text = defused(&started.plugin).into_owned();
    if let Some(version) = &started.plugin_version {
        text.push(' ');
        text.push_str(&defused(version));
    }
    if started.world == World::Simulated {
        return format!("{text} in the simulated world: no kernel was asked");
    }
    let kernel = summary.booted.as_ref().map(|booted| &booted.kernel_release);
    if let Some(kernel) = kernel.or(started.kernel.as_ref()) {
        text.push_str(&format!(" on Linux {}", defused(kernel)));
    }
    if let Some(booted) = &summary.booted {
        text.push_str(&format!(", {}", plural(booted.cpus.into(), "CPU")));
        if let Some(topology) = &started.topology {
            text.push_str(&format!(" ({topology})"));
        }
        text.push_str(&format!(", {}", size(booted.memory_bytes)));
    }
    if let Some(accel) = &started.acceleration {
        text.push_str(&format!(", {}", accel.name));
    }
    if let Some(scheduler) = &started.scheduler {
        text.push_str(&format!(", scheduler {}", defused(scheduler)));
    }
    text
}

fn reasons(ended: &RunEnded, width: u16) -> Vec<String> {
    let line = |reason: &Reason| {
        let phase = reason
            .phase
            .as_ref()
            .map(|phase| format!("{phase}: "))
            .unwrap_or_default();
        bullet(
            "•",
            &format!("{phase}{} [{}]", reason.message, reason.kind),
            width,
        )
    };
    listed(
        ended.reasons.iter().map(line).collect(),
        ended.reasons.len(),
    )
}

fn notes(summary: &Summary, ended: &RunEnded, width: u16) -> Vec<String> {
    let scenario = summary.verdict.iter().flat_map(|verdict| &verdict.notes);
    let all: Vec<&String> = ended.notes.iter().chain(scenario).collect();
    listed(
        all.iter()
            .take(SHOWN + 1)
            .map(|note| bullet("note:", note, width))
            .collect(),
        all.len(),
    )
}

/// The first lines, and how many there are besides.
fn listed(mut lines: Vec<String>, all: usize) -> Vec<String> {
    lines.truncate(SHOWN);
    if all > SHOWN {
        lines.push(format!("  … and {} more in report.json", all - SHOWN));
    }
    lines
}

/// A point of a list. Long ones are cut at four lines' worth.
fn bullet(mark: &str, text: &str, width: u16) -> String {
    let text = defused(text);
    format!(
        "  {mark} {}",
        truncate_str(&text, usize::from(width) * 4, "…")
    )
}

/// One line for each capture, in order.
fn captures(summary: &Summary, width: u16) -> Vec<String> {
    let line = |tasks: &Tasks| {
        let TasksReason::Captured { tag } = &tasks.why else {
            return None;
        };
        let colon = if tasks.pids.is_empty() { "" } else { ":" };
        let pids: String = tasks.pids.iter().map(|pid| format!(" {pid}")).collect();
        let text = format!(
            "{tag}: {}: {} in {:?}{colon}{pids}",
            phase_name(tasks.phase),
            plural(tasks.pids.len() as u64, "task"),
            tasks.cgroup,
        );
        Some(bullet("•", &text, width / 4))
    };
    let all = &summary.captures;
    listed(
        all.iter().take(SHOWN + 1).filter_map(line).collect(),
        all.len(),
    )
}

fn console_lines(lines: &[String], width: u16) -> Vec<String> {
    let last = lines.len().saturating_sub(SHOWN * 2);
    lines
        .iter()
        .skip(last)
        .map(|line| {
            format!(
                "  │ {}",
                truncate_str(&defused(line), usize::from(width) - 4, "…")
            )
        })
        .collect()
}

fn footer(summary: &Summary, ended: &RunEnded) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(m) = &summary.mediation {
        lines.push(format!(
            "Mediated  {} in {}: {}, {}, {}, {}; {} refused",
            plural(m.frames, "frame"),
            plural(m.host_calls, "host call"),
            plural(m.writes, "write"),
            plural(m.reads, "read"),
            plural(m.waits, "wait"),
            plural(m.spawns, "spawn"),
            count(m.denied),
        ));
    }
    let t = &ended.timings;
    let parts = [
        ("prepare", t.prepare_ns),
        ("boot", t.boot_ns),
        ("run", t.run_ns),
        ("teardown", t.teardown_ns),
    ];
    let mut times: Vec<String> = parts
        .iter()
        .filter_map(|(name, ns)| Some(format!("{name} {}", time((*ns)?))))
        .collect();
    times.push(format!("{} in all", time(t.total_ns)));
    lines.push(format!("Time      {}", times.join(", ")));
    if let Some(started) = &summary.started {
        if let Some(accel) = &started.acceleration {
            lines.push(format!("CPU       {}: {}", accel.name, defused(&accel.why)));
        }
        lines.push(format!(
            "Input     seed {}, {}",
            started.seed, started.digest
        ));
    }
    if let Some(dir) = &ended.run_dir {
        lines.push(format!("Evidence  {dir}"));
    }
    lines
}

fn style(look: Look) -> Style {
    Style::new().force_styling(look.colour)
}
