//! From what is known to exactly one outcome: pure.
//!
//! The first line that applies decides. "Failed" and so on in the first column
//! are what the guest said, its verdict and its details taken together, the
//! worst of them first (a guest that reports a failure and then claims to have
//! passed has failed).
//!
//! | what is known | outcome |
//! |---|---|
//! | refused or not startable, before anything was run | as the caller says |
//! | interrupted before the verdict | interrupted; failed if a failure was known by then |
//! | the runtime reported a fault, or only environment details decided | could not run |
//! | failed | failed, whatever became of the guest afterwards |
//! | wrong version, host failed | could not run |
//! | no scenario start, and the kernel crashed under the scheduler under test | failed |
//! | no scenario start | could not run |
//! | no end frame, and the kernel crashed | failed: the crash is a finding |
//! | no end frame, and QEMU was killed or failed | could not run |
//! | no end frame for another reason | inconclusive |
//! | end frame, no verdict | could not run |
//! | verdict, but part of the stream was damaged | inconclusive |
//! | passed, but with findings that are denied | failed |
//! | verdict and end frame | the verdict |

use proscenium_wire::{Detail, DetailKind, Outcome};

use super::deadlines::Stage;
use super::evidence::{Evidence, REASONS};
use super::state::Ending;
use crate::event::{ExitNote, Reason, RunOutcome};

/// The host's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// How the run ended.
    pub outcome: RunOutcome,
    /// Why, most important first.
    pub reasons: Vec<Reason>,
    /// Remarks that change nothing.
    pub notes: Vec<String>,
    /// Whether anything was asserted.
    pub asserted: bool,
}

/// Decides.
#[must_use]
pub fn judge(evidence: &Evidence, ending: Ending) -> Judgement {
    let (outcome, reasons) = decide(evidence, ending);
    let mut notes = Vec::new();
    if outcome == RunOutcome::Failed && ending != Ending::Orderly {
        notes.push(missing_end(evidence, ending).message);
    }
    if let Some(what) = &evidence.damaged
        && outcome != RunOutcome::Inconclusive
    {
        notes.push(format!("part of the guest's stream was unreadable: {what}"));
    }
    if let Some(crash) = &evidence.crash
        && !reasons.iter().any(|reason| reason.kind == "guest-crashed")
    {
        notes.push(format!("the guest's kernel complained: {crash}"));
    }
    notes.extend(evidence.record_lost.clone());
    let judged = matches!(outcome, RunOutcome::Failed | RunOutcome::Inconclusive);
    let asserted = judged || evidence.verdict.as_ref().is_some_and(|v| v.asserted);
    Judgement {
        outcome,
        reasons,
        notes,
        asserted,
    }
}

fn decide(evidence: &Evidence, ending: Ending) -> (RunOutcome, Vec<Reason>) {
    use RunOutcome::{CouldNotRun, Failed, Inconclusive};

    if let Some(known) = evidence.interrupted {
        return interrupted(evidence, known);
    }
    if let Some(message) = &evidence.fault {
        return (CouldNotRun, vec![Reason::new("fault", message)]);
    }
    let said = evidence.said();
    let grave = said.filter(|o| matches!(o, Outcome::Fail | Outcome::Inconclusive));
    let deciding = grave.map(|o| evidence.deciding(o)).unwrap_or_default();
    if !deciding.is_empty() && deciding.iter().all(|d| d.kind == DetailKind::Environment) {
        return (CouldNotRun, deciding.into_iter().map(reason).collect());
    }
    if said == Some(Outcome::Fail) {
        return (
            Failed,
            reasons_or(deciding, "the scenario failed and gave no reason"),
        );
    }
    match ending {
        Ending::WrongVersion | Ending::HostFailed => {
            (CouldNotRun, vec![missing_end(evidence, ending)])
        }
        Ending::Orderly => orderly(evidence, said, deciding),
        _ if evidence.crash.is_some()
            && (evidence.scenario_started || evidence.scheduler_at_work().is_some()) =>
        {
            (Failed, vec![missing_end(evidence, ending)])
        }
        _ if !evidence.scenario_started || vm_failed(evidence, ending) => {
            (CouldNotRun, vec![missing_end(evidence, ending)])
        }
        _ => {
            let first = missing_end(evidence, ending);
            let rest = deciding.into_iter().map(reason);
            (Inconclusive, [first].into_iter().chain(rest).collect())
        }
    }
}

/// Only what was known when the user pressed counts.
fn interrupted(evidence: &Evidence, known: usize) -> (RunOutcome, Vec<Reason>) {
    let message = "interrupted by the user before there was a verdict";
    let interrupted = Reason::new("interrupted", message);
    let failures = evidence.details.iter().take(known.min(REASONS));
    let mut reasons: Vec<Reason> = failures
        .filter(|d| d.outcome == Outcome::Fail && d.kind != DetailKind::Environment)
        .map(reason)
        .collect();
    let outcome = if reasons.is_empty() {
        RunOutcome::Interrupted
    } else {
        RunOutcome::Failed
    };
    reasons.push(interrupted);
    (outcome, reasons)
}

fn orderly(
    evidence: &Evidence,
    said: Option<Outcome>,
    deciding: Vec<&Detail>,
) -> (RunOutcome, Vec<Reason>) {
    if evidence.verdict.is_none() {
        let message =
            "the guest ended without a verdict: its runtime is at fault: see the console log";
        return (
            RunOutcome::CouldNotRun,
            vec![Reason::new("no-verdict", message)],
        );
    }
    if let Some(what) = &evidence.damaged {
        let message = format!(
            "the guest's stream is damaged, so what it says cannot be relied on: {what}: \
             see frames.bin in the run directory"
        );
        return (
            RunOutcome::Inconclusive,
            vec![Reason::new("stream-damaged", message)],
        );
    }
    match said {
        Some(Outcome::Inconclusive) => (
            RunOutcome::Inconclusive,
            reasons_or(deciding, "the scenario could not decide and gave no reason"),
        ),
        Some(Outcome::Skip) => (
            RunOutcome::Skipped,
            evidence
                .deciding(Outcome::Skip)
                .into_iter()
                .map(reason)
                .collect(),
        ),
        _ if evidence.deny_findings && evidence.grave_findings > 0 => {
            let message = format!(
                "it would have passed, but findings are denied, and there are {}",
                evidence.grave_findings
            );
            (
                RunOutcome::Failed,
                vec![Reason::new("findings-denied", message)],
            )
        }
        _ => (RunOutcome::Passed, vec![]),
    }
}

/// Whether the VM's process, rather than what ran in it, is to blame.
fn vm_failed(evidence: &Evidence, ending: Ending) -> bool {
    let failed = match evidence.vm_exit {
        Some(ExitNote::Signal(_)) => true,
        Some(ExitNote::Code(code)) => code != 0,
        None => false,
    };
    failed && ending == Ending::Vanished
}

/// Why there is no end frame.
fn missing_end(evidence: &Evidence, ending: Ending) -> Reason {
    if let Some(crash) = &evidence.crash {
        let when = evidence.scheduler_at_work();
        let when = when.map(|when| format!(" {when}")).unwrap_or_default();
        return Reason::new(
            "guest-crashed",
            format!("the guest's kernel crashed{when}: {crash}"),
        );
    }
    match ending {
        Ending::Orderly => Reason::new("ended", "the guest ended in order"),
        Ending::Vanished => Reason::new("guest-vanished", vanished(evidence)),
        Ending::TimedOut(stage) => {
            let under = evidence.scheduler_at_work();
            let under = under.map(|under| format!(" ({under})"));
            let message = format!("{}{}", timed_out(stage), under.unwrap_or_default());
            Reason::new("timed-out", message)
        }
        Ending::Interrupted => Reason::new("interrupted", "the user interrupted the run"),
        Ending::WrongVersion => Reason::new(
            "wrong-version",
            evidence
                .version
                .clone()
                .unwrap_or_else(|| "the guest speaks another wire version".into()),
        ),
        Ending::HostFailed => Reason::new(
            "host-failed",
            evidence
                .host_failure
                .clone()
                .unwrap_or_else(|| "the host could not watch the VM".into()),
        ),
    }
}

fn vanished(evidence: &Evidence) -> String {
    let who = if evidence.local {
        "the runtime"
    } else {
        "QEMU"
    };
    let how = match evidence.vm_exit {
        Some(ExitNote::Signal(signal)) => format!("{who} was killed by signal {signal}"),
        Some(ExitNote::Code(0)) => format!("{who} exited"),
        Some(ExitNote::Code(code)) => format!("{who} failed with code {code}"),
        None => "the guest closed its port".to_owned(),
    };
    let when = if evidence.verdict.is_some() {
        "after the verdict but before the guest's end frame"
    } else if evidence.scenario_started {
        "while the scenario ran"
    } else {
        "before the scenario started"
    };
    let logs = if evidence.local {
        "console.log"
    } else {
        "console.log and qemu.log"
    };
    format!("{how} {when}: see {logs} in the run directory")
}

fn timed_out(stage: Stage) -> &'static str {
    match stage {
        Stage::Boot => {
            "the guest did not come up in time and was killed: see console.log in the run directory"
        }
        Stage::Greet => {
            "the guest came up but did not start the scenario in time and was killed: see console.log in the run directory"
        }
        Stage::Scenario => {
            "the guest did not end in time and was killed: the scenario or the machine hangs: see console.log in the run directory"
        }
        Stage::Drain | Stage::Cancel | Stage::Kill => {
            "the guest did not end in time and was killed"
        }
    }
}

fn reasons_or(details: Vec<&Detail>, otherwise: &str) -> Vec<Reason> {
    if details.is_empty() {
        return vec![Reason::new("no-reason", otherwise)];
    }
    details.into_iter().map(reason).collect()
}

fn reason(detail: &Detail) -> Reason {
    Reason {
        kind: kind_word(detail.kind),
        phase: detail.phase.clone(),
        message: detail.message.clone(),
    }
}

/// The kind's word, which is the one that its JSON has.
fn kind_word(kind: DetailKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "other".to_owned(),
    }
}
