//! The loops of two partners that hand a turn to and fro. The even worker of
//! the pair has it first.
//!
//! None hangs when its partner is gone or a stop is requested: a pipe then
//! ends, and the futex word says that it is over. Both are checked by the
//! kernel within the blocking call, so no request is missed.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::{Duration, Instant};

use proscenium_worker::Seat;
use proscenium_worker::arena::futex;
use proscenium_worker::burst::touch;
use proscenium_worker::process::{Recorder, UNIT};
use proscenium_worker::work::Pairs;

use super::words::change;
use super::{Loop, burn, enter_class, inherit, memory, ready};
use crate::sys;

/// How long a worker whose partner has gone waits for a stop request of its
/// own before it says that the partner was lost: requests are made one by one.
const GRACE: Duration = Duration::from_millis(100);

/// This worker's ends of the pipes from the one before it and to the one
/// behind it.
pub(super) struct Pipes {
    read: File,
    write: File,
}

impl Pipes {
    pub(super) fn inherit(seat: &Seat) -> io::Result<Self> {
        let link = seat.link().ok_or(ErrorKind::NotFound)?;
        Ok(Self {
            read: inherit(link.read)?,
            write: inherit(link.write)?,
        })
    }

    /// Passes the byte on. `false`: the partner is gone.
    pub(super) fn pass(&mut self) -> io::Result<bool> {
        loop {
            match self.write.write(&[1]) {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for the byte. `None`: the partner is gone, or it is time to stop.
    pub(super) fn take(&mut self, recorder: &Recorder<'_>) -> io::Result<Option<Duration>> {
        let start = Instant::now();
        loop {
            match self.read.read(&mut [0]) {
                Ok(0) => return Ok(None),
                Ok(_) => return Ok(Some(start.elapsed())),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if recorder.stopped() {
                return Ok(None);
            }
        }
    }
}

pub(super) fn prepare(work: &Pairs, seat: &Seat) -> io::Result<Loop> {
    match *work {
        Pairs::PipeIo { spins } => pipes(seat, spins, move || burn(spins)),
        Pairs::CachePipe { size_kib, spins } => {
            let mut buffer = memory(size_kib)?;
            pipes(seat, spins, move || {
                touch(&mut buffer, 64);
                burn(spins);
            })
        }
        Pairs::FutexPingPong { spins } => turns(spins),
        Pairs::AsymmetricWaker {
            class_a,
            class_b,
            spins,
        } => {
            let even = seat.worker().is_multiple_of(2);
            enter_class(seat, if even { class_a } else { class_b }.policy())?;
            turns(spins)
        }
        Pairs::SignalStorm { signals, spins } => {
            sys::ignore_by_handler()?;
            ready(move |seat, recorder| signal_storm(seat, signals, spins, recorder))
        }
    }
}

fn pipes(seat: &Seat, grains: u64, mut work: impl FnMut() + 'static) -> io::Result<Loop> {
    let mut pipes = Pipes::inherit(seat)?;
    let mut mine = seat.worker().is_multiple_of(2);
    ready(move |_, recorder| {
        loop {
            if mine {
                work();
                if !pipes.pass()? {
                    return partner_gone(recorder);
                }
            }
            let Some(waited) = pipes.take(recorder)? else {
                return partner_gone(recorder);
            };
            mine = true;
            recorder.sample(waited);
            if !recorder.iteration(grains + UNIT) {
                return Ok(());
            }
        }
    })
}

fn turns(spins: u64) -> io::Result<Loop> {
    ready(move |seat, recorder| {
        let group = seat.group()?;
        let shared = group.shared(0).ok_or(ErrorKind::InvalidData)?;
        let word = &shared.words[0];
        let mine = u32::from(group.role() != 0);
        let other = 1 - mine;
        loop {
            let start = Instant::now();
            let waits = word.load(Acquire) == other;
            if change(word, other)?.is_none() {
                return partner_gone(recorder);
            }
            if waits {
                recorder.sample(start.elapsed());
            }
            burn(spins);
            if word.compare_exchange(mine, other, AcqRel, Acquire).is_err() {
                return partner_gone(recorder);
            }
            futex::wake_all(word);
            if !recorder.iteration(spins + UNIT) {
                return Ok(());
            }
        }
    })
}

fn signal_storm(
    seat: &Seat,
    signals: u64,
    spins: u64,
    recorder: &mut Recorder<'_>,
) -> io::Result<()> {
    let group = seat.group()?;
    // Held from now on: a number alone could become another's.
    let partner = sys::hold(group.tid(1 - group.role()), seat.owner())?;
    loop {
        for _ in 0..signals {
            if !sys::interrupt(&partner)? {
                return partner_gone(recorder);
            }
        }
        burn(spins);
        if !recorder.iteration(spins + UNIT) {
            return Ok(());
        }
    }
}

/// Fine if this worker too is to stop; else the partner was lost.
pub(super) fn partner_gone(recorder: &Recorder<'_>) -> io::Result<()> {
    let start = Instant::now();
    while !recorder.stopped() {
        let Some(left) = GRACE.checked_sub(start.elapsed()) else {
            return Err(io::Error::from_raw_os_error(libc::EPIPE));
        };
        recorder.sleep(left)?;
    }
    Ok(())
}
