//! From a slot to a [`Report`]. The slot may hold anything: every count is
//! clamped to what its array holds, and nothing is taken as a size.

use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::layout::{Breakdown as Place, Counters, Facts, MAX_CPUS, Slice, state};
use super::view::SlotView;
use crate::report::{
    Breakdown, BreakdownKind, Gap, PhaseSlice, Report, Schedstat, SetupFailure, WakeSamples,
};
use crate::setup::SetupStep;

pub(super) fn report(view: &SlotView<'_>) -> Report {
    // Acquire pairs with the worker's last store: a completed slot is final.
    let state = view.slot.live.state.load(Acquire);
    let totals = &view.slot.totals;
    let (cpu_time_ns, wall_time_ns) = (get(&totals.cpu_ns), get(&totals.wall_ns));
    let (phase_slices, slices_lost) = slices(view);
    let facts = &view.slot.facts;
    Report {
        tid: facts.tid.load(Relaxed),
        ready: state != state::ABSENT,
        completed: state == state::COMPLETED,
        work_units: get(&totals.work_units),
        iterations: get(&view.slot.live.iterations),
        cpu_time_ns,
        wall_time_ns,
        off_cpu_ns: wall_time_ns.saturating_sub(cpu_time_ns),
        migrations: get(&totals.migrations),
        cpus_used: cpus(facts),
        max_gap: gap(totals),
        max_gap_wall_ns: get(&totals.gap_wall_ns),
        wake: wakes(totals, view.wake),
        schedstat: schedstat(facts),
        failures: failures(&facts.errnos),
        breakdown: breakdown(&view.slot.breakdown),
        phase_slices,
        slices_lost,
        exit: None,
    }
}

fn get(value: &AtomicU64) -> u64 {
    value.load(Relaxed)
}

fn cpus(facts: &Facts) -> Vec<u32> {
    let used = |cpu: &u32| {
        let (word, bit) = ((cpu / 64) as usize, cpu % 64);
        facts
            .cpus
            .get(word)
            .is_some_and(|word| get(word) >> bit & 1 == 1)
    };
    (0..u32::try_from(MAX_CPUS).unwrap_or(0))
        .filter(used)
        .collect()
}

fn schedstat(facts: &Facts) -> Option<Schedstat> {
    (facts.has_schedstat.load(Relaxed) != 0).then(|| Schedstat {
        cpu_time_ns: get(&facts.sched_cpu_ns),
        run_delay_ns: get(&facts.sched_delay_ns),
        run_count: get(&facts.sched_count),
    })
}

fn failures(errnos: &[AtomicU32]) -> Vec<SetupFailure> {
    let failure = |(step, errno): (SetupStep, &AtomicU32)| {
        let errno = i32::try_from(errno.load(Relaxed)).unwrap_or(i32::MAX);
        (errno != 0).then_some(SetupFailure { step, errno })
    };
    SetupStep::ALL
        .into_iter()
        .zip(errnos)
        .filter_map(failure)
        .collect()
}

fn breakdown(place: &Place) -> Option<Breakdown> {
    // Acquire pairs with the store that follows the text's.
    let number = usize::try_from(place.kind.load(Acquire)).ok()?;
    let kind = *BreakdownKind::ALL.get(number.checked_sub(1)?)?;
    let len = usize::try_from(place.len.load(Relaxed)).unwrap_or(usize::MAX);
    let text: Vec<u8> = place
        .text
        .iter()
        .take(len)
        .map(|byte| byte.load(Relaxed))
        .collect();
    Some(Breakdown {
        kind,
        message: String::from_utf8_lossy(&text).into_owned(),
    })
}

fn gap(counters: &Counters) -> Gap {
    Gap {
        ns: get(&counters.gap_ns),
        cpu: u32::try_from(get(&counters.gap_cpu)).unwrap_or(u32::MAX),
        at_ns: get(&counters.gap_at_ns),
    }
}

fn wakes(counters: &Counters, reservoir: &[AtomicU64]) -> WakeSamples {
    let total = get(&counters.wakes);
    let kept = usize::try_from(total)
        .unwrap_or(usize::MAX)
        .min(reservoir.len());
    let squares = f64::from_bits(get(&counters.wake_squares));
    WakeSamples {
        samples: reservoir.iter().take(kept).map(get).collect(),
        total,
        sum_ns: get(&counters.wake_sum_ns),
        sum_of_squares: if squares.is_finite() { squares } else { 0.0 },
    }
}

/// The closed slices that the ring still holds and the open one, oldest
/// first, and how many were overwritten.
fn slices(view: &SlotView<'_>) -> (Vec<PhaseSlice>, u64) {
    let ring = view.slices.len() as u64;
    let closed = get(&view.slot.facts.slices_closed);
    let kept = closed.min(ring.saturating_sub(1));
    let position = |number: u64| usize::try_from(number % ring.max(1)).unwrap_or(0);
    let numbers = (0..=kept).map(|age| (closed - kept).wrapping_add(age));
    let filed = numbers.filter_map(|number| view.slices.get(position(number)));
    (
        filed
            .filter_map(|(slice, samples)| phase_slice(slice, samples))
            .collect(),
        closed - kept,
    )
}

fn phase_slice(slice: &Slice, samples: &[AtomicU64]) -> Option<PhaseSlice> {
    let epoch = slice.epoch.load(Acquire);
    let counters = &slice.counters;
    (epoch != 0 && epoch != u32::MAX).then(|| PhaseSlice {
        epoch,
        closed: slice.closed.load(Relaxed) != 0,
        work_units: get(&counters.work_units),
        iterations: get(&counters.iterations),
        cpu_time_ns: get(&counters.cpu_ns),
        wall_time_ns: get(&counters.wall_ns),
        migrations: get(&counters.migrations),
        max_gap: gap(counters),
        max_gap_wall_ns: get(&counters.gap_wall_ns),
        wake: wakes(counters, samples),
    })
}
