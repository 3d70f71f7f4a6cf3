//! Locks of a group, and the loop in which one priority waits for another.

use std::io::{self, ErrorKind};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::{Duration, Instant};

use nix::unistd::gettid;
use proscenium_worker::arena::{Group, futex};
use proscenium_worker::process::{Recorder, UNIT};
use proscenium_worker::work::Lock;

use super::words::Mutex;
use super::{burn, busy, sleep};

/// Real-time workers leave the CPU for this long, so that the others can get
/// into the situation in which they disturb them.
const PAUSE: Duration = Duration::from_millis(1);

/// The lock of a group.
pub(super) enum Held<'a> {
    Plain(Mutex<'a>),
    Inheriting(&'a AtomicU32),
}

impl<'a> Held<'a> {
    pub(super) fn of(group: &Group<'a>, lock: Lock) -> io::Result<Self> {
        let shared = group.shared(0).ok_or(ErrorKind::InvalidData)?;
        Ok(match lock {
            Lock::Plain => Self::Plain(Mutex(&shared.words[0])),
            Lock::Inheriting => Self::Inheriting(&shared.lock),
        })
    }

    /// Spins with the lock held, and files the time for which it was waited
    /// for, if it was. `false`: stop.
    pub(super) fn section(&self, spins: u64, recorder: &mut Recorder<'_>) -> io::Result<bool> {
        match self {
            Self::Plain(lock) => {
                let Some(blocked) = lock.lock()? else {
                    return Ok(false);
                };
                burn(spins);
                lock.unlock();
                if let Some(blocked) = blocked {
                    recorder.sample(blocked);
                }
            }
            Self::Inheriting(word) => {
                let own = gettid().as_raw().unsigned_abs();
                let free =
                    |word: &AtomicU32| word.compare_exchange(0, own, AcqRel, Acquire).is_ok();
                if !free(word) {
                    let start = Instant::now();
                    futex::lock_inheriting(word)?;
                    recorder.sample(start.elapsed());
                }
                burn(spins);
                if word.compare_exchange(own, 0, AcqRel, Acquire).is_err() {
                    futex::unlock_inheriting(word)?;
                }
            }
        }
        Ok(!recorder.stopped())
    }
}

/// The three roles of a priority inversion.
pub(super) fn inversion(
    role: u64,
    (high, medium): (u64, u64),
    (hold, work): (u64, u64),
    held: &Held<'_>,
    recorder: &mut Recorder<'_>,
) -> io::Result<()> {
    loop {
        let grains = if role < high {
            if sleep(PAUSE, recorder)?.is_none() || !held.section(work, recorder)? {
                return Ok(());
            }
            work
        } else if role < high + medium {
            let spinning = busy(PAUSE, recorder, || burn(UNIT));
            if !spinning || sleep(PAUSE, recorder)?.is_none() {
                return Ok(());
            }
            0
        } else {
            if !held.section(hold, recorder)? {
                return Ok(());
            }
            burn(work);
            hold + work
        };
        if !recorder.iteration(grains + UNIT) {
            return Ok(());
        }
    }
}
