//! Everything that was said about a scenario, and the one verdict made of it.

use proscenium_wire::{CgroupStats, Detail, DetailKind, Outcome, PhaseStats, Verdict};

/// Most entries of each kind that are kept; beyond, only their number is.
const MAX_ENTRIES: usize = 10_000;
/// At most about as many bytes of entries are kept: a verdict has to fit into
/// one frame.
const MAX_BYTES: usize = proscenium_wire::MAX_PAYLOAD / 4 * 3;
/// What an entry costs beside its texts and lists, in bytes: more than any has.
const ENTRY: usize = 32;
/// As [`ENTRY`], for the figures of a cgroup.
const FIGURES: usize = 256;

/// Label of the phase in which something arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseLabel {
    /// Outside every step.
    None,
    /// Before the first step.
    Baseline,
    /// In step *k*, from 0.
    Step(u32),
}

impl PhaseLabel {
    /// Text form: `BASELINE`, `Step[k]`.
    #[must_use]
    pub fn text(self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Baseline => Some("BASELINE".to_owned()),
            Self::Step(index) => Some(format!("Step[{index}]")),
        }
    }
}

/// What the plugin itself concluded.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// It returned.
    Returned {
        /// What it says.
        outcome: Outcome,
        /// Why.
        reason: Option<String>,
    },
    /// It did not return well; the detail says how.
    Broken(Detail),
    /// It passed on what ended the scenario, which is on record already.
    PassedOn,
}

/// Collects while a scenario runs.
#[derive(Debug)]
pub struct Tally {
    details: Vec<Detail>,
    notes: Vec<String>,
    cgroups: Vec<CgroupStats>,
    phases: Vec<PhaseStats>,
    /// Of all that is kept.
    bytes: usize,
    /// As many may be.
    most: usize,
    dropped: u64,
    /// The worst of the details, those included that were not kept.
    worst: Option<Outcome>,
    asserted: bool,
}

impl Default for Tally {
    fn default() -> Self {
        Self::bounded(MAX_BYTES)
    }
}

impl Tally {
    /// Keeps about so many bytes of entries, and never more than fit into a frame.
    #[must_use]
    pub fn bounded(bytes: usize) -> Self {
        Self {
            details: Vec::new(),
            notes: Vec::new(),
            cgroups: Vec::new(),
            phases: Vec::new(),
            bytes: 0,
            most: bytes.min(MAX_BYTES),
            dropped: 0,
            worst: None,
            asserted: false,
        }
    }

    /// Records a reason.
    pub fn detail(&mut self, detail: Detail) {
        // One that is not kept counts all the same.
        self.worst = Some(
            self.worst
                .map_or(detail.outcome, |worst| worst.worst(detail.outcome)),
        );
        if self.take(self.details.len(), ENTRY + detail.message.len()) {
            self.details.push(detail);
        }
    }

    /// Puts another tally's entries before everything recorded so far: on
    /// early ends the backdrop's results come first.
    pub fn prepend(&mut self, mut first: Self) {
        first.details.append(&mut self.details);
        first.notes.append(&mut self.notes);
        first.cgroups.append(&mut self.cgroups);
        first.phases.append(&mut self.phases);
        first.bytes += self.bytes;
        first.most = self.most;
        first.dropped += self.dropped;
        first.worst = first
            .worst
            .into_iter()
            .chain(self.worst)
            .reduce(Outcome::worst);
        first.asserted |= self.asserted;
        *self = first;
    }

    /// Records a remark.
    pub fn note(&mut self, note: String) {
        if self.take(self.notes.len(), ENTRY + note.len()) {
            self.notes.push(note);
        }
    }

    /// Records figures.
    pub fn stats(&mut self, stats: CgroupStats) {
        let lists = stats.cgroup.len() + stats.work.len() + stats.cpus.len() * 5;
        if self.take(self.cgroups.len(), FIGURES + lists) {
            self.cgroups.push(stats);
        }
    }

    /// Figures recorded so far.
    #[must_use]
    pub fn collected(&self) -> &[CgroupStats] {
        &self.cgroups
    }

    /// Records a phase.
    pub fn phase(&mut self, phase: PhaseStats) {
        let label = phase.label.as_ref().map_or(0, String::len);
        if self.take(self.phases.len(), FIGURES + phase.name.len() + label) {
            self.phases.push(phase);
        }
    }

    /// Whether an entry of this size is kept beside `others` of its kind;
    /// counts it if not. The last one may reach beyond the bytes.
    fn take(&mut self, others: usize, bytes: usize) -> bool {
        let kept = others < MAX_ENTRIES && self.bytes < self.most;
        if kept {
            self.bytes += bytes;
        } else {
            self.dropped += 1;
        }
        kept
    }

    /// A check is active, or the plugin judged something.
    pub fn assert(&mut self) {
        self.asserted = true;
    }

    /// The one verdict: the worst of what everybody said.
    #[must_use]
    pub fn verdict(mut self, ending: Ending) -> Verdict {
        let worst = self.worst;
        let own = match ending {
            Ending::Returned { outcome, reason } => {
                // A pass that nobody gave a reason for is only the default.
                self.asserted |= outcome != Outcome::Pass || reason.is_some();
                if outcome == Outcome::Pass {
                    self.notes.extend(reason);
                } else {
                    let kind = match outcome {
                        Outcome::Skip => DetailKind::Skip,
                        _ => DetailKind::Plugin,
                    };
                    let message = reason.unwrap_or_else(|| {
                        format!("the plugin says {} without a reason", outcome.as_str())
                    });
                    self.details.push(Detail {
                        kind,
                        outcome,
                        phase: None,
                        message,
                    });
                }
                outcome
            }
            Ending::PassedOn => {
                self.asserted = true;
                worst.unwrap_or(Outcome::Inconclusive)
            }
            Ending::Broken(detail) => {
                self.asserted = true;
                let outcome = detail.outcome;
                self.details.push(detail);
                outcome
            }
        };
        if self.dropped > 0 {
            let message = format!(
                "{} more details, notes and figures were dropped",
                self.dropped
            );
            self.notes.push(message.clone());
            self.details.push(Detail {
                kind: DetailKind::ReportLimit,
                outcome: Outcome::Skip,
                phase: None,
                message,
            });
        }
        // A check that was skipped beside others that passed changes nothing.
        let outcome = worst.map_or(own, |worst| worst.worst(own));
        Verdict {
            outcome,
            details: self.details,
            notes: self.notes,
            asserted: self.asserted,
            cgroups: self.cgroups,
            phases: self.phases,
        }
    }
}

#[cfg(test)]
mod tests {
    use proscenium_wire::Event;

    use super::*;

    fn returned(outcome: Outcome) -> Ending {
        Ending::Returned {
            outcome,
            reason: None,
        }
    }

    fn failing() -> Detail {
        Detail {
            kind: DetailKind::Unfair,
            outcome: Outcome::Fail,
            phase: PhaseLabel::Step(1).text(),
            message: "unfair".to_owned(),
        }
    }

    #[test]
    fn the_worst_voice_wins() {
        let mut tally = Tally::default();
        tally.detail(failing());
        assert_eq!(
            tally.verdict(returned(Outcome::Pass)).outcome,
            Outcome::Fail
        );
        assert_eq!(
            Tally::default().verdict(returned(Outcome::Skip)).outcome,
            Outcome::Skip
        );
        assert_eq!(
            Tally::default()
                .verdict(returned(Outcome::Inconclusive))
                .outcome,
            Outcome::Inconclusive
        );
    }

    #[test]
    fn a_pass_without_assertions_says_so() {
        assert!(!Tally::default().verdict(returned(Outcome::Pass)).asserted);
        let mut tally = Tally::default();
        tally.assert();
        assert!(tally.verdict(returned(Outcome::Pass)).asserted);
    }

    #[test]
    fn floods_are_counted_instead_of_kept() {
        let mut tally = Tally::default();
        for _ in 0..MAX_ENTRIES + 5 {
            tally.detail(failing());
        }
        let verdict = tally.verdict(returned(Outcome::Pass));
        let (last, kept) = verdict.details.split_last().unwrap();
        assert_eq!(kept.len(), MAX_ENTRIES);
        assert_eq!(last.kind, DetailKind::ReportLimit);
        assert!(verdict.notes[0].starts_with("5 more"));
    }

    #[test]
    fn a_verdict_fits_into_a_frame_and_what_it_leaves_out_still_counts() {
        let mut tally = Tally::default();
        for _ in 0..3_000 {
            tally.detail(Detail {
                outcome: Outcome::Inconclusive,
                message: "x".repeat(4_096),
                ..failing()
            });
        }
        tally.detail(failing());
        let verdict = tally.verdict(returned(Outcome::Pass));
        assert_eq!(verdict.outcome, Outcome::Fail);
        assert!(verdict.details.iter().all(|d| d.outcome != Outcome::Fail));
        let mut frame = Vec::new();
        proscenium_wire::encode(&Event::Verdict(verdict), &mut frame).unwrap();
    }
}
