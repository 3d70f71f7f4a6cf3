//! Words that the workers of a group share: waiting for a change, counting,
//! and a lock. All keep the bit that says that a stop was requested, and
//! notice it, so that nobody waits for a partner that has stopped.

use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::{Duration, Instant};

use proscenium_worker::arena::futex;
use proscenium_worker::arena::layout::OVER;

/// What may be stored in a word.
const VALUE: u32 = OVER - 1;

/// A stop was requested.
pub(super) fn is_over(value: u32) -> bool {
    value & OVER != 0
}

/// The next value of a counter, which wraps at 31 bits.
pub(super) fn next(value: u32) -> u32 {
    (value + 1) & VALUE
}

/// Sleeps while `word` is `seen`, and gives what it became; `None`: stop.
pub(super) fn change(word: &AtomicU32, seen: u32) -> io::Result<Option<u32>> {
    loop {
        let now = word.load(Acquire);
        if is_over(now) {
            return Ok(None);
        }
        if now != seen {
            return Ok(Some(now));
        }
        futex::wait(word, seen, None)?;
    }
}

/// Replaces the value by another one. `None`: stop.
pub(super) fn update(word: &AtomicU32, f: impl Fn(u32) -> u32) -> Option<u32> {
    let change = |value| (!is_over(value)).then(|| f(value) & VALUE);
    word.fetch_update(AcqRel, Acquire, change).ok()
}

/// A lock of which the kernel knows only who waits: 0 is free, 1 taken, 2
/// taken and perhaps waited for.
#[derive(Clone, Copy)]
pub(super) struct Mutex<'a>(pub(super) &'a AtomicU32);

impl Mutex<'_> {
    /// Takes it, and gives the time for which it was waited for, if it was.
    /// `None`: stop.
    pub(super) fn lock(self) -> io::Result<Option<Option<Duration>>> {
        match self.0.compare_exchange(0, 1, AcqRel, Acquire) {
            Ok(_) => return Ok(Some(None)),
            Err(value) if is_over(value) => return Ok(None),
            Err(_) => {}
        }
        let start = Instant::now();
        loop {
            // Taken as if others waited: that costs them one needless wake-up.
            match update(self.0, |_| 2) {
                None => return Ok(None),
                Some(0) => return Ok(Some(Some(start.elapsed()))),
                Some(_) => {
                    futex::wait(self.0, 2, None)?;
                }
            }
        }
    }

    pub(super) fn unlock(self) {
        if update(self.0, |_| 0) == Some(2) {
            futex::wake(self.0, 1);
        }
    }
}
