//! A loop that computes: one unit is a round of integer hashing. It knows
//! nothing of scenarios, so the same code can be compiled natively and
//! compared.

/// Steps of one unit, in the order of a microsecond.
pub(crate) const STEPS: u32 = 512;

/// One unit: mixes `state` so that each step needs the one before.
#[must_use]
pub(crate) fn round(mut state: u64) -> u64 {
    for step in 0..STEPS {
        state ^= state >> 33;
        state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
        state = state.rotate_left(step % 64);
    }
    state
}
