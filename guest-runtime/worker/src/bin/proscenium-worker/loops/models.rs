//! Models of benchmarks: one iteration from the gate to the stop, with a work
//! unit for each request.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use proscenium_worker::Seat;
use proscenium_worker::arena::Group;
use proscenium_worker::burst::touch;
use proscenium_worker::process::{Recorder, UNIT};
use proscenium_worker::work::Models;

use super::queue::Queue;
use super::rounds::Rounds;
use super::{Loop, draw, draw_below, memory, now_ns, ready, seed, sleep};

/// Requests that wait for a slow worker, at most.
const BACKLOG: u32 = 1024;
/// What a look-up reads.
const ENTRY: usize = 4096;

pub(super) fn prepare(work: &Models, seat: &Seat) -> io::Result<Loop> {
    let role = seat.group()?.role() as u64;
    match *work {
        Models::Schbench {
            size_kib,
            operations,
            think,
            ..
        } => {
            let mut buffer = memory(size_kib)?;
            run(move |seat, recorder| {
                let compute = || (0..operations).for_each(|_| touch(&mut buffer, 64));
                schbench(&seat.group()?, think, compute, recorder)
            })
        }
        Models::Taobench {
            fast,
            size_kib,
            hit_percent,
            store,
            ..
        } => {
            let mut cache = memory(size_kib)?;
            let mut random = seed();
            run(move |seat, recorder| {
                let mut entry = || {
                    let at = draw_below(&mut random, cache.len() / ENTRY) * ENTRY;
                    if let Some(entry) = cache.get_mut(at..at + ENTRY) {
                        touch(entry, 64);
                    }
                    draw(&mut random) % 100 < hit_percent
                };
                let group = seat.group()?;
                let length = &group.shared(0).ok_or(ErrorKind::InvalidData)?.words[0];
                let misses = Queue {
                    length,
                    capacity: BACKLOG,
                };
                if role < fast {
                    look_up(misses, &mut entry, recorder)
                } else {
                    refill(misses, store, &mut entry, recorder)
                }
            })
        }
    }
}

/// Counts the whole run as one iteration.
fn run<F>(mut work: F) -> io::Result<Loop>
where
    F: FnMut(&Seat, &mut Recorder<'_>) -> io::Result<()> + 'static,
{
    ready(move |seat, recorder| {
        work(seat, recorder)?;
        recorder.iteration(0);
        Ok(())
    })
}

fn schbench(
    group: &Group<'_>,
    think: Duration,
    mut compute: impl FnMut(),
    recorder: &mut Recorder<'_>,
) -> io::Result<()> {
    let mut rounds = Rounds::of(group)?;
    if group.role() == 0 {
        loop {
            rounds.set_stamp(now_ns());
            if !rounds.start() || !rounds.finish()? || !recorder.advance(UNIT) {
                return Ok(());
            }
        }
    }
    while rounds.join()? {
        let asked = rounds.stamp();
        if sleep(think, recorder)?.is_none() {
            break;
        }
        compute();
        recorder.sample(Duration::from_nanos(now_ns().saturating_sub(asked)));
        rounds.done();
        if !recorder.advance(UNIT) {
            break;
        }
    }
    Ok(())
}

fn look_up(
    misses: Queue<'_>,
    entry: &mut impl FnMut() -> bool,
    recorder: &mut Recorder<'_>,
) -> io::Result<()> {
    loop {
        let start = Instant::now();
        if !entry() && misses.put()?.is_none() {
            return Ok(());
        }
        recorder.sample(start.elapsed());
        if !recorder.advance(UNIT) {
            return Ok(());
        }
    }
}

fn refill(
    misses: Queue<'_>,
    store: Duration,
    entry: &mut impl FnMut() -> bool,
    recorder: &mut Recorder<'_>,
) -> io::Result<()> {
    while misses.take()?.is_some() {
        let start = Instant::now();
        if sleep(store, recorder)?.is_none() {
            break;
        }
        entry();
        recorder.sample(start.elapsed());
        if !recorder.advance(UNIT) {
            break;
        }
    }
    Ok(())
}
