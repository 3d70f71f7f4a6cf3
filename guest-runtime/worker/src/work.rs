//! The work types: typed, with what the simulated world needs to know of them.
//!
//! [`Work`] is what travels to the worker. There is one module for each family
//! of types; its header says what a sample of each contains. Names, parameters,
//! ranges and what is measured stand there once ([`WorkKind::all`]); the
//! parser, its errors and the documentation come from that.

use serde::{Deserialize, Serialize};

mod cache;
mod churn;
mod compute;
mod family;
mod groups;
mod io;
mod kind;
mod models;
mod net;
mod nominal;
mod numa;
mod pairs;
mod parse;
mod privilege;
mod sequence;
mod timers;
mod value;

pub use cache::Cache;
pub use churn::Churn;
pub use compute::Compute;
pub use groups::Groups;
pub use io::Io;
pub use kind::{Gives, Parameter, Takes, WorkKind};
pub use models::Models;
pub use net::Net;
pub use numa::Numa;
pub use pairs::Pairs;
pub use parse::WorkError;
pub use privilege::Privilege;
pub use sequence::{Phase, PhaseKind, Sequence};
pub use timers::Timers;
pub use value::{Cgroups, Class, Lock, Nodes, Through, Value, Width};

/// What each worker of a crew does until it is told to stop.
///
/// See [`WorkKind::all`] for what one iteration and one work unit of each is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Work {
    /// Computation.
    Compute(Compute),
    /// Memory.
    Cache(Cache),
    /// Files.
    Io(Io),
    /// Two partners.
    Pairs(Pairs),
    /// Several workers that depend on each other.
    Groups(Groups),
    /// Changes of what the scheduler knows of a worker.
    Churn(Churn),
    /// Memory on the move.
    Numa(Numa),
    /// Packets.
    Net(Net),
    /// Sleeps.
    Timers(Timers),
    /// Benchmark models.
    Models(Models),
    /// Phases one after the other.
    Sequence(Sequence),
    /// A loop that the scenario's component exports, run in an instance of its
    /// own. Not one of the catalogue: it cannot be parsed, and the worker of
    /// built-in loops does not do it.
    Exported {
        /// Its name among the component's.
        name: String,
        /// Most linear memory of the instance, in bytes.
        memory_bytes: u64,
    },
}

/// The catalogue, by family.
const FAMILIES: &[&[WorkKind]] = &[
    Compute::KINDS,
    Cache::KINDS,
    Io::KINDS,
    Pairs::KINDS,
    Groups::KINDS,
    Timers::KINDS,
    Churn::KINDS,
    Numa::KINDS,
    Net::KINDS,
    Models::KINDS,
    Sequence::KINDS,
];

/// What one worker wants of a machine on which it is alone. Nominal figures
/// for the simulated world: good for plausibility, not for predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Share of one CPU, 0 to 1, its short-lived children included.
    pub cpu_share: f64,
    /// CPU time of one iteration in nanoseconds, at least 1.
    pub iteration_ns: u64,
}

/// A cgroup of which the workers need the directory, see
/// [`Work::directories`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directory<'a> {
    /// The one that they start in.
    Own,
    /// The one that the scenario calls so.
    Named(&'a str),
}

/// The same call on whatever family it is.
macro_rules! each {
    ($work:expr, $family:ident => $built_in:expr, $exported:pat => $own:expr) => {
        match $work {
            Work::Compute($family) => $built_in,
            Work::Cache($family) => $built_in,
            Work::Io($family) => $built_in,
            Work::Pairs($family) => $built_in,
            Work::Groups($family) => $built_in,
            Work::Churn($family) => $built_in,
            Work::Numa($family) => $built_in,
            Work::Net($family) => $built_in,
            Work::Timers($family) => $built_in,
            Work::Models($family) => $built_in,
            Work::Sequence($family) => $built_in,
            $exported => $own,
        }
    };
}

impl Work {
    /// The work type `name` with `parameters`; what is not given has its
    /// default.
    ///
    /// # Errors
    /// An unknown name or parameter (the error lists the known ones), a value
    /// out of its range or of another kind, a parameter given twice or missing,
    /// a sequence without phases.
    pub fn parse(name: &str, parameters: &[(String, Value)]) -> Result<Self, WorkError> {
        parse::parse(name, parameters)
    }

    /// Its entry in the catalogue; none of exported work.
    #[must_use]
    pub fn kind(&self) -> Option<&'static WorkKind> {
        each!(self, family => Some(family.kind()), Self::Exported { .. } => None)
    }

    /// Its name: as [`Work::parse`] takes it, or the component's own.
    #[must_use]
    pub fn name(&self) -> &str {
        each!(self, family => family.kind().name, Self::Exported { name, .. } => name)
    }

    /// How many workers belong together; a crew is a multiple of it.
    #[must_use]
    pub fn group_size(&self) -> u32 {
        each!(self,
            family => family.kind().group_size(&family.values()),
            Self::Exported { .. } => 1)
    }

    /// Its parameters, as [`Work::parse`] takes them.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, Value)> {
        let values = each!(self, family => family.values(), Self::Exported { .. } => Vec::new());
        values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// What its samples are.
    #[must_use]
    pub fn gives(&self) -> Gives {
        self.kind().map_or(Gives::Counts, |kind| kind.gives)
    }

    /// The cgroups whose directories its workers inherit, in this order.
    #[must_use]
    pub fn directories(&self) -> Vec<Directory<'_>> {
        let (own, named) = match self {
            Self::Churn(Churn::CrossAffinity { .. }) => (true, None),
            Self::Churn(Churn::Cgroup { cgroups, .. }) => (true, Some(cgroups)),
            Self::Churn(Churn::AttachStorm { cgroup, .. }) => (false, Some(cgroup)),
            _ => (false, None),
        };
        let named = named.into_iter().flat_map(|cgroups| &cgroups.0);
        own.then_some(Directory::Own)
            .into_iter()
            .chain(named.map(|name| Directory::Named(name)))
            .collect()
    }

    /// Its workers cannot be threads of one process: they start or reap
    /// children, or run a component's own code.
    #[must_use]
    pub fn needs_own_process(&self) -> bool {
        matches!(
            self,
            Self::Churn(Churn::ForkExit {} | Churn::AttachStorm { .. }) | Self::Exported { .. }
        )
    }

    /// The nodes that it names.
    #[must_use]
    pub fn nodes(&self) -> &[u32] {
        match self {
            Self::Numa(Numa::WorkingSetSweep { nodes, .. }) => &nodes.0,
            _ => &[],
        }
    }

    /// What one worker wants when it is alone.
    #[must_use]
    pub fn demand(&self) -> Demand {
        let (cpu_share, iteration_ns) = each!(self,
            family => family.demand(),
            Self::Exported { .. } => (1.0, nominal::EXPORTED_NS));
        Demand {
            cpu_share,
            iteration_ns: iteration_ns.max(1),
        }
    }
}

impl Default for Work {
    /// What a cgroup gets that names no work.
    fn default() -> Self {
        Self::Compute(Compute::SpinWait { spins: 1024 })
    }
}
