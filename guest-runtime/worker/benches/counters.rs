//! What counting costs: iterations per CPU second of a spin-wait worker
//! against the same inner loop without counters. Target: at least 0.98.
//!
//! Rounds alternate, since the machine's speed drifts; the median counts.
#![expect(clippy::print_stdout, reason = "a bench reports there")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Crew, until};
use nix::time::{ClockId, clock_gettime};
use proscenium_worker::burst::spin;

const SPINS: u64 = 1024;
const ROUND: Duration = Duration::from_millis(400);

fn main() {
    let mut ratios: Vec<f64> = (0..9).map(|_| counted() / bare()).collect();
    ratios.sort_by(f64::total_cmp);
    let [least, .., most] = ratios.as_slice() else {
        return;
    };
    println!(
        "spin-wait with counters / without: {:.4} ({least:.4} to {most:.4})",
        ratios[ratios.len() / 2]
    );
}

/// Iterations per CPU second of the worker program.
fn counted() -> f64 {
    let mut crew = Crew::of("spin-wait", &[("spins", SPINS)]);
    crew.arena.set_epoch(1);
    crew.go();
    let round = u64::try_from(ROUND.as_nanos()).expect("it fits");
    until("a round is over", || {
        crew.arena.report(0).wall_time_ns > round
    });
    let (reports, _) = crew.stop();
    per_second(
        reports[0].iterations,
        Duration::from_nanos(reports[0].cpu_time_ns),
    )
}

/// Iterations per CPU second of the loop alone.
fn bare() -> f64 {
    let cpu = || {
        Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("the clock is there"))
    };
    let (start, before) = (Instant::now(), cpu());
    let (mut x, mut iterations) = (1, 0);
    while start.elapsed() < ROUND {
        for _ in 0..100_000 {
            x = black_box(spin(x, SPINS));
        }
        iterations += 100_000;
    }
    per_second(iterations, cpu() - before)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn per_second(iterations: u64, time: Duration) -> f64 {
    iterations as f64 / time.as_secs_f64()
}
