//! Models of known benchmarks: the same pattern, not the same program.

use std::time::Duration;

work_types! {
    /// A messenger hands requests to workers, which think and then compute.
    ///
    /// In groups of `workers + 1`.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let def = CgroupDef::new("service").workers(9).work(Schbench::new().workers(8));
    /// ```
    Schbench = "schbench" {
        /// Workers for each messenger; 1 to 64 workers (by default 4).
        workers(u64) = "workers";
        /// Size of the buffer; 4 to 262144 KiB (by default 256).
        size_kib(u64) = "size-kib";
        /// Passes over the buffer for each request; 1 to 10000 passes (by default 5).
        operations(u64) = "operations";
        /// Sleep before the computation; 0 to 10000000 µs, in whole microseconds (by default
        /// 100).
        think(Duration) = "think-us";
    }
    /// Fast workers answer from a cache and hand what is not in it to slow workers, which
    /// wait for a store.
    ///
    /// In groups of `fast + slow`.
    Taobench = "taobench" {
        /// Workers that answer from the cache; 1 to 64 workers (by default 2).
        fast(u64) = "fast";
        /// Workers that wait for the store; 1 to 64 workers (by default 2).
        slow(u64) = "slow";
        /// Size of the buffer; 4 to 262144 KiB (by default 4096).
        size_kib(u64) = "size-kib";
        /// Requests that are answered from the cache; 0 to 100 % (by default 90).
        hit_percent(u64) = "hit-percent";
        /// Time that the store takes; 1 to 10000000 µs, in whole microseconds (by default
        /// 500).
        store(Duration) = "store-us";
    }
}
