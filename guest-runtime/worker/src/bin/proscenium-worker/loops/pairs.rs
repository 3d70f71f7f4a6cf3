//! The loops of two partners that hand a turn to and fro. The even worker of
//! the pair has it first.
//!
//! None hangs when its partner is gone or a stop is requested: a pipe then
//! ends, and the futex word says that it is over. Both are checked by the
//! kernel within the blocking call, so no request is missed.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::{Duration, Instant};

use proscenium_worker::Seat;
use proscenium_worker::arena::{futex, layout::turn};
use proscenium_worker::burst::spin;
use proscenium_worker::process::{Recorder, UNIT, sys};

/// How long a worker whose partner has gone waits for a stop request of its
/// own before it says that the partner was lost: requests are made one by one.
const GRACE: Duration = Duration::from_millis(100);

/// This worker's ends of the two pipes.
pub(crate) struct Pipes {
    read: File,
    write: File,
}

impl Pipes {
    pub(crate) fn inherit(seat: &Seat) -> io::Result<Self> {
        let link = seat.link().ok_or(ErrorKind::NotFound)?;
        let end = |number: i32| {
            let number = usize::try_from(number).map_err(io::Error::other)?;
            sys::inherit(number).map(File::from)
        };
        Ok(Self {
            read: end(link.read)?,
            write: end(link.write)?,
        })
    }

    /// Passes the byte on. `false`: the partner is gone.
    fn pass(&mut self) -> io::Result<bool> {
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
    fn take(&mut self, recorder: &Recorder<'_>) -> io::Result<Option<Duration>> {
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

pub(crate) fn pipe_io(
    pipes: &mut Pipes,
    worker: usize,
    spins: u64,
    recorder: &mut Recorder<'_>,
) -> io::Result<()> {
    let mut mine = worker.is_multiple_of(2);
    loop {
        if mine {
            black_box(spin(1, spins));
            if !pipes.pass()? {
                return partner_gone(recorder);
            }
        }
        let Some(waited) = pipes.take(recorder)? else {
            return partner_gone(recorder);
        };
        mine = true;
        recorder.wake(waited);
        if !recorder.iteration(spins + UNIT) {
            return Ok(());
        }
    }
}

pub(crate) fn futex_ping_pong(
    seat: &Seat,
    spins: u64,
    recorder: &mut Recorder<'_>,
) -> io::Result<()> {
    let word = &seat.pair()?.turn;
    let (mine, other) = if seat.worker().is_multiple_of(2) {
        (turn::EVEN, turn::ODD)
    } else {
        (turn::ODD, turn::EVEN)
    };
    loop {
        let start = Instant::now();
        let mut now = word.load(Acquire);
        let waits = now == other;
        while now == other {
            futex::wait(word, other, None)?;
            now = word.load(Acquire);
        }
        if waits && now == mine {
            recorder.wake(start.elapsed());
        }
        black_box(spin(1, spins));
        if word.compare_exchange(mine, other, AcqRel, Acquire).is_err() {
            return partner_gone(recorder);
        }
        futex::wake_all(word);
        if !recorder.iteration(spins + UNIT) {
            return Ok(());
        }
    }
}

/// Fine if this worker too is to stop; else the partner was lost.
fn partner_gone(recorder: &Recorder<'_>) -> io::Result<()> {
    let start = Instant::now();
    while !recorder.stopped() {
        let Some(left) = GRACE.checked_sub(start.elapsed()) else {
            return Err(io::Error::from_raw_os_error(libc::EPIPE));
        };
        recorder.sleep(left)?;
    }
    Ok(())
}
