//! The inner loops: pure arithmetic and memory accesses, no clock, no call.
//!
//! They are here rather than in the program so that the bench runs the very
//! code that the worker runs.

/// Spins in one work unit.
pub const SPINS_PER_UNIT: u64 = 1024;

/// One dependent chain of `spins` rotate, xor and multiply steps, about five
/// cycles each on current x86.
///
/// No `PAUSE`: hypervisors trap it in loops (pause-loop exiting, and QEMU's
/// emulation leaves the CPU loop on each), which would change what the
/// scheduler under test sees. Rotate and xor between the multiplications keep
/// the compiler from folding steps.
#[inline(never)]
#[must_use]
pub fn spin(seed: u64, spins: u64) -> u64 {
    let mut x = seed;
    for _ in 0..spins {
        x = (x.rotate_left(5) ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd134_2543_de82_ef95);
    }
    x
}

/// `rounds` rounds of eight independent chains, so that several instructions
/// retire per cycle.
#[inline(never)]
#[must_use]
pub fn alu(seed: u64, rounds: u64) -> u64 {
    let mut lanes = [
        seed,
        !seed,
        seed ^ 3,
        seed ^ 5,
        seed ^ 7,
        seed ^ 11,
        seed ^ 13,
        seed ^ 17,
    ];
    for round in 0..rounds {
        for lane in &mut lanes {
            *lane = lane.rotate_left(7).wrapping_add(round) ^ 0x9e37_79b9_7f4a_7c15;
        }
    }
    lanes.iter().fold(0, |sum, lane| sum ^ lane)
}

/// Reads, changes and writes every `stride`-th byte of `buffer` once.
/// A stride of 0 counts as 1.
#[inline(never)]
pub fn touch(buffer: &mut [u8], stride: usize) {
    for byte in buffer.iter_mut().step_by(stride.max(1)) {
        *byte = byte.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::{alu, spin, touch};

    #[test]
    fn spinning_twice_as_long_continues_the_same_chain() {
        assert_eq!(spin(spin(1, 10), 14), spin(1, 24));
        assert_ne!(spin(1, 10), spin(1, 11));
    }

    #[test]
    fn the_arithmetic_depends_on_every_round() {
        assert_ne!(alu(1, 10), alu(1, 11));
    }

    #[test]
    fn touching_changes_every_stride_th_byte_only() {
        let mut buffer = [0_u8; 10];
        touch(&mut buffer, 4);
        assert_eq!(buffer, [1, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
    }
}
