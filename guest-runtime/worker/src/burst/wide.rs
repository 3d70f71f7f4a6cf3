//! Arithmetic on vectors, for CPUs that have them.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi64, _mm_cvtsi128_si64, _mm_set1_epi64x, _mm_slli_epi64,
    _mm_xor_si128, _mm256_add_epi64, _mm256_castsi256_si128, _mm256_set1_epi64x, _mm256_slli_epi64,
    _mm256_xor_si256,
};

use super::Width;

pub(super) fn alu(width: Width, seed: u64, rounds: u64) -> u64 {
    match width {
        Width::Scalar => super::alu(seed, rounds),
        Width::Widest | Width::Avx2 if is_x86_feature_detected!("avx2") => {
            // SAFETY: the CPU has what the function needs.
            unsafe { avx2(seed, rounds) }
        }
        _ => sse2(seed, rounds),
    }
}

/// SSE2 is part of every x86-64.
#[inline(never)]
fn sse2(seed: u64, rounds: u64) -> u64 {
    // SAFETY: as above, for each.
    let (one, add, xor, shift) = (
        |x: u64| unsafe { _mm_set1_epi64x(x.cast_signed()) },
        |a: __m128i, b| unsafe { _mm_add_epi64(a, b) },
        |a: __m128i, b| unsafe { _mm_xor_si128(a, b) },
        |a: __m128i| unsafe { _mm_slli_epi64::<7>(a) },
    );
    let mut lanes = [seed, 3, 5, 7, 11, 13, 17, 19].map(|n| one(seed ^ n));
    for round in 0..rounds {
        let round = one(round);
        for lane in &mut lanes {
            *lane = xor(add(shift(*lane), *lane), round);
        }
    }
    let sum = lanes.into_iter().fold(one(0), xor);
    // SAFETY: as above.
    unsafe { _mm_cvtsi128_si64(sum) }.cast_unsigned()
}

#[inline(never)]
#[target_feature(enable = "avx2")]
fn avx2(seed: u64, rounds: u64) -> u64 {
    let mut lanes: [__m256i; 8] = [_mm256_set1_epi64x(seed.cast_signed()); 8];
    for (lane, place) in lanes.iter_mut().zip(1..) {
        *lane = _mm256_xor_si256(*lane, _mm256_set1_epi64x(place));
    }
    for round in 0..rounds {
        let round = _mm256_set1_epi64x(round.cast_signed());
        for lane in &mut lanes {
            let grown = _mm256_add_epi64(_mm256_slli_epi64::<7>(*lane), *lane);
            *lane = _mm256_xor_si256(grown, round);
        }
    }
    let mut sum = _mm256_set1_epi64x(0);
    for lane in lanes {
        sum = _mm256_xor_si256(sum, lane);
    }
    _mm_cvtsi128_si64(_mm256_castsi256_si128(sum)).cast_unsigned()
}
