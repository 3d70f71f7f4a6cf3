//! Payloads on the stage: started, waited for, killed, drained.
//!
//! Every payload that was started leaves this file through `finish`, which
//! ends it and emits its record: one record each, on every path.

use std::time::Duration;

use proscenium_wire::{
    Budget, DetailKind, Event, LogLevel, Outcome, PayloadExit, PayloadRecord, PayloadSpec,
};

use super::payload_rules::{Identity, Origin, admit, choose, identify};
use super::stage::Stage;
use super::{Error, Result};
use crate::bindings::types::{ErrorCode, PayloadRef, PayloadRun};
use crate::name::clean_line;
use crate::payload::{Subject, evaluate, extract, metrics};
use crate::time::nanos;
use crate::verdict::PhaseLabel;
use crate::world::{Captured, GroupId, Knob, PayloadEnd, PayloadId, ProgramPlan, WorldError};

/// Bytes of standard error that the record of a payload that failed carries.
const STDERR_TAIL: usize = 1_024;

/// One that was started and has no record yet.
#[derive(Clone, Debug)]
pub(super) struct Payload {
    pub(super) id: PayloadId,
    pub(super) identity: Identity,
}

impl Stage {
    /// What the operator declared.
    #[must_use]
    pub fn declared_payloads(&self) -> &[PayloadSpec] {
        &self.settings.payloads
    }

    /// Starts a declared payload. It belongs to the running step, between
    /// steps to the backdrop.
    ///
    /// # Errors
    /// `not-found` for a name or cgroup that is not there, `invalid` for
    /// arguments, `already-exists` where it runs in that cgroup already,
    /// `limit-exceeded`, `kernel`.
    pub fn start_payload(&mut self, run: &PayloadRun) -> Result<PayloadId> {
        self.proceed()?;
        self.start();
        self.run_payload(run, Origin::Call)
    }

    pub(super) fn run_payload(&mut self, run: &PayloadRun, origin: Origin) -> Result<PayloadId> {
        let spec = admit(&self.settings.payloads, &self.permits, run, origin)?;
        let plan = ProgramPlan {
            name: spec.name.clone(),
            program: spec.program.clone(),
            folder: spec.folder.clone(),
            arguments: spec.args.iter().chain(&run.args).cloned().collect(),
            environment: spec.environment.clone(),
        };
        let group = match &run.cgroup {
            Some(name) => Some(self.group(name)?.id),
            None => None,
        };
        let identity = identify(self.payload_identities(), run, origin)?;
        let (alive, most) = (
            self.payload_identities().count(),
            self.settings.limits.payloads,
        );
        if alive >= most as usize {
            let message = format!("{identity}: this run allows {most} payloads at a time");
            return Err(Error::limit(Budget::Payloads, message));
        }
        // After the workers of the pass, and not while they are held back.
        self.open_gates()?;
        if group.is_some() {
            self.confine()?;
        }
        self.mediation.spawns += 1;
        let id = self.world.start_payload(group, &plan)?;
        if let Some(name) = &run.cgroup {
            self.group_mut(name)?.hosted_payload = true;
        }
        self.target().payloads.push(Payload { id, identity });
        Ok(id)
    }

    /// A payload that is running, by name.
    ///
    /// # Errors
    /// `not-found`; `ambiguous` where more than one is meant.
    pub fn find_payload(&self, which: &PayloadRef) -> Result<PayloadId> {
        let index = choose(self.payload_identities(), which)?;
        self.payloads()
            .nth(index)
            .map(|payload| payload.id)
            .ok_or_else(|| Error::not_found(&which.payload))
    }

    /// Waits until a payload ends by itself, at most for `timeout` and until
    /// the scenario's end, and gives its record.
    ///
    /// # Errors
    /// `timed-out`, after which it still runs; `not-found`; `cancelled`.
    pub fn wait_payload(
        &mut self,
        id: PayloadId,
        timeout: Option<Duration>,
    ) -> Result<PayloadRecord> {
        self.proceed()?;
        let identity = self.payload(id)?.identity.clone();
        let from = self.elapsed();
        let end = self.settings.duration.max(from);
        let until = timeout.map_or(end, |timeout| from.saturating_add(timeout).min(end));
        if !self.pause(until, Some(id))? {
            return Err(Error::new(
                ErrorCode::TimedOut,
                format!(
                    "{identity} still runs after {:?}, {}: kill it, wait longer, or run the scenario longer",
                    until.saturating_sub(from),
                    if until == end {
                        "at the scenario's end"
                    } else {
                        "its time"
                    }
                ),
            ));
        }
        self.finish_one(id)
    }

    /// Kills a payload and gives its record.
    ///
    /// # Errors
    /// `not-found`; `kernel` where it cannot be killed.
    pub fn kill_payload(&mut self, id: PayloadId) -> Result<PayloadRecord> {
        self.finish_one(id)
    }

    fn finish_one(&mut self, id: PayloadId) -> Result<PayloadRecord> {
        let taken = self.slots_mut().find_map(|slot| {
            let index = slot.payloads.iter().position(|payload| payload.id == id)?;
            Some(slot.payloads.remove(index))
        });
        let payload = taken.ok_or_else(over)?;
        let (record, failure) = self.finish_payload(&payload, self.phase_label());
        match failure {
            None => Ok(record),
            Some(error) => Err(error.into()),
        }
    }

    /// Kills those in one cgroup, the last one started first, and what they
    /// left behind there.
    pub(super) fn drain_group(&mut self, cgroup: &str) {
        let mut taken = Vec::new();
        for slot in self.slots_mut() {
            taken.extend(
                slot.payloads
                    .extract_if(.., |payload| payload.identity.cgroup == cgroup)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev(),
            );
        }
        let label = self.phase_label();
        self.drain_in_order(taken, label);
    }

    /// Kills all of them, the step's before the backdrop's.
    pub(super) fn drain_all(&mut self) {
        let label = self.phase_label();
        let all: Vec<_> = self
            .slots_mut()
            .map(|slot| std::mem::take(&mut slot.payloads))
            .collect();
        for payloads in all {
            self.drain(payloads, label);
        }
    }

    /// Kills these, the last one started first. What fails is only said.
    pub(super) fn drain(&mut self, payloads: Vec<Payload>, label: PhaseLabel) {
        self.drain_in_order(payloads.into_iter().rev(), label);
    }

    fn drain_in_order(&mut self, payloads: impl IntoIterator<Item = Payload>, label: PhaseLabel) {
        for payload in payloads {
            if let (_, Some(error)) = self.finish_payload(&payload, label) {
                self.say(LogLevel::Warn, error.to_string());
            }
        }
    }

    /// Kills what payloads left behind in a cgroup that has nothing else to
    /// lose: processes that left their process group.
    pub(super) fn sweep(&mut self, group: GroupId, hosted_payload: bool) {
        if !hosted_payload {
            return;
        }
        self.mediation.writes += 1;
        match self.world.write(group, Knob::Kill, "1") {
            Ok(()) | Err(WorldError::Gone { .. }) => {}
            Err(error) => self.say(LogLevel::Warn, error.to_string()),
        }
    }

    /// The one way out of a payload.
    fn finish_payload(
        &mut self,
        payload: &Payload,
        label: PhaseLabel,
    ) -> (PayloadRecord, Option<WorldError>) {
        self.mediation.waits += 1;
        let (end, failure) = match self.world.end_payload(payload.id) {
            Ok(end) => (end, None),
            Err(error) => (nothing_known(), Some(error)),
        };
        let index = self.payload_records;
        self.payload_records = index.saturating_add(1);
        let declared = self
            .settings
            .payloads
            .iter()
            .find(|spec| spec.name == payload.identity.name);
        let record = record(index, &payload.identity, label, &end, declared);
        if !record.checks.is_empty() {
            self.tally.assert();
        }
        self.sink.emit(Event::Payload(record.clone()));
        self.report_payload(&payload.identity, &record, label);
        (record, failure)
    }

    fn report_payload(&mut self, identity: &Identity, record: &PayloadRecord, label: PhaseLabel) {
        for failed in record.checks.iter().filter(|check| !check.passed) {
            self.record_in(
                label,
                DetailKind::Benchmark,
                Outcome::Fail,
                format!("{identity}: {}", failed.message),
            );
        }
        let badly = match record.exit {
            PayloadExit::Code(0) => None,
            PayloadExit::Code(code) => Some(format!("ended with code {code}")),
            PayloadExit::Signal(_) if record.killed => None,
            PayloadExit::Signal(signal) => Some(format!("was ended by signal {signal}")),
            PayloadExit::Unknown => Some("ended, and nobody can say how".to_owned()),
        };
        if let Some(badly) = badly {
            let said = record.stderr_tail.as_deref().unwrap_or_default();
            let last = said.lines().rfind(|line| !line.trim().is_empty());
            let said = last.map(|line| format!(": {line}")).unwrap_or_default();
            let message = format!("{identity} {badly}{said}");
            self.tally.note(message.clone());
            self.say(LogLevel::Warn, message);
        }
    }

    fn payload(&self, id: PayloadId) -> Result<&Payload> {
        self.payloads()
            .find(|payload| payload.id == id)
            .ok_or_else(over)
    }

    fn payloads(&self) -> impl Iterator<Item = &Payload> {
        self.slots().flat_map(|slot| &slot.payloads)
    }

    fn payload_identities(&self) -> impl Iterator<Item = &Identity> {
        self.payloads().map(|payload| &payload.identity)
    }
}

fn over() -> Error {
    Error::not_found("the payload is over: it was waited for, killed, or ended with its step")
}

/// What stands in the record of a payload that could not be ended.
fn nothing_known() -> PayloadEnd {
    PayloadEnd {
        exit: PayloadExit::Unknown,
        killed: true,
        elapsed: Duration::ZERO,
        stdout: Captured::default(),
        stderr: Captured::default(),
    }
}

fn record(
    index: u32,
    identity: &Identity,
    label: PhaseLabel,
    end: &PayloadEnd,
    declared: Option<&PayloadSpec>,
) -> PayloadRecord {
    let stderr = end.stderr.text();
    let figures = declared
        .map(|spec| extract(spec.output, &end.stdout.text(), &stderr))
        .unwrap_or_default();
    let subject = Subject {
        exit: end.exit,
        figures: &figures,
    };
    let checks = declared
        .map(|spec| evaluate(&spec.checks, subject))
        .unwrap_or_default();
    let ended_well = end.exit == PayloadExit::Code(0);
    PayloadRecord {
        index,
        name: identity.name.clone(),
        cgroup: identity.cgroup.clone(),
        phase: label.text(),
        exit: end.exit,
        killed: end.killed,
        elapsed_ns: nanos(end.elapsed),
        output_bytes: end.stdout.total().saturating_add(end.stderr.total()),
        dropped_bytes: end.stdout.dropped().saturating_add(end.stderr.dropped()),
        metrics: declared
            .map(|spec| metrics(&figures, &spec.hints))
            .unwrap_or_default(),
        metrics_cut: figures.is_cut(),
        checks,
        stderr_tail: (!ended_well && !stderr.is_empty()).then(|| tail(&stderr)),
    }
}

/// The last lines of a text, each made harmless.
fn tail(text: &str) -> String {
    let from = text.len().saturating_sub(STDERR_TAIL);
    let from = (from..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len());
    let lines = text[from..].lines();
    lines
        .map(|line| clean_line(line, STDERR_TAIL))
        .collect::<Vec<_>>()
        .join("\n")
}
