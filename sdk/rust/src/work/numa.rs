//! Work that moves memory between NUMA nodes.

use std::time::Duration;

work_types! {
    /// Works on a buffer, which it moves from node to node.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let sweep = NumaWorkingSetSweep::new().size_kib(1024).nodes("0-1");
    /// ```
    NumaWorkingSetSweep = "numa-working-set-sweep" {
        /// Size of the buffer; 4 to 262144 KiB (by default 4096).
        size_kib(u64) = "size-kib";
        /// Length of each stay; 100 to 10000000 µs, in whole microseconds (by default
        /// 100000).
        interval(Duration) = "interval-us";
        /// Where the working set goes, in turn; nodes below 64, as in 0-1,3.
        nodes(&str) = "nodes";
    }
    /// Works on a buffer of 4 MiB while all its memory is migrated from node to node.
    NumaMigrationChurn = "numa-migration-churn" {
        /// Time between migrations; 100 to 10000000 µs, in whole microseconds (by default
        /// 100000).
        interval(Duration) = "interval-us";
    }
}
