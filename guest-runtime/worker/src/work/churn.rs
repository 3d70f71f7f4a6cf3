//! Work that changes what the scheduler knows of a worker.
//!
//! A wake sample is the time of the yield that follows each change, or for
//! types that fork the time of the wait for the child, the child's life
//! included. `cgroup-churn` gives none. A change that is refused is on record
//! in the report (`SetupStep::Work`), and the worker goes on.

use std::time::Duration;

use super::family::family;
use super::kind::{Gives, Parameter, SPIN_OR_ROUND, Takes, WorkKind, number, spins, time};
use super::nominal;
use super::value::Cgroups;

const YIELD: Gives = Gives::Wakes("the time of the yield");
const WAIT: Gives = Gives::Wakes("the time of the wait, the child's life included");
const BEFORE: &str = "spins before each change";
const CHANGE: &str = "one burst of spins, a change and a yield";

const fn cgroups(name: &'static str, most: usize, help: &'static str) -> Parameter {
    Parameter {
        name,
        takes: Takes::Cgroups(most),
        help,
    }
}

family! {
    /// Changes under way.
    Churn "churn" {
        /// Forks a child that exits at once, and waits for it.
        ForkExit "fork-exit" = WorkKind::new(
            "forks a child that exits at once, and waits for it", "one child", "one child",
        ).gives(WAIT) => {}
        /// Steps through the nice values.
        NiceSweep "nice-sweep" = WorkKind::new(
            "steps through the nice values from -20 to 19, from 0 without the privilege",
            CHANGE, SPIN_OR_ROUND,
        ).gives(YIELD) => {
            spins: u64 = spins(512, 0, BEFORE),
        }
        /// Pins itself to one CPU after the other.
        Affinity "affinity-churn" = WorkKind::new(
            "pins itself to one of its CPUs after the other", CHANGE, SPIN_OR_ROUND,
        ).gives(YIELD) => {
            spins: u64 = spins(1024, 0, BEFORE),
        }
        /// Pins others of its cgroup.
        CrossAffinity "cross-affinity-churn" = WorkKind::new(
            "pins a random process of its cgroup to one of its own CPUs, and itself now and then",
            CHANGE, SPIN_OR_ROUND,
        ).gives(YIELD) => {
            spins: u64 = spins(1024, 0, BEFORE),
        }
        /// Steps through the scheduling policies.
        Policy "policy-churn" = WorkKind::new(
            "steps through the policies normal, batch, idle, fifo and round-robin",
            CHANGE, SPIN_OR_ROUND,
        ).gives(YIELD) => {
            spins: u64 = spins(1024, 0, BEFORE),
        }
        /// Moves itself among cgroups.
        Cgroup "cgroup-churn" = WorkKind::new(
            "moves itself from its cgroup through others and back, spinning between",
            "one stay in a cgroup", "1,024 spins",
        ) => {
            cgroups: Cgroups = cgroups("cgroups", 16, "where it goes besides its own"),
            interval: Duration = time("interval-us", 100_000, 100, "length of each stay"),
        }
        /// Forks children into another cgroup.
        AttachStorm "cgroup-attach-storm" = WorkKind::new(
            "forks children into another cgroup, which exit at once, and waits for each",
            "one child", "one child",
        ).gives(WAIT) => {
            cgroup: Cgroups = cgroups("cgroup", 1, "where the children are made"),
            ignore_sigchld: bool = number("ignore-sigchld", "", 0, (0, 1),
                "1: the kernel reaps the children by itself"),
        }
    }
}

impl Churn {
    pub(super) fn demand(&self) -> (f64, u64) {
        let cost = match self {
            Self::ForkExit {} | Self::AttachStorm { .. } => nominal::FORK_NS,
            Self::NiceSweep { spins }
            | Self::Affinity { spins }
            | Self::CrossAffinity { spins }
            | Self::Policy { spins } => nominal::spins(*spins) + nominal::HANDOFF_NS,
            Self::Cgroup { interval, .. } => nominal::nanos(*interval),
        };
        (1.0, cost)
    }
}
