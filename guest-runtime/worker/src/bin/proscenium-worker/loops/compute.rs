//! Loops that only compute.

use std::hint::black_box;
use std::io;
use std::thread;
use std::time::Instant;

use proscenium_worker::burst::{SPINS_PER_UNIT, alu, alu_wide, chase, spin};
use proscenium_worker::process::{Recorder, UNIT};
use proscenium_worker::work::{Compute, Width};

use super::{Loop, burn, memory, ready};

/// Rounds of one iteration of the types that are timed: some 100 µs, in which
/// reading the clock is lost.
const ROUNDS: u64 = 64 * SPINS_PER_UNIT;
/// What the slow phase of ipc-variance walks through.
const CHASED_KIB: u64 = 16 * 1024;

pub(super) fn prepare(work: &Compute) -> io::Result<Loop> {
    match *work {
        Compute::SpinWait { spins } => ready(move |_, recorder| {
            let mut x = 1;
            loop {
                x = black_box(spin(x, spins));
                if !recorder.iteration(spins) {
                    return Ok(());
                }
            }
        }),
        Compute::YieldHeavy {} => ready(|_, recorder| {
            loop {
                thread::yield_now();
                if !recorder.iteration(UNIT) {
                    return Ok(());
                }
            }
        }),
        Compute::Mixed { spins } => ready(move |_, recorder| {
            loop {
                burn(spins);
                thread::yield_now();
                if !recorder.iteration(spins + UNIT) {
                    return Ok(());
                }
            }
        }),
        Compute::AluHot { width } => timed(ROUNDS, move || arithmetic(width)),
        Compute::SmtSiblingSpin {} => timed(ROUNDS, || arithmetic(Width::Scalar)),
        Compute::IpcVariance {
            rounds,
            accesses,
            stride,
        } => {
            let buffer = memory(CHASED_KIB)?;
            let mut state = 1;
            timed(rounds + accesses, move || {
                black_box(alu(black_box(1), rounds));
                state = black_box(chase(&buffer, state, accesses, stride));
            })
        }
    }
}

fn arithmetic(width: Width) {
    black_box(match width {
        Width::Scalar => alu(black_box(1), ROUNDS),
        wide => alu_wide(wide, black_box(1), ROUNDS),
    });
}

/// Iterations of which each is a sample.
fn timed(grains: u64, mut iteration: impl FnMut() + 'static) -> io::Result<Loop> {
    ready(move |_, recorder: &mut Recorder<'_>| {
        let mut before = Instant::now();
        loop {
            iteration();
            let now = Instant::now();
            recorder.sample(now - before);
            before = now;
            if !recorder.iteration(grains) {
                return Ok(());
            }
        }
    })
}
