//! The rate of this machine's time stamp counter.
//!
//! TCG hands the counter through to the guest without saying how fast it
//! counts, so the host measures it against the monotonic clock. Owns nothing
//! but that measurement.

#![expect(
    unsafe_code,
    reason = "reading the counter is an intrinsic without preconditions"
)]

use std::arch::x86_64::_rdtsc;
use std::time::{Duration, Instant};

/// How long the measurement takes. Reading both clocks is good to about 100 ns,
/// which makes 25 parts in a million of this.
const SPAN: Duration = Duration::from_millis(4);
/// Readings of both clocks from which the tightest is taken.
const READINGS: usize = 16;

/// Counts in a millisecond, measured over 4 ms; `None` where the result is not believable.
#[must_use]
pub fn measure_khz() -> Option<u64> {
    let (start, first) = reading();
    while start.elapsed() < SPAN {
        std::hint::spin_loop();
    }
    let (end, last) = reading();
    let nanoseconds = end.duration_since(start).as_nanos();
    let counts = u128::from(last.checked_sub(first)?);
    let khz = u64::try_from(counts * 1_000_000 / nanoseconds.max(1)).ok()?;
    // 100 MHz to 10 GHz: what processors with this counter have.
    (100_000..=10_000_000).contains(&khz).then_some(khz)
}

/// Both clocks at one moment: of several readings the one that took least.
fn reading() -> (Instant, u64) {
    let mut best = read_both();
    for _ in 1..READINGS {
        let next = read_both();
        if next.2 < best.2 {
            best = next;
        }
    }
    (best.0, best.1)
}

fn read_both() -> (Instant, u64, u64) {
    // SAFETY: every x86-64 processor has the instruction.
    let before = unsafe { _rdtsc() };
    let now = Instant::now();
    // SAFETY: as above.
    let after = unsafe { _rdtsc() };
    let width = after.wrapping_sub(before);
    (now, before.wrapping_add(width / 2), width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_measurements_agree_within_a_thousandth() {
        let (a, b) = (measure_khz().unwrap(), measure_khz().unwrap());
        assert!(a.abs_diff(b) < a / 1000, "{a} kHz and {b} kHz");
    }
}
