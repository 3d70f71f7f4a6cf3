//! What is shown while a run goes on, on standard error.
//!
//! [`Live`] for a terminal: one line that moves, and above it what is worth
//! keeping. [`Plain`] for everything else: a line per event, no control
//! characters. Both say the same things in the same words.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use proscenium_wire::LogLevel;

use super::schedulers;
use super::summary::phase_name;
use super::text::{count, defused, figure, plural, size, time};
use super::{Reporter, Summary};
use crate::event::{Record, RunEvent, StepEnded, StepEnding};

/// How often a live line is redrawn, in nanoseconds (eight times a second).
const REDRAW_NS: u64 = 125_000_000;

/// One moving line on a terminal.
#[derive(Debug)]
pub struct Live {
    bar: ProgressBar,
    quietest: LogLevel,
    /// Host time at which the current stage began.
    since_ns: u64,
}

impl Live {
    /// Draws on standard error. Log lines up to `quietest` are kept above the line.
    #[must_use]
    pub fn new(quietest: LogLevel) -> Self {
        Self::on(ProgressDrawTarget::stderr(), quietest)
    }

    /// Draws on `target`.
    #[must_use]
    pub fn on(target: ProgressDrawTarget, quietest: LogLevel) -> Self {
        let style = ProgressStyle::with_template("{spinner} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        Self {
            bar,
            quietest,
            since_ns: 0,
        }
    }

    fn redraw(&self, now_ns: u64, summary: &Summary) {
        self.bar
            .set_message(stage(summary, now_ns.saturating_sub(self.since_ns)));
        self.bar.tick();
    }
}

impl Reporter for Live {
    fn tell(&mut self, record: &Record, summary: &Summary) -> io::Result<()> {
        let moving = matches!(
            record.event,
            RunEvent::Progress(_) | RunEvent::StepStarted(_)
        );
        if !moving && let Some(line) = line(&record.event, self.quietest) {
            self.bar.println(format!("  {line}"));
        }
        match record.event {
            RunEvent::Booting | RunEvent::Booted(_) | RunEvent::StepStarted(_) => {
                self.since_ns = record.at_ns;
            }
            RunEvent::RunEnded(_) => {
                self.bar.finish_and_clear();
                return Ok(());
            }
            _ => {}
        }
        if moving || matches!(record.event, RunEvent::Booting | RunEvent::Booted(_)) {
            self.redraw(record.at_ns, summary);
        }
        Ok(())
    }

    fn tick(&mut self, now_ns: u64, summary: &Summary) {
        self.redraw(now_ns, summary);
    }

    fn tick_interval_ns(&self) -> Option<u64> {
        (!self.bar.is_hidden()).then_some(REDRAW_NS)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A line per event.
pub struct Plain<W> {
    out: W,
    quietest: LogLevel,
}

impl<W: Write> Plain<W> {
    /// Writes to `out`, as a rule standard error; log lines up to `quietest`.
    pub fn new(out: W, quietest: LogLevel) -> Self {
        Self { out, quietest }
    }
}

impl<W: Write> Reporter for Plain<W> {
    fn tell(&mut self, record: &Record, _summary: &Summary) -> io::Result<()> {
        if let Some(line) = line(&record.event, self.quietest) {
            let at = Duration::from_nanos(record.at_ns).as_secs_f64();
            writeln!(self.out, "[{at:8.3}] {line}")?;
        }
        Ok(())
    }
}

impl<W> std::fmt::Debug for Plain<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plain")
            .field("quietest", &self.quietest)
            .finish_non_exhaustive()
    }
}

/// What is going on, for the moving line.
fn stage(summary: &Summary, since_ns: u64) -> String {
    let Some(step) = &summary.current else {
        return match (&summary.verdict, &summary.booted, &summary.started) {
            (Some(_), ..) => "shutting down".to_owned(),
            (None, Some(_), _) => "between steps".to_owned(),
            (None, None, Some(_)) => format!("booting, {}", time(since_ns)),
            _ => "preparing".to_owned(),
        };
    };
    let of = step
        .hold_ns
        .map(|ns| format!(" of {}", time(ns)))
        .unwrap_or_default();
    let mut text = format!(
        "{}, {}{of}",
        named(step.phase, step.label.as_deref()),
        time(since_ns)
    );
    if let Some(progress) = &summary.progress {
        text.push_str(&format!(
            ", {}",
            plural(progress.total_iterations, "iteration")
        ));
        if let Some(rate) = progress.rate_per_s {
            text.push_str(&format!(", {}/s", figure(rate)));
        }
    }
    text
}

/// The event as a line, if it is worth one.
fn line(event: &RunEvent, quietest: LogLevel) -> Option<String> {
    Some(match event {
        RunEvent::Booting => "booting".to_owned(),
        RunEvent::Booted(booted) => format!(
            "booted Linux {}: {}, {}{}",
            defused(&booted.kernel_release),
            plural(booted.cpus.into(), "CPU"),
            size(booted.memory_bytes),
            booted
                .boot_ns
                .map(|ns| format!(", after {}", time(ns)))
                .unwrap_or_default(),
        ),
        RunEvent::StepStarted(step) => {
            let hold = step
                .hold_ns
                .map(|ns| format!(", holds {}", time(ns)))
                .unwrap_or_default();
            let name = named(step.phase, step.label.as_deref());
            let workers = plural(step.workers.into(), "worker");
            let cgroups = plural(step.cgroups.into(), "cgroup");
            format!("{name} began: {workers} in {cgroups}{hold}")
        }
        RunEvent::StepEnded(step) => ended(step),
        RunEvent::Progress(progress) => format!(
            "{}: {}{}",
            phase_name(progress.phase),
            plural(progress.total_iterations, "iteration"),
            progress
                .rate_per_s
                .map(|r| format!(", {}/s", figure(r)))
                .unwrap_or_default(),
        ),
        RunEvent::Mark(mark) => {
            let fields: Vec<String> = mark
                .fields
                .iter()
                .map(|(name, value)| format!(" {name}={}", value.map_or("–".into(), figure)))
                .collect();
            format!("mark {}{}", defused(&mark.name), defused(&fields.concat()))
        }
        RunEvent::Log(log) if log.level <= quietest => {
            let level = match log.level {
                LogLevel::Error => " error",
                LogLevel::Warn => " warning",
                _ => "",
            };
            format!("{}{level}: {}", log.source.as_str(), defused(&log.message))
        }
        RunEvent::Scheduler(news) => defused(&schedulers::line(news)).into_owned(),
        RunEvent::Detail(detail) => {
            format!("{}: {}", detail.outcome.as_str(), defused(&detail.message))
        }
        RunEvent::Fault { message } => format!("fault: {}", defused(message)),
        RunEvent::Damaged { what } => format!("damaged: {}", defused(what)),
        _ => return None,
    })
}

fn ended(step: &StepEnded) -> String {
    let name = named(step.phase, step.label.as_deref());
    let mut text = match step.ending {
        StepEnding::CutShort => format!("{name} was cut short"),
        StepEnding::Clean | StepEnding::ScenarioEnd => format!("{name} ended"),
    };
    if let Some(ms) = step.held_ms {
        text.push_str(&format!(" after {}", time(ms.saturating_mul(1_000_000))));
    }
    if let Some(iterations) = step.iterations {
        text.push_str(&format!(": {} iterations", count(iterations)));
    }
    if let Some(rate) = step.rate_per_s {
        text.push_str(&format!(", {}/s", figure(rate)));
    }
    text
}

fn named(phase: u16, label: Option<&str>) -> String {
    let name = phase_name(phase);
    label.map_or(name.clone(), |label| format!("{name} {}", defused(label)))
}
