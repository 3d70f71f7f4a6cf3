//! Findings for people: where, what, and what to do, the gravest first.

use console::truncate_str;
use proscenium_wire::{Finding, Severity};

use super::text::{defused, plural};

/// Findings that a terminal gets; the stream has all.
const SHOWN: usize = 40;

/// How many there are of each severity: `2 errors, 1 warning`.
#[must_use]
pub fn counts(findings: &[Finding]) -> String {
    let of = |severity| findings.iter().filter(|f| f.severity == severity).count();
    Severity::ALL
        .into_iter()
        .map(|severity| (of(severity), severity.as_str()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| plural(count as u64, word))
        .collect::<Vec<_>>()
        .join(", ")
}

/// One finding in one piece, without what to do: `Step[1] narrow, op 0 set-cpuset: …`.
#[must_use]
pub fn line(finding: &Finding) -> String {
    let mut place: Vec<String> = Vec::new();
    if let Some(step) = finding.step {
        let label = finding.label.as_deref().map(defused);
        place.push(label.map_or_else(
            || format!("Step[{step}]"),
            |label| format!("Step[{step}] {label}"),
        ));
    }
    if let Some(op) = &finding.op {
        place.push(format!("op {} {}", op.index, defused(&op.name)));
    }
    let message = defused(&finding.message);
    if place.is_empty() {
        message.into_owned()
    } else {
        format!("{}: {message}", place.join(", "))
    }
}

/// The section's heading.
pub(super) fn title(findings: &[Finding]) -> String {
    format!("Findings: {}", counts(findings))
}

/// The section: two lines for each, the second says what to do.
pub(super) fn lines(findings: &[Finding], width: u16) -> Vec<String> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    // Stable: within a severity in the order of the scenario.
    sorted.sort_by_key(|finding| finding.severity);
    let cut = |text: String| truncate_str(&text, usize::from(width) * 4, "…").into_owned();
    let mut lines = Vec::new();
    for finding in sorted.iter().take(SHOWN) {
        let severity = finding.severity.as_str();
        lines.push(cut(format!(
            "  {severity:<8} {} [{}]",
            line(finding),
            defused(&finding.kind)
        )));
        if let Some(remedy) = &finding.remedy {
            lines.push(cut(format!("  {:<8} {}", "", defused(remedy))));
        }
    }
    if sorted.len() > SHOWN {
        lines.push(format!("  … and {} more: see --json", sorted.len() - SHOWN));
    }
    lines
}
