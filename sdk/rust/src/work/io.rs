//! Work of one worker on a file.

work_types! {
    /// Writes an unnamed file from its start and flushes it.
    IoSyncWrite = "io-sync-write" {
        /// Writes before each flush; 1 to 256 writes (by default 16).
        writes(u64) = "writes";
        /// Size of one write; 1 to 64 KiB (by default 4).
        size_kib(u64) = "size-kib";
    }
    /// Reads an unnamed file of 4 MiB at random places, past the page cache where the file
    /// system allows it.
    IoRandRead = "io-rand-read" {
        /// Size of one read, rounded up to whole 4 KiB; 4 to 64 KiB (by default 4).
        size_kib(u64) = "size-kib";
    }
    /// Writes 4 KiB and reads 4 KiB at random places of an unnamed file of 4 MiB, and flushes
    /// now and then.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let def = CgroupDef::new("disk").work(IoConvoy::new().flush_every(4));
    /// ```
    IoConvoy = "io-convoy" {
        /// Iterations from one fdatasync to the next; 1 to 65536 iterations (by default 16).
        flush_every(u64) = "flush-every";
    }
}
