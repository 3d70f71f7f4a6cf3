//! The loops, one per work type. They end when the recorder says stop, and
//! with an error when they cannot go on. None makes a system call that its
//! type does not ask for, and none allocates.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::thread;
use std::time::{Duration, Instant};

use proscenium_worker::burst::{alu, spin, touch};
use proscenium_worker::process::{Recorder, UNIT, record_failure, sys};
use proscenium_worker::{Phase, PhaseKind, Seat, SetupStep, Work};

mod pairs;

/// What a loop needs and must have before the gate opens.
#[derive(Default)]
pub(crate) struct Tools {
    file: Option<File>,
    buffer: Vec<u8>,
    pipes: Option<pairs::Pipes>,
}

impl Tools {
    pub(crate) fn prepare(seat: &Seat) -> io::Result<Self> {
        let mut tools = Self::default();
        match &seat.spec().work {
            Work::IoSyncWrite { size_kib, .. } => {
                tools.file = Some(unnamed_file(&seat.spec().io_dir)?);
                tools.buffer = memory(*size_kib)?;
            }
            Work::Sequence { phases } if phases.iter().any(|phase| phase.kind == PhaseKind::Io) => {
                tools.file = Some(unnamed_file(&seat.spec().io_dir)?);
                tools.buffer = memory(4)?;
            }
            Work::CachePressure { size_kib, .. } => tools.buffer = memory(*size_kib)?,
            Work::PipeIo { .. } => tools.pipes = Some(pairs::Pipes::inherit(seat)?),
            _ => {}
        }
        Ok(tools)
    }

    /// Writes the buffer `writes` times from the file's start on and flushes.
    /// Gives the time of the flush.
    fn write_and_flush(&self, writes: u64) -> io::Result<Duration> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        for write in 0..writes {
            file.write_all_at(&self.buffer, write * self.buffer.len() as u64)?;
        }
        let before = Instant::now();
        file.sync_data()?;
        Ok(before.elapsed())
    }
}

fn unnamed_file(directory: &str) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_TMPFILE)
        .mode(0o600)
        .open(directory)
}

/// Zeroed memory, each page of it touched, so that the loop has no faults.
fn memory(kib: u64) -> io::Result<Vec<u8>> {
    let len = usize::try_from(kib * 1024).map_err(io::Error::other)?;
    let mut memory = Vec::new();
    memory
        .try_reserve_exact(len)
        .map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))?;
    memory.resize(len, 1);
    Ok(memory)
}

/// Runs the seat's work until the stop request.
pub(crate) fn run(seat: &Seat, tools: &mut Tools, recorder: &mut Recorder<'_>) -> io::Result<()> {
    match &seat.spec().work {
        Work::SpinWait { spins } => spin_wait(*spins, recorder),
        Work::YieldHeavy => while yield_once(recorder) {},
        Work::Mixed { spins } => mixed(*spins, recorder),
        Work::Bursty { work, sleep } => bursty(*work, *sleep, recorder)?,
        Work::IoSyncWrite { writes, .. } => io_sync_write(*writes, tools, recorder)?,
        Work::PipeIo { spins } => {
            let pipes = tools.pipes.as_mut().ok_or(io::ErrorKind::NotFound)?;
            pairs::pipe_io(pipes, seat.worker(), *spins, recorder)?;
        }
        Work::FutexPingPong { spins } => pairs::futex_ping_pong(seat, *spins, recorder)?,
        Work::CachePressure { stride, .. } => cache_pressure(*stride, tools, recorder)?,
        Work::ForkExit => fork_exit(seat, recorder)?,
        Work::Sequence { phases } => sequence(phases, tools, recorder)?,
        _ => return Err(io::ErrorKind::Unsupported.into()),
    }
    Ok(())
}

fn spin_wait(spins: u64, recorder: &mut Recorder<'_>) {
    let mut x = 1;
    loop {
        x = black_box(spin(x, spins));
        if !recorder.iteration(spins) {
            return;
        }
    }
}

fn yield_once(recorder: &mut Recorder<'_>) -> bool {
    thread::yield_now();
    recorder.iteration(UNIT)
}

fn mixed(spins: u64, recorder: &mut Recorder<'_>) {
    let mut x = 1;
    loop {
        x = black_box(spin(x, spins));
        thread::yield_now();
        if !recorder.iteration(spins + UNIT) {
            return;
        }
    }
}

fn bursty(work: Duration, sleep: Duration, recorder: &mut Recorder<'_>) -> io::Result<()> {
    loop {
        if !busy(work, recorder, || _ = black_box(spin(1, UNIT))) {
            return Ok(());
        }
        sleep_once(sleep, recorder)?;
        let going_on = recorder.iteration(0);
        recorder.checkpoint();
        if !going_on {
            return Ok(());
        }
    }
}

/// Repeats one unit of work for `time`. `false`: stop.
fn busy(time: Duration, recorder: &mut Recorder<'_>, mut unit: impl FnMut()) -> bool {
    let start = Instant::now();
    loop {
        unit();
        if !recorder.advance(UNIT) {
            return false;
        }
        if start.elapsed() >= time {
            return true;
        }
    }
}

/// Sleeps for `time` and files how long it was; a sleep cut short by the stop
/// request is no sample.
fn sleep_once(time: Duration, recorder: &mut Recorder<'_>) -> io::Result<()> {
    let start = Instant::now();
    while let Some(left) = time
        .checked_sub(start.elapsed())
        .filter(|left| !left.is_zero())
    {
        if recorder.stopped() {
            return Ok(());
        }
        recorder.sleep(left)?;
    }
    recorder.wake(start.elapsed());
    Ok(())
}

fn io_sync_write(writes: u64, tools: &Tools, recorder: &mut Recorder<'_>) -> io::Result<()> {
    loop {
        let flush = tools.write_and_flush(writes)?;
        recorder.wake(flush);
        let going_on = recorder.iteration(writes * UNIT);
        recorder.checkpoint();
        if !going_on {
            return Ok(());
        }
    }
}

fn cache_pressure(stride: u64, tools: &mut Tools, recorder: &mut Recorder<'_>) -> io::Result<()> {
    let stride = usize::try_from(stride).map_err(io::Error::other)?.max(1);
    let accesses = tools.buffer.len().div_ceil(stride) as u64;
    loop {
        touch(black_box(&mut tools.buffer), stride);
        if !recorder.iteration(accesses) {
            return Ok(());
        }
    }
}

fn fork_exit(seat: &Seat, recorder: &mut Recorder<'_>) -> io::Result<()> {
    let view = seat.view()?;
    loop {
        let going_on = match sys::fork() {
            Ok(child) => {
                let start = Instant::now();
                sys::wait(child)?;
                recorder.wake(start.elapsed());
                recorder.iteration(UNIT)
            }
            // A limit on processes is part of what scenarios do.
            Err(error) => {
                record_failure(&view.slot.facts, SetupStep::Work, &error);
                thread::yield_now();
                !recorder.stopped()
            }
        };
        recorder.checkpoint();
        if !going_on {
            return Ok(());
        }
    }
}

fn sequence(phases: &[Phase], tools: &Tools, recorder: &mut Recorder<'_>) -> io::Result<()> {
    loop {
        for each in phases {
            phase(*each, tools, recorder)?;
            recorder.checkpoint();
            if recorder.stopped() {
                return Ok(());
            }
        }
        if !recorder.iteration(0) {
            return Ok(());
        }
    }
}

fn phase(phase: Phase, tools: &Tools, recorder: &mut Recorder<'_>) -> io::Result<()> {
    match phase.kind {
        PhaseKind::Spin => {
            busy(phase.lasts, recorder, || _ = black_box(spin(1, UNIT)));
        }
        PhaseKind::Alu => {
            busy(phase.lasts, recorder, || _ = black_box(alu(1, UNIT)));
        }
        PhaseKind::Yield => {
            busy(phase.lasts, recorder, thread::yield_now);
        }
        PhaseKind::Sleep => {
            sleep_once(phase.lasts, recorder)?;
            recorder.advance(UNIT);
        }
        PhaseKind::Io => {
            let start = Instant::now();
            loop {
                let flush = tools.write_and_flush(1)?;
                recorder.wake(flush);
                if !recorder.advance(UNIT) || start.elapsed() >= phase.lasts {
                    break;
                }
            }
        }
    }
    Ok(())
}
