//! Loops that move memory between NUMA nodes.

use std::io;
use std::time::{Duration, Instant};

use proscenium_worker::Seat;
use proscenium_worker::burst::touch;
use proscenium_worker::process::{Recorder, UNIT};
use proscenium_worker::work::{Nodes, Numa};

use super::{Loop, busy, bytes, ready};
use crate::sys::{self, PAGE, PageList, Pages};

/// Buffer of the type that has no parameter for it.
const MIGRATED_KIB: u64 = 4096;

pub(super) fn prepare(work: &Numa, _: &Seat) -> io::Result<Loop> {
    match work {
        Numa::WorkingSetSweep {
            size_kib,
            interval,
            nodes,
        } => working_set_sweep(*size_kib, *interval, nodes),
        Numa::MigrationChurn { interval } => migration_churn(*interval),
    }
}

/// The nodes that may be used, at least one.
fn usable() -> Vec<u32> {
    // A kernel without NUMA has node 0 and not this call.
    let nodes = sys::allowed_nodes().unwrap_or_default();
    if nodes.is_empty() { vec![0] } else { nodes }
}

/// Works on the buffer for a while.
fn stay(pages: &mut Pages, time: Duration, recorder: &mut Recorder<'_>) {
    let buffer = pages.bytes();
    let (len, mut at) = (buffer.len(), 0);
    busy(time, recorder, || {
        // One unit is 1,024 accesses, one for each cache line.
        let end = (at + 64 * 1024).min(len);
        if let Some(part) = buffer.get_mut(at..end) {
            touch(part, 64);
        }
        at = if end == len { 0 } else { end };
    });
}

/// Counts pages by node. `None`: the kernel cannot say.
fn look(list: &mut PageList, recorder: &Recorder<'_>) -> Option<[u64; Nodes::MAX as usize]> {
    match list.nodes() {
        Ok(nodes) => {
            let mut counts = [0; Nodes::MAX as usize];
            for node in nodes {
                let place = usize::try_from(*node).ok();
                if let Some(count) = place.and_then(|node| counts.get_mut(node)) {
                    *count += 1;
                }
            }
            Some(counts)
        }
        Err(error) => {
            recorder.refused(&error);
            None
        }
    }
}

/// Files where the pages are after a move to `target`, where `before` were.
fn file(
    before: Option<[u64; Nodes::MAX as usize]>,
    list: &mut PageList,
    recorder: &Recorder<'_>,
) -> Option<[u64; Nodes::MAX as usize]> {
    let after = look(list, recorder)?;
    let before = before.unwrap_or(after);
    let arrived = after.iter().zip(&before);
    let moved = arrived.map(|(after, before)| after.saturating_sub(*before));
    recorder.pages(&after, moved.sum());
    Some(after)
}

fn working_set_sweep(size_kib: u64, interval: Duration, nodes: &Nodes) -> io::Result<Loop> {
    let mut pages = Pages::map(bytes(size_kib)?)?;
    touch(pages.bytes(), PAGE);
    let mut list = PageList::of(&mut pages);
    let nodes = if nodes.0.is_empty() {
        usable()
    } else {
        nodes.0.clone()
    };
    let mut turn = 0;
    ready(move |_, recorder| {
        let mut seen = look(&mut list, recorder);
        loop {
            turn = (turn + 1) % nodes.len();
            let before = Instant::now();
            if let Err(error) = list.move_to(nodes[turn]) {
                recorder.refused(&error);
            }
            recorder.sample(before.elapsed());
            seen = file(seen, &mut list, recorder);
            stay(&mut pages, interval, recorder);
            if !going_on(recorder) {
                return Ok(());
            }
        }
    })
}

fn migration_churn(interval: Duration) -> io::Result<Loop> {
    let mut pages = Pages::map(bytes(MIGRATED_KIB)?)?;
    touch(pages.bytes(), PAGE);
    let mut list = PageList::of(&mut pages);
    let nodes = usable();
    let mut turn = 0;
    ready(move |_, recorder| {
        let mut seen = look(&mut list, recorder);
        loop {
            turn = (turn + 1) % nodes.len();
            if let Err(error) = sys::migrate_self(&nodes, nodes[turn]) {
                recorder.refused(&error);
            }
            seen = file(seen, &mut list, recorder);
            stay(&mut pages, interval, recorder);
            if !going_on(recorder) {
                return Ok(());
            }
        }
    })
}

fn going_on(recorder: &mut Recorder<'_>) -> bool {
    let going_on = recorder.iteration(UNIT);
    recorder.checkpoint();
    going_on
}
