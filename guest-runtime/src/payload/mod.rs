//! What a payload's output says: figures, and what came of the checks on them.
//!
//! ```text
//!   stdout, else stderr ─► json | text ─► Figures ─► metrics of the record
//!                                            └─────► checks ─► results
//! ```
//!
//! Pure. The output is hostile: names are cut, figures counted, depths capped,
//! and what was left out is said.

mod checks;
mod figures;
mod json;
mod text;

use proscenium_wire::{Metric, MetricHint, PayloadOutput};

pub use checks::{Subject, evaluate};
pub use figures::Figures;

/// The figures in what a payload printed: those of its standard output, and of
/// standard error only if there are none.
#[must_use]
pub fn extract(format: PayloadOutput, stdout: &str, stderr: &str) -> Figures {
    let of = |output: &str| match format {
        PayloadOutput::ExitCode => Figures::default(),
        PayloadOutput::Json => json::figures(output),
        PayloadOutput::KeyValue => text::key_values(output),
        PayloadOutput::StressNg => text::stress_ng(output),
        PayloadOutput::Hackbench => text::hackbench(output),
    };
    let figures = of(stdout);
    if figures.is_empty() {
        of(stderr)
    } else {
        figures
    }
}

/// Figures with what the operator said about them.
#[must_use]
pub fn metrics(figures: &Figures, hints: &[MetricHint]) -> Vec<Metric> {
    figures
        .iter()
        .map(|(name, value)| {
            let hint = hints.iter().find(|hint| hint.metric == name);
            Metric {
                name: name.to_owned(),
                value,
                polarity: hint.map(|hint| hint.polarity).unwrap_or_default(),
                unit: hint.and_then(|hint| hint.unit.clone()),
            }
        })
        .collect()
}
