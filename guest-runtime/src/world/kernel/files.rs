//! The file operations behind cgroups: one directory or file each, relative
//! to a handle, never by a path from outside.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use cap_std::fs::{Dir, OpenOptions};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::world::Knob;

/// Most bytes of a cgroup file that are read (64 KiB).
pub(super) const READ_LIMIT: usize = 64 << 10;
/// How long a removal waits for tasks that are already dying.
const DYING: Duration = Duration::from_secs(1);
/// How deep below a cgroup others may have made some that can be removed.
const DEEPEST: usize = 64;

/// Opens one file the way it is used.
pub(super) fn open(dir: &Dir, knob: Knob) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // What is only written may not be opened for reading, not even by root.
    options.read(knob != Knob::Kill).write(writable(knob));
    dir.open_with(knob.file_name(), &options)
        .map(cap_std::fs::File::into_std)
}

/// Whether the file is opened for writing. The kernel refuses to open what it
/// only reports for writing, and a delegated cgroup's pressure files are root's.
pub(super) fn writable(knob: Knob) -> bool {
    match knob {
        Knob::CpusetCpus
        | Knob::CpusetMems
        | Knob::CpuWeight
        | Knob::CpuMax
        | Knob::MemoryMax
        | Knob::MemoryHigh
        | Knob::MemoryLow
        | Knob::MemorySwapMax
        | Knob::IoWeight
        | Knob::PidsMax
        | Knob::Freeze
        | Knob::Kill
        | Knob::Procs
        | Knob::SubtreeControl => true,
        Knob::CpusetCpusEffective
        | Knob::CpuStat
        | Knob::CpuPressure
        | Knob::MemoryCurrent
        | Knob::MemoryPressure
        | Knob::IoPressure => false,
    }
}

/// Reads what fits into `buffer` and says how much that was.
pub(super) fn read_whole(file: &File, knob: Knob, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = file.read_at(buffer, 0)?;
    // Only the list of processes comes in pieces; the others are one record,
    // which the kernel hands over whole.
    while knob == Knob::Procs && length > 0 && length < buffer.len() {
        let (_, rest) = buffer.split_at_mut(length);
        match file.read_at(rest, length as u64)? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// Makes one directory and opens it.
pub(super) fn make(above: &Dir, leaf: &str) -> Result<Dir, Errno> {
    if leaf.is_empty() || leaf == "." || leaf == ".." || leaf.contains(['/', '\0', '\n']) {
        return Err(Errno::EINVAL);
    }
    above.create_dir(leaf).map_err(|error| errno(&error))?;
    above.open_dir(leaf).map_err(|error| errno(&error))
}

/// Removes one directory; where tasks are still in it, waits until its
/// `events` say that it is empty and tries once more.
pub(super) fn remove_dir(
    above: &Dir,
    leaf: &str,
    events: impl FnOnce() -> Option<File>,
) -> Result<(), Errno> {
    let remove = || match above.remove_dir(leaf).map_err(|error| errno(&error)) {
        Err(Errno::ENOENT) => Ok(()),
        removed => removed,
    };
    match remove() {
        Err(Errno::EBUSY) => {}
        removed => return removed,
    }
    let events = events().ok_or(Errno::EBUSY)?;
    let deadline = Instant::now() + DYING;
    loop {
        // Reading arms the notification that `poll` reports as POLLPRI.
        let empty = says(&events, b"populated 0").map_err(|error| errno(&error))?;
        if !empty {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            let mut fds = [PollFd::new(events.as_fd(), PollFlags::POLLPRI)];
            match poll(&mut fds, timeout) {
                Ok(0) => return Err(Errno::EBUSY),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        match remove() {
            Err(Errno::EBUSY) if !empty => {}
            removed => return removed,
        }
    }
}

/// Removes the cgroups below one that others have made there, the innermost
/// first: a program that runs as root may have planted some.
pub(super) fn remove_planted(dir: &Dir) -> Result<(), Errno> {
    remove_below(dir, DEEPEST)
}

fn remove_below(dir: &Dir, depth: usize) -> Result<(), Errno> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Errno::ELOOP);
    };
    let entries = dir.entries().map_err(|error| errno(&error))?;
    let planted = entries.filter_map(Result::ok).filter(|entry| {
        let kind = entry.file_type();
        kind.is_ok_and(|kind| kind.is_dir())
    });
    // All of them first: what is removed while it is listed may hide others.
    let planted: Vec<_> = planted.map(|entry| entry.file_name()).collect();
    for name in planted {
        let name = name.to_str().ok_or(Errno::EILSEQ)?;
        let below = dir.open_dir(name).map_err(|error| errno(&error))?;
        remove_below(&below, depth)?;
        let events = || Some(below.open("cgroup.events").ok()?.into_std());
        remove_dir(dir, name, events)?;
    }
    Ok(())
}

/// Whether all tasks of a cgroup stand frozen, as far as that can be read.
pub(super) fn is_frozen(dir: &Dir) -> bool {
    dir.open("cgroup.events")
        .and_then(|events| says(&events.into_std(), b"frozen 1"))
        .unwrap_or(false)
}

/// Whether `cgroup.events` has this line.
fn says(events: &File, wanted: &[u8]) -> io::Result<bool> {
    let mut text = [0; 256];
    let length = events.read_at(&mut text, 0)?;
    let text = text.get(..length).unwrap_or_default();
    Ok(text.split(|byte| *byte == b'\n').any(|line| line == wanted))
}

/// The kernel's answer in an error of the standard library. What has none is
/// a refusal by the directory handle: something outside it was named.
pub(super) fn errno(error: &io::Error) -> Errno {
    match error.raw_os_error() {
        Some(code) => Errno::from_raw(code),
        None if error.kind() == ErrorKind::WriteZero => Errno::EIO,
        None => Errno::EPERM,
    }
}
