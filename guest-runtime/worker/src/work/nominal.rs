//! What things cost on an x86 server at about 3 GHz with files in memory, as
//! orders of magnitude, for the simulated world. Nothing is measured here.

use std::time::Duration;

use crate::burst::SPINS_PER_UNIT;

/// Nanoseconds of CPU time for 1024 spins.
const UNIT_NS: u64 = 1_800;
/// A thousand accesses in the first-level cache.
const THOUSAND_ACCESSES_NS: u64 = 400;
/// A yield with nobody to yield to.
pub(super) const YIELD_NS: u64 = 300;
/// 1 KiB copied to or from a file in memory.
pub(super) const COPY_KIB_NS: u64 = 250;
/// Going to sleep and being woken by a partner.
pub(super) const HANDOFF_NS: u64 = 4_000;
/// Making and reaping a process.
pub(super) const FORK_NS: u64 = 100_000;
/// An access that misses all caches.
pub(super) const MISS_NS: u64 = 80;
/// A fault that gets a fresh page.
pub(super) const FAULT_NS: u64 = 500;
/// Sending and taking a signal.
pub(super) const SIGNAL_NS: u64 = 1_500;
/// Sending and receiving a packet over loopback.
pub(super) const PACKET_NS: u64 = 5_000;
/// One unit of a loop of which nothing is known.
pub(super) const EXPORTED_NS: u64 = 1_000;

pub(super) fn spins(spins: u64) -> u64 {
    spins.saturating_mul(UNIT_NS) / SPINS_PER_UNIT
}

/// Rounds of independent arithmetic.
pub(super) fn rounds(rounds: u64) -> u64 {
    rounds.saturating_mul(3)
}

/// One strided pass over a buffer.
pub(super) fn pass(size_kib: u64, stride: u64) -> u64 {
    size_kib.saturating_mul(1024) / stride.max(1) * THOUSAND_ACCESSES_NS / 1_000
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Share of the time that is busy.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn share_ns(busy: u64, idle: u64) -> f64 {
    match busy.saturating_add(idle) {
        0 => 0.0,
        all => busy as f64 / all as f64,
    }
}
