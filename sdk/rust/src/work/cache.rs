//! Work of one worker on memory.

work_types! {
    /// Reads, changes and writes a buffer in strides.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let big = CachePressure::new().size_kib(4096).stride(128);
    /// ```
    CachePressure = "cache-pressure" {
        /// Size of the buffer; 4 to 262144 KiB (by default 32).
        size_kib(u64) = "size-kib";
        /// Bytes from one access to the next; 8 to 4096 bytes (by default 64).
        stride(u64) = "stride";
    }
    /// Reads, changes and writes a buffer in strides, then yields.
    CacheYield = "cache-yield" {
        /// Size of the buffer; 4 to 262144 KiB (by default 32).
        size_kib(u64) = "size-kib";
        /// Bytes from one access to the next; 8 to 4096 bytes (by default 64).
        stride(u64) = "stride";
    }
    /// Maps memory, touches pages of it at random and unmaps it.
    PageFaultChurn = "page-fault-churn" {
        /// Size of the buffer; 4 to 262144 KiB (by default 4096).
        size_kib(u64) = "size-kib";
        /// Pages touched in each mapping; 1 to 65536 touches (by default 256).
        touches(u64) = "touches";
        /// Spins after each touch; 0 to 10000000 spins (by default 64).
        spins(u64) = "spins";
    }
}
