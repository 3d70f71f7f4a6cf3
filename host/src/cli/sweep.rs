//! `proscenium check` on several topologies: which, and the table of them.

use std::io::{self, Write};

use proscenium_guest_runtime::plugin::Needs;
use proscenium_wire::Severity;

use super::needs::{self, Have};
use crate::event::RunEnded;
use crate::report::text::plural;
use crate::report::{Summary, findings, table};
use crate::vm::topology::Topology;

/// A topology as the user knows it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The preset's name, or the notation.
    pub(super) name: String,
    pub(super) topology: Topology,
}

impl From<Topology> for Named {
    fn from(topology: Topology) -> Self {
        Self {
            name: topology.to_string(),
            topology,
        }
    }
}

/// The presets that meet `needs`, and how many do not.
pub(super) fn presets(
    needs: &Needs,
    have: impl Fn(Topology) -> Have,
    kernel: Option<&str>,
) -> (Vec<Named>, usize) {
    let all: Vec<Named> = Topology::presets()
        .map(|(name, topology)| Named {
            name: name.to_owned(),
            topology,
        })
        .collect();
    let (fit, others): (Vec<Named>, Vec<Named>) = all
        .into_iter()
        .partition(|named| needs::unmet(needs, &have(named.topology), kernel).is_none());
    (fit, others.len())
}

const HEADER: [&str; 4] = ["topology", "verdict", "findings", "the gravest"];

/// One row for each topology.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    rows: Vec<[String; 4]>,
}

impl Sweep {
    /// Takes down how it went on one.
    pub(super) fn add(&mut self, named: &Named, ended: &RunEnded, summary: &Summary) {
        let of_all = findings::counts(&summary.findings);
        self.rows.push([
            named.name.clone(),
            ended.outcome.words().to_owned(),
            if of_all.is_empty() {
                "none".to_owned()
            } else {
                of_all
            },
            gravest(ended, summary),
        ]);
    }

    /// The table, below a line about the plugin.
    pub(super) fn print(
        &self,
        out: &mut dyn Write,
        plugin: &str,
        unfit: usize,
        width: u16,
    ) -> io::Result<()> {
        let many = match self.rows.len() {
            1 => "1 topology".to_owned(),
            count => format!("{count} topologies"),
        };
        writeln!(out, "{plugin} on {many}, in the simulated world")?;
        for line in table::words(&HEADER, &self.rows, width) {
            writeln!(out, "{line}")?;
        }
        if unfit > 0 {
            let presets = plural(unfit as u64, "preset");
            writeln!(
                out,
                "{presets} left out: the plugin's needs are not met there"
            )?;
        }
        Ok(())
    }
}

/// The finding that matters most, or why it did not pass.
fn gravest(ended: &RunEnded, summary: &Summary) -> String {
    let finding = summary
        .findings
        .iter()
        .filter(|finding| finding.severity <= Severity::Warning)
        .min_by_key(|finding| finding.severity);
    match (finding, ended.reasons.first()) {
        (Some(finding), _) => findings::line(finding),
        (None, Some(reason)) => reason.message.clone(),
        (None, None) => String::new(),
    }
}
