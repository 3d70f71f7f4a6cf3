//! One process for several workers: each is a thread of it, with a name, a
//! policy and an affinity of its own. The process has the name of the team, and
//! one thread more than workers, its first, which does no work.
//!
//! ```text
//! attach to all arenas ─▶ tie to parent ─▶ name ─▶ a thread for each worker ─▶ tell
//!                                                   each lives as a worker does
//! the first thread: take on the identity ─▶ wait for the stop ─▶ interrupt each ─▶ join
//! ```
//!
//! Owns the arguments of such a process, both ends of them, and the life of its
//! first thread. The life of a worker is not told twice: it is
//! [`live`](super::live)'s.

use std::env;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::thread::{self, Builder};

use super::{Recorder, Unfit, apply, run, sys};
use crate::arena::{Arena, Seat, futex};
use crate::exit_code;

/// First argument of such a process.
const TOGETHER: &str = "together";

/// What a process is told that is to be a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    name: String,
    /// Where it says that all threads are there, by closing it, or with which
    /// errno one could not be made.
    told: usize,
    arenas: Vec<usize>,
}

/// Arguments for the process of the team `name`, its program's name first. It
/// inherits `told`, the write end of a pipe, besides all that the workers of
/// `arenas` do: it closes it when every thread is made, and first writes the
/// errno, four bytes of native order, where one cannot be.
///
/// # Errors
/// `InvalidInput` for a name with a NUL in it.
pub fn arguments(name: &str, told: BorrowedFd<'_>, arenas: &[Arena]) -> io::Result<Vec<CString>> {
    let fixed = [
        "proscenium-worker".to_owned(),
        TOGETHER.to_owned(),
        name.to_owned(),
        told.as_raw_fd().to_string(),
    ];
    let arenas = arenas
        .iter()
        .map(|arena| arena.fd().as_raw_fd().to_string());
    let all = fixed.into_iter().chain(arenas);
    Ok(all.map(CString::new).collect::<Result<_, _>>()?)
}

/// Descriptors of which the child must clear close-on-exec, that of the pipe
/// among them.
#[must_use]
pub fn inherited(told: BorrowedFd<'_>, arenas: &[Arena]) -> Vec<RawFd> {
    let of_arena = |arena: &Arena| -> Vec<RawFd> {
        let workers = 0..arena.workers();
        workers.flat_map(|worker| arena.inherited(worker)).collect()
    };
    let mut all: Vec<RawFd> = arenas.iter().flat_map(of_arena).collect();
    all.push(told.as_raw_fd());
    all.sort_unstable();
    all.dedup();
    all
}

impl Team {
    /// What this process was told, if it is to be a team.
    ///
    /// # Errors
    /// [`USAGE`](exit_code::USAGE) if it is, and the rest is not as
    /// [`arguments`] has it.
    pub fn told() -> Result<Option<Self>, Unfit> {
        let mut words = env::args().skip(1);
        if words.next().as_deref() != Some(TOGETHER) {
            return Ok(None);
        }
        let name = words.next().unwrap_or_default();
        let numbers: Option<Vec<usize>> = words.map(|text| text.parse().ok()).collect();
        match numbers.as_deref() {
            Some([told, arenas @ ..]) if !name.is_empty() && !arenas.is_empty() => Ok(Some(Self {
                name,
                told: *told,
                arenas: arenas.to_vec(),
            })),
            _ => {
                let text = "it is started by the runtime, not by hand";
                Err((exit_code::USAGE, io::Error::other(text)))
            }
        }
    }

    /// Lives the lives of all workers of its arenas, each in a thread.
    /// `prepare` and `work` are as in [`live`](super::live).
    ///
    /// # Errors
    /// Only if this process, or one of its threads, cannot be that at all.
    pub fn live<T>(
        &self,
        prepare: impl Fn(&Seat) -> io::Result<T> + Sync,
        work: impl Fn(&Seat, &mut T, &mut Recorder<'_>) -> io::Result<()> + Sync,
    ) -> Result<(), Unfit> {
        let in_arena = |error| (exit_code::ARENA, error);
        let told = sys::inherit(self.told).map_err(in_arena)?;
        let seats = self.seats().map_err(in_arena)?;
        let first = seats
            .first()
            .ok_or_else(|| in_arena(io::ErrorKind::InvalidData.into()))?;
        sys::enter(first.owner()).map_err(|error| (exit_code::ORPHAN, error))?;
        apply::comm(&self.name).map_err(in_arena)?;
        thread::scope(|scope| {
            let mut threads = Vec::with_capacity(seats.len());
            let mut told = File::from(told);
            for seat in &seats {
                let life = || run(seat, &prepare, &work);
                match Builder::new().spawn_scoped(scope, life) {
                    Ok(thread) => threads.push(thread),
                    Err(error) => {
                        let errno = error.raw_os_error().unwrap_or(libc::EAGAIN);
                        // Who listens kills this process; who does not has
                        // other ways to see that workers are missing.
                        let _ = told.write_all(&errno.to_ne_bytes());
                        break;
                    }
                }
            }
            drop(told);
            // In vain where it is for the workers, who put it on record.
            let _ = first.setup().and_then(apply::identity);
            sys::die_with_parent()?;
            await_stop(&seats)?;
            for seat in &seats {
                sys::interrupt_thread(seat.view()?.slot.facts.tid.load(Relaxed));
            }
            let ended = threads.into_iter().map(|thread| {
                let panicked = |_| Err(io::Error::other("a worker panicked"));
                thread.join().unwrap_or_else(panicked)
            });
            // All of them, whatever one of them says.
            ended.fold(Ok(()), io::Result::and)
        })
        .map_err(in_arena)
    }

    fn seats(&self) -> io::Result<Vec<Seat>> {
        let mut seats = Vec::new();
        for arena in &self.arenas {
            seats.extend(Seat::attach_all(sys::inherit(*arena)?)?);
        }
        Ok(seats)
    }
}

/// Sleeps until every worker is asked to stop. The signal comes after all the
/// requests, and to this thread first: it has it unblocked and is the
/// process's own.
fn await_stop(seats: &[Seat]) -> io::Result<()> {
    for seat in seats {
        let stop = &seat.view()?.slot.live.stop;
        while stop.load(Acquire) == 0 {
            futex::wait(stop, 0, None)?;
        }
    }
    Ok(())
}
