//! The inner loops: pure arithmetic and memory accesses, no clock, no call.
//!
//! They are here rather than in the program so that the bench runs the very
//! code that the worker runs.

use crate::work::Width;

#[expect(unsafe_code, reason = "functions for CPUs that have to be asked first")]
mod wide;

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

/// The same with vectors of that width; what the CPU lacks becomes the widest
/// that it has.
#[must_use]
pub fn alu_wide(width: Width, seed: u64, rounds: u64) -> u64 {
    wide::alu(width, seed, rounds)
}

/// Makes `steps` accesses to `buffer`, each at a place that depends on what the
/// one before read and that no prefetcher guesses; places are multiples of
/// `stride`. Goes on from `state`, and gives what to go on from.
#[inline(never)]
#[must_use]
pub fn chase(buffer: &[u8], state: u64, steps: u64, stride: u64) -> u64 {
    let stride = stride.max(1);
    let places = (buffer.len() as u64 / stride).max(1);
    let mut state = state;
    for _ in 0..steps {
        let place = (state >> 20) % places * stride;
        let read = usize::try_from(place).ok().and_then(|at| buffer.get(at));
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(u64::from(*read.unwrap_or(&0)) + 1);
    }
    state
}

#[cfg(test)]
mod tests {
    use super::{Width, alu, alu_wide, chase, spin, touch};

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

    #[test]
    fn vectors_of_every_width_depend_on_every_round() {
        for width in [Width::Widest, Width::Scalar, Width::Sse2, Width::Avx2] {
            assert_ne!(alu_wide(width, 1, 10), alu_wide(width, 1, 11), "{width:?}");
        }
    }

    #[test]
    fn a_chase_goes_on_where_it_ended_and_depends_on_what_it_reads() {
        let (ones, twos) = ([1_u8; 4096], [2_u8; 4096]);
        let half = chase(&ones, 7, 10, 64);
        assert_eq!(chase(&ones, half, 10, 64), chase(&ones, 7, 20, 64));
        assert_ne!(chase(&ones, 7, 20, 64), chase(&twos, 7, 20, 64));
    }
}
