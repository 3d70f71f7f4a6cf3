//! Findings: what is remarked on a scenario, from the pre-flight and from the
//! calls as they are made.
//!
//! Owns the list, its bound and the places in it. Each finding is told once,
//! however often a plan comes by it. It decides nothing: what is refused is
//! refused where it is checked, and no outcome depends on what stands here.

use proscenium_wire::{Event, Finding, OpPlace, Outcome, Severity};

use super::requirements::op_name;
use super::stage::Stage;
use super::unmet::{self, Seen};
use super::{Error, Refusal, Result, lints};
use crate::bindings::ops::Op;
use crate::bindings::types::ErrorCode;

/// Most findings that are told; beyond, only their number is.
pub(super) const MAX_FINDINGS: usize = 256;

/// A finding that is no error of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lint {
    pub(super) severity: Severity,
    /// A word for machines.
    pub(super) kind: &'static str,
    /// What is the matter.
    pub(super) message: String,
    /// What to do.
    pub(super) remedy: String,
}

impl Lint {
    pub(super) fn warning(
        kind: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            kind,
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// Where in a scenario something is.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// Index and label.
    pub(super) step: Option<(u32, Option<String>)>,
    pub(super) op: Option<OpAt>,
}

/// An op of a list. Each has a place and hardly one a finding, so that there is
/// no text of its own in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpAt {
    pub(super) index: u32,
    name: &'static str,
}

impl OpAt {
    pub(super) fn new(index: usize, op: &Op) -> Self {
        Self {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            name: op_name(op),
        }
    }
}

impl From<OpAt> for OpPlace {
    fn from(OpAt { index, name }: OpAt) -> Self {
        Self {
            index,
            name: name.to_owned(),
        }
    }
}

impl Place {
    /// A refusal that stands here.
    pub(super) fn refusal(&self, severity: Severity, refusal: &Refusal) -> Finding {
        self.finding(
            severity,
            code_word(refusal.code),
            refusal.message.clone(),
            refusal.remedy.clone(),
        )
    }

    /// A lint that stands here.
    pub(super) fn lint(&self, lint: Lint) -> Finding {
        self.finding(lint.severity, lint.kind, lint.message, Some(lint.remedy))
    }

    fn finding(
        &self,
        severity: Severity,
        kind: &str,
        message: String,
        remedy: Option<String>,
    ) -> Finding {
        let (step, label) = self.step.clone().unzip();
        Finding {
            severity,
            kind: kind.to_owned(),
            step,
            label: label.flatten(),
            op: self.op.map(OpPlace::from),
            message,
            remedy,
        }
    }
}

/// What a stage has found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    told: Vec<Finding>,
    /// How many were found beyond that.
    pub(super) left_out: u64,
    /// The op that is being carried out.
    pub(super) op: Option<OpAt>,
    /// Text of the last error that was told: it passes through several hands.
    last_error: Option<String>,
    /// What the checks have to judge.
    pub(super) seen: Seen,
}

impl Stage {
    /// Tells a finding, unless it was told before.
    pub(super) fn tell(&mut self, finding: Finding) {
        if self.findings.told.contains(&finding) {
            return;
        }
        if self.findings.told.len() >= MAX_FINDINGS {
            self.findings.left_out += 1;
            return;
        }
        self.sink.emit(Event::Finding(finding.clone()));
        self.findings.told.push(finding);
    }

    /// Tells a lint about what is being done.
    pub(super) fn lint(&mut self, lint: Lint) {
        let finding = self.place().lint(lint);
        self.tell(finding);
    }

    /// Tells the error of a call that carries out what was planned.
    pub(super) fn noted<T>(&mut self, done: Result<T>) -> Result<T> {
        if let Err(error) = &done {
            self.tell_error(Severity::Error, error);
        }
        done
    }

    /// As [`Self::noted`], for one op: the error then says its index.
    pub(super) fn op_noted(&mut self, index: usize, done: Result<()>) -> Result<()> {
        let done = self
            .noted(done)
            .map_err(|error| error.context(format!("op {index}")));
        self.findings.op = None;
        if let Err(error) = &done {
            self.told_already(error);
        }
        done
    }

    /// An error that the pre-flight has told, in parts.
    pub(super) fn told_already(&mut self, error: &Error) {
        self.findings.last_error = Some(error.to_string());
    }

    /// An error on its way to the plugin, which may well be able to go on.
    pub fn answered(&mut self, error: &Error) {
        self.tell_error(Severity::Warning, error);
        self.refused(error);
    }

    fn tell_error(&mut self, severity: Severity, error: &Error) {
        let Error::Refused(refusal) = error else {
            return;
        };
        let text = error.to_string();
        // What ends the scenario from outside is no remark on it.
        let outside = matches!(
            refusal.code,
            ErrorCode::Cancelled | ErrorCode::SchedulerDied
        );
        if outside || self.findings.last_error.as_ref() == Some(&text) {
            return;
        }
        self.findings.last_error = Some(text);
        let finding = self.place().refusal(severity, refusal);
        self.tell(finding);
    }

    /// What is to be said when all is over: whether the checks could judge
    /// anything, and how much was left out. `returned`: what the plugin itself
    /// said, if it came to that.
    pub(super) fn tell_closing(&mut self, returned: Option<Outcome>, asserted: bool) {
        // Of a scenario that did not apply, or that broke before it started
        // anything, there is nothing to be said.
        let ran = matches!(returned, Some(outcome) if outcome != Outcome::Skip);
        if ran || !self.findings.seen.is_empty() {
            let seen = std::mem::take(&mut self.findings.seen);
            if let Some(swap) = &self.settings.swap_work
                && !seen.any_swapped()
            {
                let lint = lints::nothing_swapped(&swap.name);
                self.tell(Place::default().lint(lint));
            }
            for lint in unmet::lints(&self.thresholds(), &seen) {
                let finding = Place::default().lint(lint);
                self.tell(finding);
            }
        }
        if returned == Some(Outcome::Pass) && !asserted {
            let finding = Place::default().lint(Lint::warning(
                "nothing-asserted",
                "nothing was asserted: no check is on and the plugin judges nothing",
                "turn a check on, or return a reason with the verdict",
            ));
            self.tell(finding);
        }
        if self.findings.left_out > 0 {
            let left_out = self.findings.left_out;
            self.sink.emit(Event::Finding(Place::default().lint(Lint {
                severity: Severity::Note,
                kind: "left-out",
                message: format!("{left_out} more findings were left out"),
                remedy: "mend these first".to_owned(),
            })));
        }
    }

    fn place(&self) -> Place {
        Place {
            step: self
                .step
                .as_ref()
                .map(|step| (step.index, step.label.clone())),
            op: self.findings.op,
        }
    }
}

/// An error code as the contract writes it.
fn code_word(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Denied => "denied",
        ErrorCode::Invalid => "invalid",
        ErrorCode::NotFound => "not-found",
        ErrorCode::AlreadyExists => "already-exists",
        ErrorCode::Ambiguous => "ambiguous",
        ErrorCode::Unavailable => "unavailable",
        ErrorCode::LimitExceeded => "limit-exceeded",
        ErrorCode::TimedOut => "timed-out",
        ErrorCode::Kernel => "kernel",
        ErrorCode::SchedulerDied => "scheduler-died",
        ErrorCode::Cancelled => "cancelled",
    }
}
