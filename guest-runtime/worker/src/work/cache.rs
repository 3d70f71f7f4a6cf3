//! Work of one worker on memory.
//!
//! A wake sample of `cache-yield` is the time of the yield. The others do not
//! give any: they never wait on purpose.

use super::family::family;
use super::kind::{Gives, STRIDE, WorkKind, number, size_kib, spins};
use super::nominal;

family! {
    /// Work on memory.
    Cache "cache" {
        /// Strided read-modify-write over a buffer.
        Pressure "cache-pressure" = WorkKind::new(
            "reads, changes and writes a buffer in strides",
            "one pass over the buffer", "1,024 accesses",
        ) => {
            size_kib: u64 = size_kib(32),
            stride: u64 = STRIDE,
        }
        /// The same, with a yield after each pass.
        Yield "cache-yield" = WorkKind::new(
            "reads, changes and writes a buffer in strides, then yields",
            "one pass over the buffer and a yield", "1,024 accesses or one yield",
        ).gives(Gives::Wakes("the time of the yield")) => {
            size_kib: u64 = size_kib(32),
            stride: u64 = STRIDE,
        }
        /// Maps memory, touches some of its pages, unmaps it.
        PageFaultChurn "page-fault-churn" = WorkKind::new(
            "maps memory, touches pages of it at random and unmaps it",
            "one mapping", "one touch, or 1,024 spins",
        ) => {
            size_kib: u64 = size_kib(4096),
            touches: u64 = number("touches", "touches", 256, (1, 65_536), "pages touched in each mapping"),
            spins: u64 = spins(64, 0, "spins after each touch"),
        }
    }
}

impl Cache {
    pub(super) fn demand(&self) -> (f64, u64) {
        let cost = match self {
            Self::Pressure { size_kib, stride } => nominal::pass(*size_kib, *stride),
            Self::Yield { size_kib, stride } => {
                nominal::pass(*size_kib, *stride) + nominal::YIELD_NS
            }
            Self::PageFaultChurn { touches, spins, .. } => {
                touches * (nominal::FAULT_NS + nominal::spins(*spins))
            }
        };
        (1.0, cost)
    }
}
