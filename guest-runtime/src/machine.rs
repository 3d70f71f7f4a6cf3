//! What the machine looks like: CPUs, caches, cores, nodes.
//!
//! Plain data; who discovers it (sysfs, a topology spec) is the world's affair.

use std::collections::BTreeSet;

use crate::cpuset::CpuSet;

/// One last-level cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Llc {
    /// The kernel's cache id.
    pub id: u32,
    /// CPUs that share it.
    pub cpus: CpuSet,
    /// NUMA node it belongs to.
    pub node: u32,
}

/// One core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// Its hardware threads.
    pub cpus: CpuSet,
    /// Index into [`Machine::llcs`].
    pub llc: usize,
}

/// The machine that a scenario sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// CPUs online and allowed.
    pub cpus: CpuSet,
    /// Last-level caches, by lowest CPU.
    pub llcs: Vec<Llc>,
    /// Cores, by lowest CPU.
    pub cores: Vec<Core>,
    /// NUMA node ids, those without CPUs included.
    pub nodes: BTreeSet<u32>,
}

impl Machine {
    /// A uniform machine: `nodes` nodes, `llcs` caches in all, `cores` per
    /// cache, `threads` per core; CPUs number cache by cache, core by core.
    /// `llcs` is a multiple of `nodes`; a shape without CPUs is one CPU.
    #[must_use]
    pub fn uniform(nodes: u32, llcs: u32, cores: u32, threads: u32) -> Self {
        let (nodes, llcs, cores, threads) =
            (nodes.max(1), llcs.max(1), cores.max(1), threads.max(1));
        let llcs_per_node = (llcs / nodes).max(1);
        let mut machine = Self {
            nodes: (0..nodes).collect(),
            ..Self::default()
        };
        let mut next = 0;
        for id in 0..llcs {
            let node = (id / llcs_per_node).min(nodes - 1);
            let mut cpus = CpuSet::new();
            for _ in 0..cores {
                let core: CpuSet = (next..next + threads).collect();
                next += threads;
                cpus.extend(&core);
                machine.cores.push(Core {
                    cpus: core,
                    llc: machine.llcs.len(),
                });
            }
            machine.cpus.extend(&cpus);
            machine.llcs.push(Llc { id, cpus, node });
        }
        machine
    }

    /// CPUs that fractions and partitions divide: all, but for the highest
    /// one where there are more than two.
    #[must_use]
    pub fn usable(&self) -> Vec<u32> {
        let mut cpus: Vec<u32> = self.cpus.iter().collect();
        if cpus.len() > 2 {
            cpus.pop();
        }
        cpus
    }

    /// Nodes of the caches that `cpus` touches.
    #[must_use]
    pub fn nodes_of(&self, cpus: &CpuSet) -> BTreeSet<u32> {
        self.llcs
            .iter()
            .filter(|llc| !llc.cpus.intersection(cpus).is_empty())
            .map(|llc| llc.node)
            .collect()
    }

    /// Whether any core has two hardware threads.
    #[must_use]
    pub fn has_smt(&self) -> bool {
        self.cores.iter().any(|core| core.cpus.len() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_number_cache_by_cache() {
        let machine = Machine::uniform(2, 4, 2, 2);
        assert_eq!(machine.cpus.len(), 16);
        assert_eq!(machine.llcs[3].cpus.to_string(), "12-15");
        assert_eq!(machine.llcs[3].node, 1);
        assert_eq!(machine.cores[1].cpus.to_string(), "2-3");
        assert_eq!(
            machine.nodes_of(&CpuSet::from([0, 15].as_slice())),
            [0, 1].into()
        );
    }

    #[test]
    fn the_highest_cpu_is_reserved_on_machines_with_more_than_two() {
        assert_eq!(Machine::uniform(1, 1, 2, 1).usable(), [0, 1]);
        assert_eq!(Machine::uniform(1, 1, 4, 1).usable(), [0, 1, 2]);
    }
}
