//! Work that changes what the scheduler knows of a worker.

use std::time::Duration;

work_types! {
    /// Forks a child that exits at once, and waits for it.
    ForkExit = "fork-exit" {}
    /// Steps through the nice values from -20 to 19, from 0 without the privilege.
    NiceSweep = "nice-sweep" {
        /// Spins before each change; 0 to 10000000 spins (by default 512).
        spins(u64) = "spins";
    }
    /// Pins itself to one of its CPUs after the other.
    AffinityChurn = "affinity-churn" {
        /// Spins before each change; 0 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
    /// Pins a random process of its cgroup to one of its own CPUs, and itself now and then.
    CrossAffinityChurn = "cross-affinity-churn" {
        /// Spins before each change; 0 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
    /// Steps through the policies normal, batch, idle, fifo and round-robin.
    PolicyChurn = "policy-churn" {
        /// Spins before each change; 0 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
    /// Moves itself from its cgroup through others and back, spinning between.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let roaming = CgroupChurn::new().cgroups("left,right");
    /// ```
    CgroupChurn = "cgroup-churn" {
        /// Where it goes besides its own; 1 to 16 names of cgroups of the scenario, separated
        /// by commas.
        cgroups(&str) = "cgroups";
        /// Length of each stay; 100 to 10000000 µs, in whole microseconds (by default
        /// 100000).
        interval(Duration) = "interval-us";
    }
    /// Forks children into another cgroup, which exit at once, and waits for each.
    CgroupAttachStorm = "cgroup-attach-storm" {
        /// Where the children are made; the name of a cgroup of the scenario.
        cgroup(&str) = "cgroup";
        /// Whether the kernel reaps the children by itself.
        ignore_sigchld(bool) = "ignore-sigchld";
    }
}
