//! Folds what the guest says into the host's own stream: pure, total, bounded.
//!
//! ```text
//!   StepInfo ──► label ─┐
//!   StepStart ──────────┴─► step-started ─┐ iterations and elapsed of both
//!   StepEnd ──────────────────────────────┴─► step-ended, clean, with a rate
//!   ScenarioEnd ─ closes an open step ──────► step-ended, scenario-end
//!   StepStart, Verdict, End, end of stream ─► step-ended, cut-short, no rate
//! ```
//!
//! Any frame may be missing, come twice or come in the wrong place; what
//! cannot be paired is told without figures. What a sound guest never sends (a
//! second verdict, anything after its end) becomes [`RunEvent::Damaged`], and a
//! damaged record never passes.
//!
//! A step's rate is the iterations between its start and its end frame over
//! the guest's time between them, so teardown is not in it.

use proscenium_wire::{Event, Hello, LogLevel, StepInfo, StepMark, Verdict};

use super::bounds::Bounds;
use super::clean::{self, MESSAGE, NAME};
use super::scheduler::Schedulers;
use super::tidy;
use super::{Booted, Log, Progress, RunEvent, Speaker, StepEnded, StepEnding, StepStarted};

/// What one guest event became: `(guest_ms, event)` in order.
pub type Told = Vec<(Option<u64>, RunEvent)>;

/// The fold. One per run.
#[derive(Debug)]
pub struct Timeline {
    left: Bounds,
    announced: Vec<&'static str>,
    named: Option<StepInfo>,
    open: Option<(StepMark, Option<String>)>,
    last_total: Option<StepMark>,
    schedulers: Schedulers,
    hello: bool,
    verdict: bool,
    over: bool,
}

impl Timeline {
    /// At the start of a run.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            left: bounds,
            announced: Vec::new(),
            named: None,
            open: None,
            last_total: None,
            schedulers: Schedulers::default(),
            hello: false,
            verdict: false,
            over: false,
        }
    }

    /// What `event` means for the stream.
    #[must_use]
    pub fn fold(&mut self, event: Event) -> Told {
        let mut told = Told::new();
        if self.over {
            self.damaged("the guest went on after its end frame", &mut told);
            return told;
        }
        match event {
            Event::Hello(hello) => self.hello(&hello, &mut told),
            Event::StepInfo(info) => self.named = Some(info),
            Event::StepStart(mark) => self.step_start(mark, &mut told),
            Event::StepEnd(mark) => self.step_end(mark, &mut told),
            Event::Progress(mark) => self.progress(mark, &mut told),
            Event::ScenarioEnd {
                elapsed_ms,
                total_iterations,
            } => {
                self.scenario_end(elapsed_ms, total_iterations, &mut told);
            }
            Event::Verdict(verdict) => self.verdict(verdict, &mut told),
            Event::End => {
                self.close(StepEnding::CutShort, None, &mut told);
                self.over = true;
            }
            plain => self.plain(plain, &mut told),
        }
        told
    }

    /// The guest's stream is over: closes a step that is still open.
    #[must_use]
    pub fn finish(&mut self) -> Told {
        let mut told = Told::new();
        self.close(StepEnding::CutShort, None, &mut told);
        let words = self.schedulers.finish();
        self.of_schedulers(words, &mut told);
        told
    }

    /// Events that need no memory of what came before.
    fn plain(&mut self, event: Event, told: &mut Told) {
        match event {
            Event::Log {
                source,
                level,
                message,
            } => {
                let log = tidy::log(source, level, &message);
                self.keep(|left| &mut left.logs, "log lines", None, log, told);
            }
            Event::Mark(mark) => {
                let at = Some(mark.at_ns / 1_000_000);
                let mark = tidy::mark(mark);
                self.keep(|left| &mut left.marks, "marks", at, mark, told);
            }
            Event::Collected(stats) => {
                let stats = RunEvent::Collected(tidy::cgroup(stats));
                let what = "cgroup statistics";
                self.keep(|left| &mut left.cgroups, what, None, stats, told);
            }
            Event::Payload(record) => {
                let record = RunEvent::Payload(tidy::payload(record));
                let what = "payload records";
                self.keep(|left| &mut left.payloads, what, None, record, told);
            }
            Event::Scheduler(news) => {
                let news = self.schedulers.heard(news);
                self.of_schedulers(news, told);
            }
            Event::SchedulerLog { start, bytes, .. } => {
                let before = self.schedulers.printed(start, &bytes);
                self.of_schedulers(before, told);
            }
            Event::Detail(detail) => {
                let detail = RunEvent::Detail(tidy::detail(detail));
                self.keep(|left| &mut left.details, "details", None, detail, told);
            }
            Event::Tasks(tasks) => {
                let at = Some(tasks.at_ns / 1_000_000);
                self.other(at, RunEvent::Tasks(tidy::tasks(tasks)), told);
            }
            Event::Finding(finding) => {
                let finding = RunEvent::Finding(tidy::finding(finding));
                self.keep(|left| &mut left.findings, "findings", None, finding, told);
            }
            Event::ScenarioStart => self.other(None, RunEvent::ScenarioStarted, told),
            Event::Pause => self.other(None, RunEvent::Paused, told),
            Event::Resume => self.other(None, RunEvent::Resumed, told),
            Event::Mediation(counts) => self.other(None, RunEvent::Mediation(counts), told),
            Event::Fault { message } => {
                let message = clean::line(&message, MESSAGE);
                self.other(None, RunEvent::Fault { message }, told);
            }
            // The others have been dealt with by `fold`.
            _ => {}
        }
    }

    fn hello(&mut self, hello: &Hello, told: &mut Told) {
        if self.hello {
            return self.damaged("the guest said hello twice", told);
        }
        self.hello = true;
        told.push((
            None,
            RunEvent::Booted(Booted {
                wire_version: hello.wire_version,
                runtime_version: clean::line(&hello.runtime_version, NAME),
                kernel_release: clean::line(&hello.kernel_release, NAME),
                cpus: hello.cpus,
                memory_bytes: hello.memory_bytes,
                guest_boot_ns: hello.booted_ns,
                boot_ns: None,
            }),
        ));
    }

    fn step_start(&mut self, mark: StepMark, told: &mut Told) {
        self.close(StepEnding::CutShort, None, told);
        let named = self
            .named
            .take()
            .filter(|info| phase_of(info) == mark.phase);
        if !take(&mut self.left.steps) {
            return self.left_out("steps", told);
        }
        let hold_ns = named.as_ref().and_then(|info| info.hold_ns);
        let label = named
            .and_then(|info| info.label)
            .map(|l| clean::line(&l, NAME));
        told.push((
            Some(mark.elapsed_ms.into()),
            RunEvent::StepStarted(StepStarted {
                phase: mark.phase,
                label: label.clone(),
                hold_ns,
                op_count: mark.op_count,
                op_kinds: mark.op_kinds,
                cgroups: mark.cgroup_count,
                workers: mark.worker_count,
                total_iterations: mark.total_iterations,
            }),
        ));
        self.last_total = Some(mark);
        self.open = Some((mark, label));
    }

    fn step_end(&mut self, mark: StepMark, told: &mut Told) {
        if self
            .open
            .as_ref()
            .is_some_and(|(start, _)| start.phase == mark.phase)
        {
            let edge = (u64::from(mark.elapsed_ms), mark.total_iterations);
            return self.close(StepEnding::Clean, Some(edge), told);
        }
        self.close(StepEnding::CutShort, None, told);
        let ended = RunEvent::StepEnded(StepEnded {
            phase: mark.phase,
            label: None,
            ending: StepEnding::Clean,
            held_ms: None,
            iterations: None,
            rate_per_s: None,
        });
        self.other(Some(mark.elapsed_ms.into()), ended, told);
    }

    fn progress(&mut self, mark: StepMark, told: &mut Told) {
        let rate_per_s = self.last_total.and_then(|last| {
            let iterations = mark.total_iterations.checked_sub(last.total_iterations)?;
            rate(
                iterations,
                u64::from(mark.elapsed_ms.checked_sub(last.elapsed_ms)?),
            )
        });
        self.last_total = Some(mark);
        let total_iterations = mark.total_iterations;
        let progress = Progress {
            phase: mark.phase,
            total_iterations,
            rate_per_s,
        };
        self.other(
            Some(mark.elapsed_ms.into()),
            RunEvent::Progress(progress),
            told,
        );
    }

    fn scenario_end(&mut self, elapsed_ms: u64, total_iterations: u64, told: &mut Told) {
        self.close(
            StepEnding::ScenarioEnd,
            Some((elapsed_ms, total_iterations)),
            told,
        );
        let ended = RunEvent::ScenarioEnded {
            elapsed_ms,
            total_iterations,
        };
        self.other(Some(elapsed_ms), ended, told);
    }

    fn verdict(&mut self, verdict: Verdict, told: &mut Told) {
        self.close(StepEnding::CutShort, None, told);
        if self.verdict {
            return self.damaged("the guest gave a second verdict", told);
        }
        self.verdict = true;
        let details = bound(verdict.details, self.left.details);
        let cgroups = bound(verdict.cgroups, self.left.cgroups);
        let phases = bound(verdict.phases, self.left.steps);
        told.push((
            None,
            RunEvent::Verdict(Verdict {
                outcome: verdict.outcome,
                details: details.into_iter().map(tidy::detail).collect(),
                notes: bound(verdict.notes, self.left.details)
                    .iter()
                    .map(|note| clean::line(note, MESSAGE))
                    .collect(),
                asserted: verdict.asserted,
                cgroups: cgroups.into_iter().map(tidy::cgroup).collect(),
                phases: phases.into_iter().map(tidy::phase).collect(),
            }),
        ));
    }

    /// Closes the open step, if there is one, at `edge`: (elapsed ms, iterations).
    fn close(&mut self, ending: StepEnding, edge: Option<(u64, u64)>, told: &mut Told) {
        let Some((start, label)) = self.open.take() else {
            return;
        };
        let held_ms = edge.and_then(|(ms, _)| ms.checked_sub(start.elapsed_ms.into()));
        // A counter that went backwards says nothing about the step.
        let iterations = edge.and_then(|(_, total)| total.checked_sub(start.total_iterations));
        let rate_per_s = held_ms.zip(iterations).and_then(|(ms, n)| rate(n, ms));
        told.push((
            edge.map(|(ms, _)| ms),
            RunEvent::StepEnded(StepEnded {
                phase: start.phase,
                label,
                ending,
                held_ms,
                iterations,
                rate_per_s,
            }),
        ));
    }

    fn of_schedulers(&mut self, news: Told, told: &mut Told) {
        let what = "news of schedulers";
        for (guest_ms, event) in news {
            self.keep(|left| &mut left.schedulers, what, guest_ms, event, told);
        }
    }

    fn other(&mut self, guest_ms: Option<u64>, event: RunEvent, told: &mut Told) {
        let what = "further events";
        self.keep(|left| &mut left.others, what, guest_ms, event, told);
    }

    /// Lets an event through as long as something is left of its bound.
    fn keep(
        &mut self,
        left: fn(&mut Bounds) -> &mut u32,
        what: &'static str,
        guest_ms: Option<u64>,
        event: RunEvent,
        told: &mut Told,
    ) {
        if take(left(&mut self.left)) {
            told.push((guest_ms, event));
        } else {
            self.left_out(what, told);
        }
    }

    fn damaged(&mut self, what: &'static str, told: &mut Told) {
        if !self.announced.contains(&what) {
            self.announced.push(what);
            told.push((
                None,
                RunEvent::Damaged {
                    what: what.to_owned(),
                },
            ));
        }
    }

    fn left_out(&mut self, what: &'static str, told: &mut Told) {
        if !self.announced.contains(&what) {
            self.announced.push(what);
            let message = format!(
                "from here on, {what} are left out of this record: the guest sends too many: \
                 the raw frames in the run directory have them"
            );
            told.push((
                None,
                RunEvent::Log(Log {
                    source: Speaker::Host,
                    level: LogLevel::Warn,
                    message,
                }),
            ));
        }
    }
}

/// `count` per second of `over_ms` milliseconds; none of no time.
#[must_use]
pub(crate) fn rate(count: u64, over_ms: u64) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate for people: 53 bits are enough"
    )]
    (over_ms > 0).then(|| count as f64 * 1_000.0 / over_ms as f64)
}

fn take(left: &mut u32) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

fn bound<T>(mut list: Vec<T>, limit: u32) -> Vec<T> {
    list.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    list
}

fn phase_of(info: &StepInfo) -> u16 {
    u16::try_from(info.index.saturating_add(1)).unwrap_or(u16::MAX)
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
