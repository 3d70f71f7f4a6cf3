//! What the host has seen of a run, as far as its outcome depends on it.
//!
//! Owns what is noted of each event; what follows from it is
//! [`judge`](super::judge())'s part.

use proscenium_wire::{Detail, Outcome, Severity, Verdict};

use crate::event::{ExitNote, RunEvent, SchedulerChange};

/// Reasons that a report carries.
pub(super) const REASONS: usize = 200;

/// What the host has seen of a run. Bounded by what it is fed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The scenario's clock started.
    pub scenario_started: bool,
    /// The guest said hello.
    pub booted: bool,
    /// The scheduler that is to be attached before the scenario starts, until
    /// something is heard of it.
    pub to_attach: Option<String>,
    /// The scheduler under test that is attached.
    pub attached: Option<String>,
    /// The guest's own verdict.
    pub verdict: Option<Verdict>,
    /// Details that were streamed.
    pub details: Vec<Detail>,
    /// The runtime could not run the scenario.
    pub fault: Option<String>,
    /// The first damage of the stream.
    pub damaged: Option<String>,
    /// Ctrl-C came before the verdict, when so many of `details` were known.
    /// What comes later may be a consequence: a plugin whose hold is cancelled
    /// has every right to return an error.
    pub interrupted: Option<usize>,
    /// The line in which the guest's kernel announced a crash.
    pub crash: Option<String>,
    /// There is no VM: its process is the runtime on this machine.
    pub local: bool,
    /// How the VM's process ended.
    pub vm_exit: Option<ExitNote>,
    /// What is missing on disk.
    pub record_lost: Option<String>,
    /// The host's own failure.
    pub host_failure: Option<String>,
    /// Errors and warnings among the findings.
    pub grave_findings: u64,
    /// They are to fail what would pass otherwise.
    pub deny_findings: bool,
    /// What the wrong version was.
    pub version: Option<String>,
}

impl Evidence {
    /// Takes note of what matters in `event`.
    pub fn note(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Booted(_) => self.booted = true,
            RunEvent::ScenarioStarted => self.scenario_started = true,
            RunEvent::Scheduler(news) => {
                self.to_attach = None;
                self.attached = matches!(news.change, SchedulerChange::Attached { .. })
                    .then(|| news.name.clone());
            }
            RunEvent::Verdict(verdict) => self.verdict = Some(verdict.clone()),
            RunEvent::Detail(detail) => self.details.push(detail.clone()),
            RunEvent::Fault { message } if self.fault.is_none() => {
                self.fault = Some(message.clone());
            }
            RunEvent::Finding(finding) if finding.severity <= Severity::Warning => {
                self.grave_findings += 1;
            }
            RunEvent::Damaged { what } if self.damaged.is_none() => {
                self.damaged = Some(what.clone());
            }
            _ => {}
        }
    }

    /// Where the scheduler under test stood, if it was in the kernel's hands.
    pub(super) fn scheduler_at_work(&self) -> Option<String> {
        let attached = self.attached.as_ref().map(|name| (name, "was attached"));
        let loading = self.to_attach.as_ref().map(|name| (name, "was loaded"));
        let (name, how) = attached.or(loading.filter(|_| self.booted))?;
        Some(format!("while scheduler {name:?} {how}"))
    }

    /// The worst of what the guest said, and none if it said nothing.
    pub(super) fn said(&self) -> Option<Outcome> {
        let details = self
            .verdict
            .iter()
            .flat_map(|v| &v.details)
            .chain(&self.details);
        let verdict = self.verdict.as_ref().map(|v| v.outcome);
        // A detail that is harmless does not make a verdict where there is none.
        let grave = details
            .map(|d| d.outcome)
            .filter(|o| matches!(o, Outcome::Fail | Outcome::Inconclusive));
        verdict.into_iter().chain(grave).reduce(Outcome::worst)
    }

    /// The details that made it `outcome`, each once, in order.
    pub(super) fn deciding(&self, outcome: Outcome) -> Vec<&Detail> {
        let mut deciding: Vec<&Detail> = Vec::new();
        let in_verdict = self.verdict.iter().flat_map(|v| &v.details);
        for detail in in_verdict
            .chain(&self.details)
            .filter(|d| d.outcome == outcome)
        {
            if deciding.len() < REASONS && !deciding.contains(&detail) {
                deciding.push(detail);
            }
        }
        deciding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::SchedulerNews;

    fn news(change: SchedulerChange) -> RunEvent {
        RunEvent::Scheduler(SchedulerNews {
            start: 0,
            name: "fifo".into(),
            at_ns: 0,
            phase: 0,
            change,
        })
    }

    #[test]
    fn a_scheduler_is_at_work_from_its_loading_to_its_end() {
        let mut evidence = Evidence {
            to_attach: Some("fifo".into()),
            ..Evidence::default()
        };
        assert_eq!(evidence.scheduler_at_work(), None, "nothing has booted");
        evidence.booted = true;
        let said = evidence.scheduler_at_work().unwrap();
        assert!(said.contains("fifo") && said.contains("loaded"), "{said}");
        evidence.note(&news(SchedulerChange::Attached {
            ops: "fifo".into(),
            took_ns: 1,
        }));
        let said = evidence.scheduler_at_work().unwrap();
        assert!(said.contains("was attached"), "{said}");
        evidence.note(&news(SchedulerChange::Refused {
            reason: String::new(),
        }));
        assert_eq!(evidence.scheduler_at_work(), None);
    }
}
