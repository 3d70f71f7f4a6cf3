//! Loops on an unnamed file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::time::{Duration, Instant};

use proscenium_worker::process::UNIT;
use proscenium_worker::work::Io;

use super::{Loop, bytes, draw_below, memory, ready};
use crate::sys::{PAGE, Pages};

/// Blocks of the file that is read.
const BLOCKS: usize = 1024;

/// A file and what is written to it.
pub(super) struct Writer {
    file: File,
    buffer: Vec<u8>,
}

impl Writer {
    pub(super) fn new(directory: &str, size_kib: u64) -> io::Result<Self> {
        Ok(Self {
            file: unnamed(directory, 0)?,
            buffer: memory(size_kib)?,
        })
    }

    /// Writes the buffer `writes` times from the file's start on and flushes.
    /// Gives the time of the flush.
    pub(super) fn write_and_flush(&self, writes: u64) -> io::Result<Duration> {
        for write in 0..writes {
            let offset = write * self.buffer.len() as u64;
            self.file.write_all_at(&self.buffer, offset)?;
        }
        let before = Instant::now();
        self.file.sync_data()?;
        Ok(before.elapsed())
    }
}

fn unnamed(directory: &str, flags: i32) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_TMPFILE | flags)
        .mode(0o600)
        .open(directory)
}

/// A file with contents, past the page cache where the file system can.
fn filled(directory: &str, direct: bool) -> io::Result<File> {
    let file = if direct {
        unnamed(directory, libc::O_DIRECT).or_else(|_| unnamed(directory, 0))?
    } else {
        unnamed(directory, 0)?
    };
    // Direct I/O wants aligned memory, which whole pages are.
    let mut pages = Pages::map(64 * PAGE)?;
    for chunk in 0..BLOCKS / 64 {
        file.write_all_at(pages.bytes(), (chunk * 64 * PAGE) as u64)?;
    }
    file.sync_data()?;
    Ok(file)
}

pub(super) fn prepare(work: &Io, directory: &str) -> io::Result<Loop> {
    match *work {
        Io::SyncWrite { writes, size_kib } => {
            let writer = Writer::new(directory, size_kib)?;
            ready(move |_, recorder| {
                loop {
                    recorder.sample(writer.write_and_flush(writes)?);
                    let going_on = recorder.iteration(writes * UNIT);
                    recorder.checkpoint();
                    if !going_on {
                        return Ok(());
                    }
                }
            })
        }
        Io::RandRead { size_kib } => {
            let file = filled(directory, true)?;
            let mut buffer = Pages::map(bytes(size_kib)?.next_multiple_of(PAGE))?;
            let mut random = 1;
            ready(move |_, recorder| {
                let buffer = buffer.bytes();
                let places = BLOCKS - buffer.len() / PAGE + 1;
                loop {
                    let offset = (draw_below(&mut random, places) * PAGE) as u64;
                    let before = Instant::now();
                    file.read_exact_at(buffer, offset)?;
                    recorder.sample(before.elapsed());
                    if !recorder.iteration(UNIT) {
                        return Ok(());
                    }
                }
            })
        }
        Io::Convoy { flush_every } => {
            let file = filled(directory, false)?;
            let mut buffer = memory(4)?;
            let (mut random, mut since_flush) = (1, 0);
            ready(move |_, recorder| {
                let mut place = || (draw_below(&mut random, BLOCKS) * PAGE) as u64;
                loop {
                    let before = Instant::now();
                    file.write_all_at(&buffer, place())?;
                    file.read_exact_at(&mut buffer, place())?;
                    since_flush += 1;
                    if since_flush >= flush_every {
                        since_flush = 0;
                        file.sync_data()?;
                    }
                    recorder.sample(before.elapsed());
                    if !recorder.iteration(UNIT) {
                        return Ok(());
                    }
                }
            })
        }
    }
}
