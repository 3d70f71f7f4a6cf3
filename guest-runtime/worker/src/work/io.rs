//! Work of one worker on an unnamed file.
//!
//! A wake sample is the time of calls that may block in the kernel: of the
//! flush for `io-sync-write`, of the read for `io-rand-read`, of all calls of
//! an iteration for `io-convoy`. In the guest files are in memory, so these
//! types load the file layers and the page cache, and no device.

use super::family::family;
use super::kind::{Gives, WorkKind, number};
use super::nominal;

family! {
    /// Work on a file.
    Io "io" {
        /// Writes a file and flushes it.
        SyncWrite "io-sync-write" = WorkKind::new(
            "writes an unnamed file from its start and flushes it",
            "all writes and one fdatasync", "one write",
        ).gives(Gives::Wakes("the time of the fdatasync")) => {
            writes: u64 = number("writes", "writes", 16, (1, 256), "writes before each flush"),
            size_kib: u64 = number("size-kib", "KiB", 4, (1, 64), "size of one write"),
        }
        /// Reads a file at random places, past the page cache where it can.
        RandRead "io-rand-read" = WorkKind::new(
            "reads an unnamed file of 4 MiB at random places, past the page cache where the file system allows it",
            "one read", "one read",
        ).gives(Gives::Wakes("the time of the read")) => {
            size_kib: u64 = number("size-kib", "KiB", 4, (4, 64), "size of one read, rounded up to whole 4 KiB"),
        }
        /// Writes and reads mixed, and a flush now and then.
        Convoy "io-convoy" = WorkKind::new(
            "writes 4 KiB and reads 4 KiB at random places of an unnamed file of 4 MiB, and flushes now and then",
            "one write and one read, with the flush when it is due", "one iteration",
        ).gives(Gives::Wakes("the time of all calls of the iteration, the flush included when it was due")) => {
            flush_every: u64 = number("flush-every", "iterations", 16, (1, 65_536), "iterations from one fdatasync to the next"),
        }
    }
}

impl Io {
    pub(super) fn demand(&self) -> (f64, u64) {
        let kib = match self {
            Self::SyncWrite { writes, size_kib } => writes * size_kib,
            Self::RandRead { size_kib } => *size_kib,
            Self::Convoy { .. } => 8,
        };
        (1.0, kib * nominal::COPY_KIB_NS)
    }
}
