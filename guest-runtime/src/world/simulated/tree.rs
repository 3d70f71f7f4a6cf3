//! The simulated cgroup tree, with the rules of the kernel's
//! Documentation/admin-guide/cgroup-v2.rst: which files exist, what they take,
//! when a directory is busy.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::errno::Errno;

use crate::cpuset::CpuSet;
use crate::world::{Controllers, GroupId, Knob, WorldError};

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: BTreeMap<GroupId, Node>,
    next: u32,
}

#[derive(Debug, Default)]
pub(super) struct Node {
    name: String,
    parent: Option<GroupId>,
    subtree: Controllers,
    pub(super) files: BTreeMap<Knob, String>,
    cpus: Option<CpuSet>,
    effective: CpuSet,
    pub(super) usage: Duration,
    /// Usage and want of the span under way, in CPUs.
    pub(super) gets: f64,
    pub(super) wants: f64,
    pub(super) periods: u64,
    pub(super) throttled: u64,
    pub(super) throttled_time: Duration,
    pub(super) stalled: Duration,
    pub(super) avg10: f64,
}

impl Tree {
    pub(super) fn new(cpus: CpuSet) -> Self {
        let root = Node {
            effective: cpus,
            ..Node::default()
        };
        Self {
            nodes: [(GroupId::ROOT, root)].into(),
            next: 1,
        }
    }

    fn node(&self, group: GroupId) -> Result<&Node, WorldError> {
        self.nodes.get(&group).ok_or_else(|| WorldError::Gone {
            what: format!("cgroup #{}", group.0),
        })
    }

    pub(super) fn name(&self, group: GroupId) -> Result<&str, WorldError> {
        Ok(&self.node(group)?.name)
    }

    pub(super) fn child_name(&self, parent: GroupId, name: &str) -> Result<String, WorldError> {
        let above = self.name(parent)?;
        Ok(if above.is_empty() {
            name.to_owned()
        } else {
            format!("{above}/{name}")
        })
    }

    fn children(&self, group: GroupId) -> impl Iterator<Item = GroupId> + '_ {
        self.nodes
            .iter()
            .filter(move |(_, node)| node.parent == Some(group))
            .map(|(id, _)| *id)
    }

    pub(super) fn create(&mut self, parent: GroupId, name: &str) -> Result<GroupId, WorldError> {
        let name = self.child_name(parent, name)?;
        if self
            .nodes
            .values()
            .any(|node| node.parent == Some(parent) && node.name == name)
        {
            return Err(WorldError::Kernel {
                what: format!("create cgroup {name:?}"),
                errno: Errno::EEXIST,
            });
        }
        let effective = self.node(parent)?.effective.clone();
        let id = GroupId(self.next);
        self.next += 1;
        self.nodes.insert(
            id,
            Node {
                name,
                parent: Some(parent),
                effective,
                ..Node::default()
            },
        );
        Ok(id)
    }

    pub(super) fn remove(&mut self, group: GroupId, busy: bool) -> Result<(), WorldError> {
        if busy || self.children(group).next().is_some() {
            let what = format!("remove cgroup {:?}", self.name(group)?);
            return Err(WorldError::Kernel {
                what,
                errno: Errno::EBUSY,
            });
        }
        self.nodes.remove(&group);
        Ok(())
    }

    pub(super) fn enable(
        &mut self,
        group: GroupId,
        controllers: Controllers,
        busy: bool,
    ) -> Result<(), WorldError> {
        let node = self.node(group)?;
        let offered = node.parent.map_or(Ok(Controllers::all()), |parent| {
            self.node(parent).map(|p| p.subtree)
        })?;
        let errno = if busy {
            Errno::EBUSY
        } else if !offered.contains(controllers) {
            Errno::ENOENT
        } else {
            if let Some(node) = self.nodes.get_mut(&group) {
                node.subtree |= controllers;
            }
            return Ok(());
        };
        let value = format!("+{controllers}");
        Err(WorldError::Write {
            group: node.name.clone(),
            knob: Knob::SubtreeControl,
            value,
            errno,
        })
    }

    pub(super) fn has_enabled_children(&self, group: GroupId) -> bool {
        group != GroupId::ROOT
            && self
                .nodes
                .get(&group)
                .is_some_and(|node| !node.subtree.is_empty())
    }

    /// Whether the file exists: its controller is enabled in the parent.
    pub(super) fn exists(&self, node: &Node, knob: Knob) -> bool {
        let Some(controller) = knob.controller() else {
            return true;
        };
        let parent = node.parent.and_then(|parent| self.nodes.get(&parent));
        parent.is_some_and(|parent| parent.subtree.names().any(|name| name == controller))
    }

    pub(super) fn write(
        &mut self,
        group: GroupId,
        knob: Knob,
        value: &str,
    ) -> Result<(), WorldError> {
        let node = self.node(group)?;
        let fail = |errno| {
            Err(WorldError::Write {
                group: node.name.clone(),
                knob,
                value: value.to_owned(),
                errno,
            })
        };
        if !self.exists(node, knob) {
            return fail(Errno::ENOENT);
        }
        let value = value.trim();
        if !accepted(knob, value) {
            return fail(Errno::EINVAL);
        }
        if knob == Knob::SubtreeControl {
            return self.disable(group, value);
        }
        let cpus = match knob {
            Knob::CpusetCpus => match value.parse::<CpuSet>() {
                Ok(cpus) if cpus.is_subset(&self.node(GroupId::ROOT)?.effective) => Some(cpus),
                _ => return fail(Errno::EINVAL),
            },
            _ => None,
        };
        if let Some(node) = self.nodes.get_mut(&group) {
            node.files.insert(knob, value.to_owned());
            if let Some(cpus) = cpus {
                node.cpus = (!cpus.is_empty()).then_some(cpus);
                self.spread_cpus(group);
            }
        }
        Ok(())
    }

    fn disable(&mut self, group: GroupId, value: &str) -> Result<(), WorldError> {
        let gone = Controllers::parse(&value.replace('-', ""));
        if let Some(node) = self.nodes.get_mut(&group) {
            node.subtree -= gone;
        }
        Ok(())
    }

    /// Effective sets of a cgroup and all below it; an empty or foreign set
    /// means the parent's.
    fn spread_cpus(&mut self, group: GroupId) {
        let above = self
            .nodes
            .get(&group)
            .and_then(|node| node.parent)
            .and_then(|parent| self.nodes.get(&parent))
            .map(|parent| parent.effective.clone())
            .unwrap_or_default();
        if let Some(node) = self.nodes.get_mut(&group) {
            let own = node.cpus.as_ref().map(|cpus| cpus.intersection(&above));
            node.effective = own.filter(|cpus| !cpus.is_empty()).unwrap_or(above);
        }
        let children: Vec<_> = self.children(group).collect();
        children
            .into_iter()
            .for_each(|child| self.spread_cpus(child));
    }

    pub(super) fn read(&self, group: GroupId, knob: Knob) -> Result<String, WorldError> {
        let node = self.node(group)?;
        if !self.exists(node, knob) {
            return Err(WorldError::Read {
                group: node.name.clone(),
                knob,
                errno: Errno::ENOENT,
            });
        }
        let written = || node.files.get(&knob).cloned();
        Ok(match knob {
            Knob::CpusetCpusEffective => node.effective.to_string(),
            Knob::CpuStat => self.cpu_stat(node),
            Knob::CpuPressure => format!(
                "some avg10={:.2} avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
                node.avg10,
                node.stalled.as_micros()
            ),
            Knob::MemoryPressure | Knob::IoPressure => {
                "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n".into()
            }
            Knob::SubtreeControl => node.subtree.to_string(),
            Knob::CpuWeight | Knob::IoWeight => written().unwrap_or_else(|| "100".into()),
            Knob::CpuMax => written().unwrap_or_else(|| "max 100000".into()),
            Knob::MemoryMax | Knob::MemoryHigh | Knob::MemorySwapMax | Knob::PidsMax => {
                written().unwrap_or_else(|| "max".into())
            }
            Knob::MemoryLow | Knob::MemoryCurrent | Knob::Freeze => written().unwrap_or_else(|| "0".into()),
            Knob::CpusetCpus | Knob::CpusetMems | Knob::Procs | Knob::Kill => written().unwrap_or_default(),
        })
    }

    pub(super) fn effective(&self, group: GroupId) -> &CpuSet {
        self.nodes.get(&group).map_or_else(
            || &self.nodes[&GroupId::ROOT].effective,
            |node| &node.effective,
        )
    }

    pub(super) fn is_within(&self, group: GroupId, ancestor: GroupId) -> bool {
        self.ancestors(group).any(|id| id == ancestor)
    }

    pub(super) fn is_frozen(&self, group: GroupId) -> bool {
        self.ancestors(group).any(|id| {
            self.nodes[&id]
                .files
                .get(&Knob::Freeze)
                .is_some_and(|value| value == "1")
        })
    }

    /// The cgroup itself and all above it that are alive.
    pub(super) fn ancestors(&self, group: GroupId) -> impl Iterator<Item = GroupId> + '_ {
        let alive = |id: GroupId| self.nodes.contains_key(&id).then_some(id);
        std::iter::successors(alive(group), move |id| {
            self.nodes[id].parent.and_then(alive)
        })
    }

    /// The root's own `pids.max`, which no scenario writes.
    pub(super) fn confine(&mut self, processes: u32) {
        if let Some(root) = self.nodes.get_mut(&GroupId::ROOT) {
            root.files.insert(Knob::PidsMax, processes.to_string());
        }
    }

    /// Room under `pids.max`, this cgroup's and those above it.
    pub(super) fn pids_room(&self, group: GroupId, tasks: impl Fn(GroupId) -> usize) -> usize {
        let room = |id: GroupId| {
            let max: usize = self.nodes[&id].files.get(&Knob::PidsMax)?.parse().ok()?;
            let below = self
                .nodes
                .keys()
                .filter(|other| self.is_within(**other, id));
            Some(max.saturating_sub(below.map(|other| tasks(*other)).sum()))
        };
        self.ancestors(group)
            .filter_map(room)
            .min()
            .unwrap_or(usize::MAX)
    }
}

/// Whether the kernel takes this text.
fn accepted(knob: Knob, value: &str) -> bool {
    let number =
        |range: std::ops::RangeInclusive<u64>| value.parse().is_ok_and(|n| range.contains(&n));
    let limit = || value == "max" || value.parse::<u64>().is_ok();
    match knob {
        Knob::CpuWeight | Knob::IoWeight => number(1..=10_000),
        // Quota from 1 ms, period from 1 ms to 1 s.
        Knob::CpuMax => value.split_once(' ').is_some_and(|(quota, period)| {
            (quota == "max" || quota.parse::<u64>().is_ok_and(|quota| quota >= 1_000))
                && period
                    .parse::<u64>()
                    .is_ok_and(|period| (1_000..=1_000_000).contains(&period))
        }),
        Knob::MemoryMax
        | Knob::MemoryHigh
        | Knob::MemoryLow
        | Knob::MemorySwapMax
        | Knob::PidsMax => limit(),
        Knob::Freeze => number(0..=1),
        Knob::Kill => value == "1",
        Knob::CpusetCpus | Knob::CpusetMems => value.parse::<CpuSet>().is_ok(),
        Knob::SubtreeControl => value.split_whitespace().all(|word| word.starts_with('-')),
        Knob::CpusetCpusEffective
        | Knob::CpuStat
        | Knob::CpuPressure
        | Knob::MemoryCurrent
        | Knob::MemoryPressure
        | Knob::IoPressure
        | Knob::Procs => false,
    }
}
