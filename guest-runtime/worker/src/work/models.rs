//! Models of known benchmarks: the same pattern of wake-ups and work, not the
//! same program, so their figures are not comparable with the originals'.
//!
//! Each is one iteration from the gate to the stop; work units count requests.
//! They give cost samples, the time of one request as below, and no wake
//! samples.

use std::time::Duration;

use super::family::family;
use super::kind::{Gives, WorkKind, number, size_kib, time, workers};
use super::nominal;

const RUN: &str = "the whole run";
const REQUEST: &str = "one request";

family! {
    /// Benchmark models.
    Models "models" {
        /// Messages that are handed out to workers, which think and compute.
        Schbench "schbench" = WorkKind::new(
            "a messenger hands requests to workers, which think and then compute", RUN, REQUEST,
        ).group(1, &["workers"]).gives(Gives::Costs("on workers: from the messenger's wake-up until the request is done, the thinking included")) => {
            workers: u64 = workers("workers", 4, "workers for each messenger"),
            size_kib: u64 = size_kib(256),
            operations: u64 = number("operations", "passes", 5, (1, 10_000), "passes over the buffer for each request"),
            think: Duration = time("think-us", 100, 0, "sleep before the computation"),
        }
        /// A cache in front of a slow store.
        Taobench "taobench" = WorkKind::new(
            "fast workers answer from a cache and hand what is not in it to slow workers, which wait for a store",
            RUN, REQUEST,
        ).group(0, &["fast", "slow"]).gives(Gives::Costs("the time of one request: of fast workers the look-up, of slow ones the store's answer and the refill")) => {
            fast: u64 = workers("fast", 2, "workers that answer from the cache"),
            slow: u64 = workers("slow", 2, "workers that wait for the store"),
            size_kib: u64 = size_kib(4096),
            hit_percent: u64 = number("hit-percent", "%", 90, (0, 100), "requests that are answered from the cache"),
            store: Duration = time("store-us", 500, 1, "time that the store takes"),
        }
    }
}

impl Models {
    pub(super) fn demand(&self) -> (f64, u64) {
        match self {
            Self::Schbench {
                size_kib,
                operations,
                think,
                ..
            } => {
                let busy = operations * nominal::pass(*size_kib, 64);
                (nominal::share_ns(busy, nominal::nanos(*think)), u64::MAX)
            }
            Self::Taobench { fast, slow, .. } => (nominal::share_ns(*fast, *slow), u64::MAX),
        }
    }
}
