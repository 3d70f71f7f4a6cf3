//! Work that moves memory between NUMA nodes.
//!
//! Both types report on which nodes the pages of their buffer were found, as
//! last seen, and how many pages were moved in all. A wake sample of
//! `numa-working-set-sweep` is the time of the call that moves the working
//! set; `numa-migration-churn` gives none. On one node there is nowhere to
//! move to: the calls are made all the same.

use std::time::Duration;

use super::family::family;
use super::kind::{Gives, Parameter, Takes, WorkKind, size_kib, time};
use super::nominal;
use super::value::Nodes;

family! {
    /// Memory on the move.
    Numa "numa" {
        /// Moves its working set from node to node.
        WorkingSetSweep "numa-working-set-sweep" = WorkKind::new(
            "works on a buffer, which it moves from node to node", "one stay on a node", "1,024 accesses",
        ).numa().gives(Gives::Wakes("the time of the move_pages call")) => {
            size_kib: u64 = size_kib(4096),
            interval: Duration = time("interval-us", 100_000, 100, "length of each stay"),
            nodes: Nodes = Parameter { name: "nodes", takes: Takes::Nodes, help: "where the working set goes, in turn" },
        }
        /// Has the kernel migrate all its pages.
        MigrationChurn "numa-migration-churn" = WorkKind::new(
            "works on a buffer of 4 MiB while all its memory is migrated from node to node",
            "one migration", "1,024 accesses",
        ).numa() => {
            interval: Duration = time("interval-us", 100_000, 100, "time between migrations"),
        }
    }
}

impl Numa {
    pub(super) fn demand(&self) -> (f64, u64) {
        let (Self::WorkingSetSweep { interval, .. } | Self::MigrationChurn { interval }) = self;
        (1.0, nominal::nanos(*interval))
    }
}
