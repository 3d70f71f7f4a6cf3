//! The loops, one per work type, a file per family. They end when the recorder
//! says stop, and with an error when they cannot go on. None makes a system
//! call that its type does not ask for, and none allocates once it runs.
//!
//! A family's `prepare` does before the gate what a loop must have, and gives
//! the loop.

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::fd::RawFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use nix::unistd::gettid;
use proscenium_worker::burst::spin;
use proscenium_worker::process::{self, Recorder, UNIT, record_failure};
use proscenium_worker::{Policy, Seat, SetupStep, Work};

mod cache;
mod churn;
mod compute;
mod groups;
mod io_work;
mod locks;
mod models;
mod net;
mod numa;
mod pairs;
mod queue;
mod rounds;
mod sequence;
mod timers;
mod words;

/// What runs behind the gate.
pub(crate) type Loop = Box<dyn FnMut(&Seat, &mut Recorder<'_>) -> io::Result<()>>;

/// Gets ready for the seat's work.
pub(crate) fn prepare(seat: &Seat) -> io::Result<Loop> {
    match &seat.spec().work {
        Work::Compute(work) => compute::prepare(work),
        Work::Cache(work) => cache::prepare(work),
        Work::Io(work) => io_work::prepare(work, &seat.spec().io_dir),
        Work::Pairs(work) => pairs::prepare(work, seat),
        Work::Groups(work) => groups::prepare(work, seat),
        Work::Churn(work) => churn::prepare(work, seat),
        Work::Numa(work) => numa::prepare(work, seat),
        Work::Net(work) => net::prepare(work, seat),
        Work::Timers(work) => timers::prepare(work),
        Work::Models(work) => models::prepare(work, seat),
        Work::Sequence(work) => sequence::prepare(work, &seat.spec().io_dir),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Boxes a loop, with its type given.
fn ready<F>(work: F) -> io::Result<Loop>
where
    F: FnMut(&Seat, &mut Recorder<'_>) -> io::Result<()> + 'static,
{
    Ok(Box::new(work))
}

/// Puts this worker into the class that its role asks for. Without the
/// privilege it stays where it is, which is on record.
fn enter_class(seat: &Seat, policy: Policy) -> io::Result<()> {
    if policy != Policy::Normal {
        tell(seat, process::sys::set_policy(policy))?;
    }
    Ok(())
}

/// Puts what failed on record, and goes on.
fn tell(seat: &Seat, done: io::Result<()>) -> io::Result<()> {
    if let Err(error) = done {
        record_failure(&seat.view()?.slot.facts, SetupStep::Work, &error);
    }
    Ok(())
}

/// Takes over a descriptor that is this worker's alone.
fn inherit(number: RawFd) -> io::Result<File> {
    let number = usize::try_from(number).map_err(io::Error::other)?;
    process::sys::inherit(number).map(File::from)
}

/// Takes one of its own for what other workers of this process may use too.
fn share(number: RawFd) -> io::Result<File> {
    let number = usize::try_from(number).map_err(io::Error::other)?;
    process::sys::share(number).map(File::from)
}

/// What differs between all workers, to draw from; never 0.
fn seed() -> u64 {
    u64::from(gettid().as_raw().unsigned_abs()) | 1 << 32
}

/// Zeroed memory, each page of it touched, so that the loop has no faults.
fn memory(kib: u64) -> io::Result<Vec<u8>> {
    let len = bytes(kib)?;
    let mut memory = Vec::new();
    memory
        .try_reserve_exact(len)
        .map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))?;
    memory.resize(len, 1);
    Ok(memory)
}

fn bytes(kib: u64) -> io::Result<usize> {
    usize::try_from(kib * 1024).map_err(io::Error::other)
}

/// Monotonic time in nanoseconds, the same in all workers.
fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// Yields, and says how long that took.
fn timed_yield() -> Duration {
    let start = Instant::now();
    thread::yield_now();
    start.elapsed()
}

/// Spins without an effect.
fn burn(spins: u64) {
    black_box(spin(black_box(1), spins));
}

/// Repeats one unit of work for `time`. `false`: stop.
fn busy(time: Duration, recorder: &mut Recorder<'_>, mut unit: impl FnMut()) -> bool {
    let start = Instant::now();
    loop {
        unit();
        if !recorder.advance(UNIT) {
            return false;
        }
        if start.elapsed() >= time {
            return true;
        }
    }
}

/// Sleeps for `time`, and says how long it was; `None`: the stop request came.
fn sleep(time: Duration, recorder: &Recorder<'_>) -> io::Result<Option<Duration>> {
    let start = Instant::now();
    while let Some(left) = time
        .checked_sub(start.elapsed())
        .filter(|left| !left.is_zero())
    {
        if recorder.stopped() {
            return Ok(None);
        }
        recorder.sleep(left)?;
    }
    Ok(Some(start.elapsed()))
}

/// Xorshift; the state is never 0.
fn draw(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// An index below `len`, which is not 0.
fn draw_below(state: &mut u64, len: usize) -> usize {
    usize::try_from(draw(state) % len.max(1) as u64).unwrap_or(0)
}
