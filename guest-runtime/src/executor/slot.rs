//! What lives and dies together: the backdrop's things, or one step's.
//!
//! A slot is bookkeeping only. Whoever removes it from the stage hands it to
//! `collect`, which is the one way out for everything in it.

use proscenium_wire::CpuTime;

use super::payloads::Payload;
use super::roster::Roster;
use crate::cpuset::CpuSet;
use crate::world::{CrewId, GroupId};

/// Key of workers beside the runtime.
pub(super) const RUNNER: &str = "";

/// A cgroup that is tracked.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) id: GroupId,
    /// The set in force, if one was given.
    pub(super) cpuset: Option<CpuSet>,
    /// Nodes in force, if given.
    pub(super) mems: Option<CpuSet>,
    /// Every CPU that a set in force ever had; `None` once it was unrestricted
    /// while something ran. A worker seen elsewhere broke out.
    pub(super) allowed: Allowed,
    /// A payload ran in it, and may have left something behind.
    pub(super) hosted_payload: bool,
    /// Made only because a nested name needed it.
    pub(super) implicit: bool,
    pub(super) frozen: bool,
    /// The kernel's accounting when the current phase began.
    pub(super) cpu_base: Option<CpuTime>,
    /// The kernel's accounting of each finished phase.
    pub(super) cpu_phases: Vec<(u16, CpuTime)>,
}

/// CPUs on which a cgroup's workers may have been seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Allowed {
    /// No set was ever recorded.
    #[default]
    Unknown,
    /// The union of all sets in force so far.
    Within(CpuSet),
    /// It was unrestricted for a time: nothing can be said.
    Anywhere,
}

impl Group {
    pub(super) fn new(name: String, id: GroupId, implicit: bool) -> Self {
        Self {
            name,
            id,
            cpuset: None,
            mems: None,
            allowed: Allowed::default(),
            hosted_payload: false,
            implicit,
            frozen: false,
            cpu_base: None,
            cpu_phases: Vec::new(),
        }
    }

    /// Records the set in force; `None`: the parent's.
    pub(super) fn record_cpuset(&mut self, cpus: Option<CpuSet>) {
        self.allowed = match (&self.allowed, &cpus) {
            (Allowed::Unknown, Some(set)) => Allowed::Within(set.clone()),
            (Allowed::Within(before), Some(set)) => {
                let mut union = before.clone();
                union.extend(set);
                Allowed::Within(union)
            }
            (_, None) | (Allowed::Anywhere, _) => Allowed::Anywhere,
        };
        self.cpuset = cpus;
    }

    /// The set that no worker may have left, if that can be said.
    pub(super) fn bounds(&self) -> Option<&CpuSet> {
        match &self.allowed {
            Allowed::Within(set) => Some(set),
            Allowed::Unknown | Allowed::Anywhere => None,
        }
    }
}

/// Equal workers.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Name of their work type.
    pub(super) work: String,
    pub(super) workers: u32,
}

/// The workers of one handle.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    pub(super) id: CrewId,
    /// Name of the cgroup that it is in; [`RUNNER`] beside the runtime.
    pub(super) key: String,
    /// Its kinds of workers, in order: one, or several that share a process.
    pub(super) parts: Vec<Part>,
    /// Cgroups into which its workers go, or put others, by themselves.
    pub(super) reaches: Vec<GroupId>,
}

impl Crew {
    pub(super) fn workers(&self) -> u32 {
        let workers = self.parts.iter().map(|part| part.workers);
        workers.fold(0, u32::saturating_add)
    }

    /// What its workers do, for messages.
    pub(super) fn work(&self) -> String {
        let names: Vec<&str> = self.parts.iter().map(|part| &*part.work).collect();
        names.join(", ")
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) groups: Roster,
    /// In order of creation.
    pub(super) crews: Vec<Crew>,
    /// In order of their start.
    pub(super) payloads: Vec<Payload>,
}

impl Slot {
    /// Takes the crews of one cgroup out, in order.
    pub(super) fn take_crews(&mut self, key: &str) -> Vec<Crew> {
        let (taken, kept) = std::mem::take(&mut self.crews)
            .into_iter()
            .partition(|c| c.key == key);
        self.crews = kept;
        taken
    }

    pub(super) fn worker_count(&self) -> usize {
        self.crews.iter().map(|crew| crew.workers() as usize).sum()
    }

    /// Names for messages, bounded.
    pub(super) fn names(&self) -> String {
        const SHOWN: usize = 20;
        if self.groups.is_empty() {
            return "none".to_owned();
        }
        let mut names: Vec<&str> = self.groups.iter().take(SHOWN).map(|g| &*g.name).collect();
        if self.groups.len() > SHOWN {
            names.push("…");
        }
        names.join(", ")
    }
}
