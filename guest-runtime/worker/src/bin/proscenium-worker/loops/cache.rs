//! Loops over memory.

use std::hint::black_box;
use std::io;

use proscenium_worker::burst::touch;
use proscenium_worker::process::UNIT;
use proscenium_worker::work::Cache;

use super::{Loop, burn, bytes, draw_below, memory, ready, timed_yield};
use crate::sys::{PAGE, Pages};

pub(super) fn prepare(work: &Cache) -> io::Result<Loop> {
    match *work {
        Cache::Pressure { size_kib, stride } => passes(size_kib, stride, false),
        Cache::Yield { size_kib, stride } => passes(size_kib, stride, true),
        Cache::PageFaultChurn {
            size_kib,
            touches,
            spins,
        } => page_fault_churn(bytes(size_kib)?, touches, spins),
    }
}

fn passes(size_kib: u64, stride: u64, yielding: bool) -> io::Result<Loop> {
    let mut buffer = memory(size_kib)?;
    let stride = usize::try_from(stride).map_err(io::Error::other)?.max(1);
    let accesses = buffer.len().div_ceil(stride) as u64;
    let extra = if yielding { UNIT } else { 0 };
    ready(move |_, recorder| {
        loop {
            touch(black_box(&mut buffer), stride);
            if yielding {
                recorder.sample(timed_yield());
            }
            if !recorder.iteration(accesses + extra) {
                return Ok(());
            }
        }
    })
}

fn page_fault_churn(len: usize, touches: u64, spins: u64) -> io::Result<Loop> {
    let mut random = 1;
    ready(move |_, recorder| {
        loop {
            let mut mapping = Pages::map(len)?;
            let pages = mapping.bytes();
            for _ in 0..touches {
                let page = draw_below(&mut random, pages.len() / PAGE);
                if let Some(byte) = pages.get_mut(page * PAGE) {
                    *byte = 1;
                }
                burn(spins);
                if !recorder.advance(UNIT + spins) {
                    return Ok(());
                }
            }
            black_box(pages);
            drop(mapping);
            if !recorder.iteration(0) {
                return Ok(());
            }
        }
    })
}
