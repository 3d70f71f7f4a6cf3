//! Sets of CPUs, by what they mean. They are resolved against the machine when
//! they are applied, so one scenario fits 2 CPUs and 252.
//!
//! [`range`], [`disjoint`] and [`overlap`] divide the *usable* CPUs: all but
//! the highest-numbered one on machines with more than two.

use crate::types::{Cpu, CpusetSpec, FractionRange, Node, Overlap, Partition};

/// Every CPU of last-level cache `index`, counted from 0.
///
/// ```
/// use proscenium_sdk::{cpuset::llc, types::CpusetSpec};
/// assert_eq!(llc(1), CpusetSpec::Llc(1));
/// ```
#[must_use]
pub const fn llc(index: u32) -> CpusetSpec {
    CpusetSpec::Llc(index)
}

/// Every CPU of the NUMA node with this id.
///
/// ```
/// use proscenium_sdk::{cpuset::numa, types::CpusetSpec};
/// assert_eq!(numa(0), CpusetSpec::Numa(0));
/// ```
#[must_use]
pub const fn numa(node: Node) -> CpusetSpec {
    CpusetSpec::Numa(node)
}

/// From `start` to `end`, each 0 to 1 of the usable CPUs.
///
/// ```
/// use proscenium_sdk::cpuset::range;
/// let all_usable = range(0.0, 1.0);
/// # assert!(matches!(all_usable, proscenium_sdk::types::CpusetSpec::Range(r) if r.end == 1.0));
/// ```
#[must_use]
pub const fn range(start: f64, end: f64) -> CpusetSpec {
    CpusetSpec::Range(FractionRange { start, end })
}

/// Part `index` (from 0) of `of` equal parts of the usable CPUs.
///
/// ```
/// use proscenium_sdk::cpuset::disjoint;
/// let (left, right) = (disjoint(0, 2), disjoint(1, 2));
/// assert_ne!(left, right);
/// ```
#[must_use]
pub const fn disjoint(index: u32, of: u32) -> CpusetSpec {
    CpusetSpec::Disjoint(Partition { index, of })
}

/// As [`disjoint`], reaching into the neighbours by `fraction` (0 to 1) of a
/// part. Both sides reach, so a border shares up to twice that.
///
/// ```
/// use proscenium_sdk::cpuset::overlap;
/// assert_ne!(overlap(0, 2, 0.5), overlap(0, 2, 0.25));
/// ```
#[must_use]
pub const fn overlap(index: u32, of: u32, fraction: f64) -> CpusetSpec {
    CpusetSpec::Overlap(Overlap {
        index,
        of,
        fraction,
    })
}

/// Exactly these CPUs, each of which must be there.
///
/// ```
/// use proscenium_sdk::{cpuset::exact, types::CpusetSpec};
/// assert_eq!(exact([0, 2]), CpusetSpec::Exact(vec![0, 2]));
/// ```
#[must_use]
pub fn exact(cpus: impl IntoIterator<Item = Cpu>) -> CpusetSpec {
    CpusetSpec::Exact(cpus.into_iter().collect())
}
