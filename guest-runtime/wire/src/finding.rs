//! What a reader of a scenario would remark on it: a mistake, something that
//! is probably not meant, or something worth knowing. A finding changes no outcome.

use serde::{Deserialize, Serialize};

/// One remark on a scenario, with the place that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A word for machines, in kebab case: an error code of the contract, such
    /// as `not-found`, or one of the executor's own, such as `clipped-hold`.
    pub kind: String,
    /// Index of the step, from 0; none in the backdrop and for the scenario as
    /// a whole.
    pub step: Option<u32>,
    /// What the author calls that step.
    pub label: Option<String>,
    /// The op in question, if it is about one.
    pub op: Option<OpPlace>,
    /// What is the matter: `what: why`.
    pub message: String,
    /// What to do. Absent where the message ends with it.
    pub remedy: Option<String>,
}

/// An op by its place in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpPlace {
    /// Index in the list, from 0.
    pub index: u32,
    /// Which op, as the contract calls it, such as `set-cpuset`.
    pub name: String,
}

/// How much a finding matters. The gravest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It is refused, here and with a real kernel.
    Error,
    /// It is carried out, and is probably not what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// Every severity, the gravest first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Note];

    /// Lower-case word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}
