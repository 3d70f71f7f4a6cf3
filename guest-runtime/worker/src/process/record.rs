//! Counts what the loop does and publishes it into the worker's slot.
//!
//! Between checkpoints an iteration costs one store, two loads and an
//! addition. A checkpoint costs one system call (the thread's CPU time) and
//! two reads from the vDSO. Nothing here allocates after the start.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

use nix::sched::sched_getcpu;
use nix::time::{ClockId, clock_gettime};

use crate::arena::layout::{Controls, Counters, Slice, state};
use crate::arena::{Seat, SlotView, futex};
use crate::burst::SPINS_PER_UNIT;
use crate::report::Schedstat;

/// Work is counted in grains, 1,024 of which are a unit, so that spins add up
/// to units whatever the length of a burst.
pub const UNIT: u64 = SPINS_PER_UNIT;
/// Units between two checkpoints, at most.
const CHECKPOINT: u64 = 1024 * UNIT;

type Ring<'a> = (&'a Slice, &'a [AtomicU64]);

/// See the module.
#[derive(Debug)]
pub struct Recorder<'a> {
    view: &'a SlotView<'a>,
    controls: &'a Controls,
    start: Instant,
    iterations: u64,
    /// Grains since the last checkpoint, and what was less than a unit then.
    grains: u64,
    last: Mark,
    epoch: u32,
    total: Tally,
    slice: Tally,
    open: Ring<'a>,
    closed: u64,
    random: u64,
}

/// A checkpoint.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    wall_ns: u64,
    cpu_ns: u64,
    cpu: u64,
    iterations: u64,
}

/// What lies between two checkpoints.
struct Stretch {
    from: Mark,
    to: Mark,
    units: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    work_units: u64,
    iterations: u64,
    cpu_ns: u64,
    wall_ns: u64,
    migrations: u64,
    gap_ns: u64,
    gap_at_ns: u64,
    gap_cpu: u64,
    gap_wall_ns: u64,
    wakes: u64,
    wake_sum_ns: u64,
    wake_squares: f64,
}

impl<'a> Recorder<'a> {
    /// Starts counting now.
    pub(super) fn start(
        seat: &Seat,
        view: &'a SlotView<'a>,
        controls: &'a Controls,
    ) -> io::Result<Self> {
        let open = *view.slices.first().ok_or(io::ErrorKind::InvalidData)?;
        let mut recorder = Self {
            view,
            controls,
            start: Instant::now(),
            iterations: 0,
            grains: 0,
            last: Mark::default(),
            epoch: controls.epoch.load(Acquire),
            total: Tally::default(),
            slice: Tally::default(),
            open,
            closed: 0,
            random: 0x9e37_79b9_7f4a_7c15 ^ seat.worker() as u64,
        };
        recorder.last = recorder.now();
        recorder.open();
        recorder.see_cpu(recorder.last.cpu);
        Ok(recorder)
    }

    fn now(&self) -> Mark {
        let cpu =
            clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from);
        Mark {
            wall_ns: nanos(self.start.elapsed()),
            cpu_ns: nanos(cpu),
            cpu: sched_getcpu().unwrap_or_default() as u64,
            iterations: self.iterations,
        }
    }

    /// The runtime asked for the end.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.view.slot.live.stop.load(Acquire) != 0
    }

    /// Counts one iteration with the last of its grains. `false`: stop.
    #[inline]
    pub fn iteration(&mut self, grains: u64) -> bool {
        self.iterations += 1;
        self.view
            .slot
            .live
            .iterations
            .store(self.iterations, Relaxed);
        self.advance(grains)
    }

    /// Counts `count` iterations of one work unit each, brings the slot up to
    /// date and says how much CPU time the worker has had in all. For loops
    /// that take their iterations in batches, of which each is a checkpoint.
    pub fn batch(&mut self, count: u64) -> Duration {
        self.iterations = self.iterations.saturating_add(count);
        self.view
            .slot
            .live
            .iterations
            .store(self.iterations, Relaxed);
        self.grains += count.saturating_mul(UNIT);
        self.checkpoint();
        Duration::from_nanos(self.last.cpu_ns)
    }

    /// Counts grains within an iteration. `false`: stop.
    #[inline]
    pub fn advance(&mut self, grains: u64) -> bool {
        self.grains += grains;
        if self.grains >= CHECKPOINT || self.controls.epoch.load(Relaxed) != self.epoch {
            self.checkpoint();
        }
        !self.stopped()
    }

    /// Files a wake sample.
    pub fn wake(&mut self, waited: Duration) {
        let ns = nanos(waited);
        sample(&mut self.total, self.view.wake, &mut self.random, ns);
        sample(&mut self.slice, self.open.1, &mut self.random, ns);
    }

    /// Sleeps for `time`, or until the stop request or a signal. It waits on
    /// the stop word, so a request just before the call is not missed.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn sleep(&self, time: Duration) -> io::Result<()> {
        let timeout = (time != Duration::MAX).then_some(time);
        futex::wait(&self.view.slot.live.stop, 0, timeout).map(|_| ())
    }

    /// Brings everything in the slot up to date; files the slice if the epoch
    /// has changed.
    #[cold]
    #[inline(never)]
    pub fn checkpoint(&mut self) {
        let stretch = Stretch {
            from: self.last,
            to: self.now(),
            units: self.grains / UNIT,
        };
        self.grains %= UNIT;
        self.last = stretch.to;
        self.see_cpu(stretch.to.cpu);
        self.total.add(&stretch);
        self.slice.add(&stretch);
        self.total.publish(&self.view.slot.totals);
        self.slice.publish(&self.open.0.counters);
        let epoch = self.controls.epoch.load(Acquire);
        if epoch != self.epoch {
            self.close();
            self.epoch = epoch;
            self.open();
        }
    }

    fn see_cpu(&self, cpu: u64) {
        let word = usize::try_from(cpu / 64)
            .ok()
            .and_then(|word| self.view.slot.facts.cpus.get(word));
        if let Some(word) = word {
            word.store(word.load(Relaxed) | 1 << (cpu % 64), Relaxed);
        }
    }

    /// Ends the slice under way. What belongs to no epoch is not kept.
    fn close(&mut self) {
        if self.epoch == 0 || self.epoch == u32::MAX {
            return;
        }
        self.open.0.closed.store(1, Relaxed);
        self.closed += 1;
        let next = usize::try_from(self.closed % self.view.slices.len().max(1) as u64);
        if let Some(next) = next.ok().and_then(|next| self.view.slices.get(next)) {
            self.open = *next;
        }
        // What an earlier round left there must not look like the open slice.
        self.open.0.epoch.store(0, Release);
        self.view
            .slot
            .facts
            .slices_closed
            .store(self.closed, Release);
    }

    fn open(&mut self) {
        self.slice = Tally::default();
        self.open.0.epoch.store(0, Release);
        self.open.0.closed.store(0, Relaxed);
        self.slice.publish(&self.open.0.counters);
        self.open.0.epoch.store(self.epoch, Release);
    }

    /// Publishes the final counts, and then that they are final.
    pub(super) fn finish(mut self, schedstat: Option<(Schedstat, Schedstat)>) {
        self.checkpoint();
        self.close();
        self.epoch = 0;
        self.open();
        let facts = &self.view.slot.facts;
        if let Some((before, after)) = schedstat {
            facts.sched_cpu_ns.store(
                after.cpu_time_ns.saturating_sub(before.cpu_time_ns),
                Relaxed,
            );
            facts.sched_delay_ns.store(
                after.run_delay_ns.saturating_sub(before.run_delay_ns),
                Relaxed,
            );
            facts
                .sched_count
                .store(after.run_count.saturating_sub(before.run_count), Relaxed);
            facts.has_schedstat.store(1, Relaxed);
        }
        self.view.slot.live.state.store(state::COMPLETED, Release);
    }
}

impl Tally {
    fn add(&mut self, stretch: &Stretch) {
        let Stretch { from, to, units } = stretch;
        let wall_ns = to.wall_ns.saturating_sub(from.wall_ns);
        let cpu_ns = to.cpu_ns.saturating_sub(from.cpu_ns);
        let shortfall = wall_ns.saturating_sub(cpu_ns);
        self.work_units += units;
        self.iterations += to.iterations.saturating_sub(from.iterations);
        self.cpu_ns += cpu_ns;
        self.wall_ns += wall_ns;
        self.migrations += u64::from(from.cpu != to.cpu);
        if shortfall > self.gap_ns {
            (self.gap_ns, self.gap_at_ns, self.gap_cpu) = (shortfall, to.wall_ns, to.cpu);
        }
        self.gap_wall_ns = self.gap_wall_ns.max(wall_ns);
    }

    fn publish(&self, to: &Counters) {
        to.work_units.store(self.work_units, Relaxed);
        to.iterations.store(self.iterations, Relaxed);
        to.cpu_ns.store(self.cpu_ns, Relaxed);
        to.wall_ns.store(self.wall_ns, Relaxed);
        to.migrations.store(self.migrations, Relaxed);
        to.gap_ns.store(self.gap_ns, Relaxed);
        to.gap_at_ns.store(self.gap_at_ns, Relaxed);
        to.gap_cpu.store(self.gap_cpu, Relaxed);
        to.gap_wall_ns.store(self.gap_wall_ns, Relaxed);
        to.wake_sum_ns.store(self.wake_sum_ns, Relaxed);
        to.wake_squares.store(self.wake_squares.to_bits(), Relaxed);
        // After the samples that it counts.
        to.wakes.store(self.wakes, Release);
    }
}

/// Algorithm R: every sample has the same chance to be kept.
fn sample(tally: &mut Tally, reservoir: &[AtomicU64], random: &mut u64, ns: u64) {
    tally.wakes += 1;
    tally.wake_sum_ns = tally.wake_sum_ns.saturating_add(ns);
    let exact = Duration::from_nanos(ns).as_secs_f64() * 1e9;
    tally.wake_squares += exact * exact;
    let place = if tally.wakes <= reservoir.len() as u64 {
        tally.wakes - 1
    } else {
        draw(random) % tally.wakes
    };
    if let Some(place) = usize::try_from(place)
        .ok()
        .and_then(|place| reservoir.get(place))
    {
        place.store(ns, Relaxed);
    }
}

/// Xorshift; the state is never 0.
fn draw(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
