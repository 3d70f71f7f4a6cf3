//! A queue of a group, of which only the length counts: no items are stored.

use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Acquire;
use std::time::{Duration, Instant};

use proscenium_worker::arena::futex;

use super::words::{is_over, update};

#[derive(Clone, Copy)]
pub(super) struct Queue<'a> {
    pub(super) length: &'a AtomicU32,
    pub(super) capacity: u32,
}

impl Queue<'_> {
    /// Adds an item, and gives the time for which this worker was blocked by a
    /// full queue, if it was. `None`: stop.
    pub(super) fn put(self) -> io::Result<Option<Option<Duration>>> {
        let capacity = self.capacity;
        self.step(move |length| (length < capacity).then_some(length + 1))
    }

    /// Takes an item, likewise.
    pub(super) fn take(self) -> io::Result<Option<Option<Duration>>> {
        self.step(|length| length.checked_sub(1))
    }

    fn step(self, f: impl Fn(u32) -> Option<u32>) -> io::Result<Option<Option<Duration>>> {
        let mut blocked: Option<Instant> = None;
        loop {
            let length = self.length.load(Acquire);
            if is_over(length) {
                return Ok(None);
            }
            if f(length).is_none() {
                blocked.get_or_insert_with(Instant::now);
                futex::wait(self.length, length, None)?;
                continue;
            }
            // Another one may have been faster: then it is as it was.
            let Some(before) = update(self.length, |now| f(now).unwrap_or(now)) else {
                return Ok(None);
            };
            if f(before).is_some() {
                // Both sides wait on this word; who need not wakes in vain.
                if before == 0 || before == self.capacity {
                    futex::wake_all(self.length);
                }
                return Ok(Some(blocked.map(|since| since.elapsed())));
            }
        }
    }
}
