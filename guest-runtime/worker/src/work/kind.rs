//! The form of a catalogue entry: one table for the parser, its errors and
//! the documentation. The entries themselves are with their families.

use super::Work;
use super::parse::Given;
use super::value::{Nodes, Value};

/// One parameter of a work type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name, with the unit where it is a quantity.
    pub name: &'static str,
    /// What it can be.
    pub takes: Takes,
    /// What it does.
    pub help: &'static str,
}

/// What a parameter can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A number.
    Number {
        /// Unit, for messages and tables.
        unit: &'static str,
        /// Value when it is not given; `None` for phases, which have none.
        default: Option<u64>,
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
    },
    /// One of these words; the first is the default.
    OneOf(&'static [&'static str]),
    /// NUMA nodes as in `0-1,3`; by default all that the worker may use.
    Nodes,
    /// Names of cgroups of the scenario, separated by commas, at most so many.
    /// There is no default.
    Cgroups(usize),
}

impl Parameter {
    /// Value when it is not given.
    #[must_use]
    pub fn default(&self) -> Option<Value> {
        match self.takes {
            Takes::Number { default, .. } => default.map(Value::Number),
            Takes::OneOf(words) => words.first().map(|word| (*word).into()),
            Takes::Nodes => Some("".into()),
            Takes::Cgroups(_) => None,
        }
    }

    /// What it can be, in words: `1 to 2 µs`, or `a, b or c`.
    #[must_use]
    pub fn range(&self) -> String {
        match self.takes {
            Takes::Number { unit, min, max, .. } => {
                format!("{min} to {max} {unit}").trim_end().to_owned()
            }
            Takes::OneOf(words) => words.join(" or "),
            Takes::Nodes => format!("nodes below {}, as in 0-1,3", Nodes::MAX),
            Takes::Cgroups(1) => "the name of a cgroup of the scenario".to_owned(),
            Takes::Cgroups(most) => {
                format!("1 to {most} names of cgroups of the scenario, separated by commas")
            }
        }
    }

    /// Whether it can be `value`.
    pub(super) fn allows(&self, value: &Value) -> bool {
        match (self.takes, value) {
            (Takes::Number { min, max, .. }, Value::Number(number)) => (min..=max).contains(number),
            (Takes::OneOf(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Takes::Nodes, Value::Text(text)) => text.len() <= 256 && Nodes::parse(text).is_some(),
            // Whether there is such a cgroup is known to the runtime only.
            (Takes::Cgroups(most), Value::Text(text)) => {
                text.len() <= 4096
                    && text.split(',').count() <= most
                    && text.split(',').all(|name| !name.trim().is_empty())
            }
            _ => false,
        }
    }
}

/// What a work type measures besides its counts. No type gives two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// Nothing.
    Counts,
    /// Wake samples; what one of them contains.
    Wakes(&'static str),
    /// Cost samples, the time of one piece of work; what it is.
    Costs(&'static str),
    /// Timer samples, the lateness of a timer; from when to when.
    Lateness(&'static str),
}

/// One work type.
#[derive(Clone, Copy, Debug)]
pub struct WorkKind {
    /// Name, as [`Work::parse`] takes it.
    pub name: &'static str,
    /// Which others it is of a kind with, in one word.
    pub family: &'static str,
    /// One line.
    pub description: &'static str,
    /// What one iteration is.
    pub iteration: &'static str,
    /// What one work unit is. Every 1,024 of them there is a checkpoint.
    pub unit: &'static str,
    /// What a sample contains.
    pub gives: Gives,
    /// It says on which nodes its pages are, and how many were moved.
    pub numa: bool,
    /// Workers that belong together, besides those that parameters add.
    pub(super) group: u32,
    /// Parameters that are numbers of workers of a group.
    pub(super) group_adds: &'static [&'static str],
    /// What can be given.
    pub parameters: &'static [Parameter],
    /// The parameters are phases: their order counts and they may repeat.
    pub phases: bool,
    pub(super) build: fn(&Given<'_>) -> Work,
}

impl WorkKind {
    /// Most phases in one sequence.
    pub const MAX_PHASES: usize = 32;

    /// An entry for a single worker that gives no samples.
    pub(super) const fn new(
        description: &'static str,
        iteration: &'static str,
        unit: &'static str,
    ) -> Self {
        Self {
            name: "",
            family: "",
            description,
            iteration,
            unit,
            gives: Gives::Counts,
            numa: false,
            group: 1,
            group_adds: &[],
            parameters: &[],
            phases: false,
            build: |_| Work::default(),
        }
    }

    pub(super) const fn gives(mut self, gives: Gives) -> Self {
        self.gives = gives;
        self
    }

    pub(super) const fn numa(mut self) -> Self {
        self.numa = true;
        self
    }

    /// `base` workers and those that parameters add belong together.
    pub(super) const fn group(mut self, base: u32, adds: &'static [&'static str]) -> Self {
        self.group = base;
        self.group_adds = adds;
        self
    }

    /// Every work type.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        super::FAMILIES.iter().copied().flatten()
    }

    /// The work type of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::all().find(|kind| kind.name == name)
    }

    /// The parameter of that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters
            .iter()
            .find(|parameter| parameter.name == name)
    }

    /// How many workers belong together, in words: `2`, or `fan + 1`.
    #[must_use]
    pub fn group_rule(&self) -> String {
        let mut terms: Vec<String> = self
            .group_adds
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
        if self.group > 0 {
            terms.push(self.group.to_string());
        }
        terms.join(" + ")
    }

    /// How many workers belong together with these parameters.
    pub(super) fn group_size(&self, values: &[(&'static str, Value)]) -> u32 {
        let added = values
            .iter()
            .filter(|(name, _)| self.group_adds.contains(name));
        added.fold(self.group, |sum, (_, value)| match value {
            Value::Number(number) => sum.saturating_add(u32::try_from(*number).unwrap_or(u32::MAX)),
            Value::Text(_) => sum,
        })
    }
}

/// A number.
pub(super) const fn number(
    name: &'static str,
    unit: &'static str,
    default: u64,
    (min, max): (u64, u64),
    help: &'static str,
) -> Parameter {
    Parameter {
        name,
        takes: Takes::Number {
            unit,
            default: Some(default),
            min,
            max,
        },
        help,
    }
}

/// Ten million spins take some 20 ms: a stop request waits no longer.
pub(super) const fn spins(default: u64, min: u64, help: &'static str) -> Parameter {
    number("spins", "spins", default, (min, 10_000_000), help)
}

/// A time, at most ten seconds.
pub(super) const fn time(
    name: &'static str,
    default_us: u64,
    min_us: u64,
    help: &'static str,
) -> Parameter {
    number(name, "µs", default_us, (min_us, 10_000_000), help)
}

/// So many workers of a group.
pub(super) const fn workers(name: &'static str, default: u64, help: &'static str) -> Parameter {
    number(name, "workers", default, (1, 64), help)
}

/// A buffer.
pub(super) const fn size_kib(default: u64) -> Parameter {
    number(
        "size-kib",
        "KiB",
        default,
        (4, 262_144),
        "size of the buffer",
    )
}

/// Steps through a buffer.
pub(super) const STRIDE: Parameter = number(
    "stride",
    "bytes",
    64,
    (8, 4096),
    "bytes from one access to the next",
);

/// One of these words.
pub(super) const fn one_of(
    name: &'static str,
    words: &'static [&'static str],
    help: &'static str,
) -> Parameter {
    Parameter {
        name,
        takes: Takes::OneOf(words),
        help,
    }
}

/// What one work unit is where units are spins.
pub(super) const SPIN_UNIT: &str = "1,024 spins";
/// And where what is done besides them counts as one.
pub(super) const SPIN_OR_ROUND: &str = "1,024 spins or one iteration";
