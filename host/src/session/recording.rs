//! Numbers, stamps and fans out what happens in a run, and ends it once.
//!
//! A recording is begun before anything can fail and ended by exactly one of
//! [`Recording::finish`] and [`Recording::abort`], so every run has one first
//! and one last record. It never waits and never decides: that is the driver's
//! and [`super::judge`]'s part.

use proscenium_wire::{Event, LogLevel};

use super::clock::Clock;
use super::evidence::Evidence;
use super::judge::{Judgement, judge};
use super::state::Ending;
use crate::audit;
use crate::event::clean;
use crate::event::{
    Bounds, Log, Reason, Record, RunEnded, RunEvent, RunOutcome, RunStarted, Speaker, Timeline,
    Timings, World,
};
use crate::exit_code;
use crate::report::Reporters;
use crate::run_dir::RunDir;

/// One run on record.
#[derive(Debug)]
pub struct Recording<'a> {
    clock: &'a dyn Clock,
    reporters: &'a mut Reporters,
    run_dir: Option<&'a mut RunDir>,
    timeline: Timeline,
    /// What is known so far. The driver adds what only it can see.
    pub evidence: Evidence,
    started: RunStarted,
    seq: u64,
    lost_told: bool,
    booting_at: Option<u64>,
    booted_at: Option<u64>,
    verdict_at: Option<u64>,
}

impl<'a> Recording<'a> {
    /// Begins a run: the first record. Without a `run_dir` no evidence is kept.
    pub fn begin(
        clock: &'a dyn Clock,
        reporters: &'a mut Reporters,
        run_dir: Option<&'a mut RunDir>,
        started: RunStarted,
    ) -> Self {
        let mut recording = Self {
            clock,
            reporters,
            run_dir,
            timeline: Timeline::new(Bounds::default()),
            evidence: Evidence {
                local: started.world == World::Local,
                to_attach: started.scheduler.clone(),
                ..Evidence::default()
            },
            started: RunStarted {
                plugin: clean::line(&started.plugin, clean::NAME),
                plugin_version: started.plugin_version.map(|v| clean::line(&v, clean::NAME)),
                ..started
            },
            seq: 0,
            lost_told: false,
            booting_at: None,
            booted_at: None,
            verdict_at: None,
        };
        let first = RunEvent::RunStarted(recording.started.clone());
        recording.tell(None, first);
        recording
    }

    /// The clock of this run.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    /// The VM is being started.
    pub fn booting(&mut self) {
        self.booting_at = Some(self.now_ns());
        self.tell(None, RunEvent::Booting);
    }

    /// The guest said `event`.
    pub fn guest(&mut self, event: Event) {
        if let Some(lines) = audit::lines(&event) {
            // Evidence for whoever asks, and no news.
            if let Some(dir) = &mut self.run_dir {
                dir.audit(&lines);
            }
            return;
        }
        if let Some(dir) = &mut self.run_dir {
            dir.of_schedulers(&event);
        }
        for (guest_ms, event) in self.timeline.fold(event) {
            self.told_by_guest(guest_ms, event);
        }
    }

    /// The guest's bytes, verbatim.
    pub fn frames(&mut self, bytes: &[u8]) {
        if let Some(dir) = &mut self.run_dir {
            dir.frames(bytes);
        }
    }

    /// The console's bytes, verbatim.
    pub fn console(&mut self, bytes: &[u8]) {
        if let Some(dir) = &mut self.run_dir {
            dir.console(bytes);
        }
    }

    /// The emulator's bytes, verbatim.
    pub fn qemu(&mut self, bytes: &[u8]) {
        if let Some(dir) = &mut self.run_dir {
            dir.qemu(bytes);
        }
    }

    /// The guest's stream has a hole.
    pub fn damaged(&mut self, what: &str) {
        if self.evidence.damaged.is_none() {
            self.tell(
                None,
                RunEvent::Damaged {
                    what: clean::line(what, clean::MESSAGE),
                },
            );
        }
    }

    /// A remark of the host itself, or of the emulator.
    pub fn log(&mut self, source: Speaker, level: LogLevel, message: &str) {
        let message = clean::line(message, clean::MESSAGE);
        self.tell(
            None,
            RunEvent::Log(Log {
                source,
                level,
                message,
            }),
        );
    }

    /// The console's last lines, for a run that went wrong.
    pub fn console_tail(&mut self, crash: Option<String>, lines: &[String]) {
        let crash = crash.map(|line| clean::line(&line, clean::MESSAGE));
        let skip = lines.len().saturating_sub(100);
        let lines: Vec<String> = lines
            .iter()
            .skip(skip)
            .map(|l| clean::line(l, clean::MESSAGE))
            .collect();
        if crash.is_some() || !lines.is_empty() {
            self.tell(None, RunEvent::ConsoleTail { crash, lines });
        }
    }

    /// Lets reporters with moving parts redraw. Nothing is recorded.
    pub fn tick(&mut self) {
        let now_ns = self.now_ns();
        self.reporters.tick(now_ns);
    }

    /// How often [`Recording::tick`] is wanted, if at all.
    #[must_use]
    pub fn tick_interval_ns(&self) -> Option<u64> {
        self.reporters.tick_interval_ns()
    }

    /// Ends the run: judges it and writes the last record.
    #[must_use]
    pub fn finish(mut self, ending: Ending) -> RunEnded {
        for (guest_ms, event) in self.timeline.finish() {
            self.told_by_guest(guest_ms, event);
        }
        self.evidence.record_lost = self
            .run_dir
            .as_ref()
            .and_then(|dir| dir.lost())
            .map(ToString::to_string);
        let judgement = judge(&self.evidence, ending);
        self.end(judgement)
    }

    /// Ends a run that was refused or could not even begin.
    #[must_use]
    pub fn abort(self, outcome: RunOutcome, reason: Reason) -> RunEnded {
        let reasons = vec![Reason {
            message: clean::line(&reason.message, clean::MESSAGE),
            ..reason
        }];
        self.end(Judgement {
            outcome,
            reasons,
            notes: vec![],
            asserted: false,
        })
    }

    fn end(mut self, judgement: Judgement) -> RunEnded {
        let ended = RunEnded {
            outcome: judgement.outcome,
            exit_code: exit_code::of(judgement.outcome),
            reasons: judgement.reasons,
            notes: judgement.notes,
            asserted: judgement.asserted,
            vm_exit: self.evidence.vm_exit,
            run_dir: self.started.run_dir.clone(),
            timings: self.timings(),
        };
        self.tell(None, RunEvent::RunEnded(ended.clone()));
        if let Some(dir) = &self.run_dir
            && let Err(error) = dir.document("report.json", self.reporters.summary())
        {
            self.reporters.complain(&error.to_string());
        }
        self.reporters.close();
        ended
    }

    fn timings(&self) -> Timings {
        let end = self.now_ns();
        let between = |from: Option<u64>, to: Option<u64>| Some(to?.saturating_sub(from?));
        let begun = self.booted_at.or(self.booting_at);
        Timings {
            prepare_ns: self.booting_at,
            boot_ns: between(self.booting_at, self.booted_at),
            run_ns: between(begun, self.verdict_at),
            teardown_ns: between(self.verdict_at, Some(end)),
            total_ns: end,
        }
    }

    fn told_by_guest(&mut self, guest_ms: Option<u64>, mut event: RunEvent) {
        match &mut event {
            RunEvent::Booted(booted) => {
                let now = self.now_ns();
                self.booted_at = Some(now);
                booted.boot_ns = self.booting_at.map(|from| now.saturating_sub(from));
            }
            RunEvent::Verdict(_) => self.verdict_at = Some(self.now_ns()),
            _ => {}
        }
        self.tell(guest_ms, event);
    }

    fn tell(&mut self, guest_ms: Option<u64>, event: RunEvent) {
        self.evidence.note(&event);
        let record = Record {
            seq: self.seq,
            at_ns: self.clock.now_ns(),
            guest_ms,
            event,
        };
        self.seq += 1;
        if let Some(dir) = &mut self.run_dir {
            dir.record(&record);
        }
        self.reporters.tell(&record);
        let lost = self
            .run_dir
            .as_ref()
            .and_then(|dir| dir.lost())
            .map(ToString::to_string);
        if let Some(lost) = lost
            && !self.lost_told
        {
            self.lost_told = true;
            self.log(Speaker::Host, LogLevel::Warn, &lost);
        }
    }
}
