//! What looking at running workers costs: the live counters of 1,000 workers
//! in 20 crews, read without a system call. Target: below 50 µs.
#![expect(clippy::print_stdout, reason = "a bench reports there")]

use std::hint::black_box;
use std::time::Instant;

use proscenium_worker::arena::{Arena, ArenaOptions};
use proscenium_worker::{CrewSpec, Setup, Work};

const CREWS: usize = 20;
const WORKERS: usize = 50;
const ROUNDS: usize = 101;

fn main() -> std::io::Result<()> {
    let spec = CrewSpec {
        work: Work::parse("spin-wait", &[]).map_err(std::io::Error::other)?,
        workers: vec![Setup::default(); WORKERS],
        io_dir: "/tmp".into(),
    };
    let crews: Vec<Arena> = (0..CREWS)
        .map(|_| Arena::create(&spec, &ArenaOptions::default()))
        .collect::<Result<_, _>>()?;
    let mut readings: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(crews.iter().map(Arena::total_iterations).sum::<u64>());
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    readings.sort_by(f64::total_cmp);
    println!(
        "live counters of {} workers: {:.1} µs ({:.1} to {:.1})",
        CREWS * WORKERS,
        readings[ROUNDS / 2],
        readings[0],
        readings[ROUNDS - 1]
    );
    Ok(())
}
