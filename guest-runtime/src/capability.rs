//! What a component can do is what it imports: one capability an interface.

use std::fmt;

/// Name of the contract's package.
pub const PACKAGE: &str = "proscenium:scenario";
/// Version of the contract that this runtime offers.
pub const CONTRACT: (u64, u64, u64) = (0, 1, 0);

/// One interface that can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// Look at the machine.
    Topology,
    /// Cgroups by handle.
    Cgroups,
    /// Steps, backdrop, load.
    Stage,
    /// Programs that the operator declared.
    Payloads,
    /// Schedulers that the operator declared.
    Scheduler,
    /// Judge.
    Checks,
    /// Marks on the timeline.
    Stimulus,
    /// Lines of text.
    Log,
    /// The scenario's clock.
    Clock,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Topology,
        Self::Cgroups,
        Self::Stage,
        Self::Payloads,
        Self::Scheduler,
        Self::Checks,
        Self::Stimulus,
        Self::Log,
        Self::Clock,
    ];

    /// Name of its interface in the contract.
    #[must_use]
    pub fn interface(self) -> &'static str {
        match self {
            Self::Topology => "topology",
            Self::Cgroups => "cgroups",
            Self::Stage => "stage",
            Self::Payloads => "payloads",
            Self::Scheduler => "scheduler",
            Self::Checks => "checks",
            Self::Stimulus => "stimulus",
            Self::Log => "log",
            Self::Clock => "clock",
        }
    }

    /// What it lets a plugin do, in one line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::Topology => "look at CPUs, caches and NUMA nodes",
            Self::Cgroups => {
                "create, set, read, freeze and remove cgroups below the scenario's root"
            }
            Self::Stage => "start workers in cgroups, change them under load, hold",
            Self::Payloads => "start programs that the operator declared, by name",
            Self::Scheduler => "load, swap and drop schedulers that the operator declared, by name",
            Self::Checks => "turn checks on, fail the run, add notes to the report",
            Self::Stimulus => "put named marks on the run's timeline",
            Self::Log => "write log lines, cleaned and bounded",
            Self::Clock => "see how much of the scenario's time is over",
        }
    }

    /// The capability of an interface of our package.
    #[must_use]
    pub fn of_interface(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|capability| capability.interface() == name)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.interface())
    }
}
