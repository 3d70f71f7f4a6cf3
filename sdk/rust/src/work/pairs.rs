//! Work of two partners: crews are pairs.

words! {
    /// The scheduling class of one worker.
    Class {
        /// `SCHED_OTHER`.
        Normal = "normal",
        /// `SCHED_BATCH`.
        Batch = "batch",
        /// `SCHED_IDLE`.
        Idle = "idle",
        /// `SCHED_FIFO` with priority 50.
        Rt = "rt",
        /// `SCHED_DEADLINE` with 2 µs in 1 ms, every 10 ms.
        Deadline = "deadline",
        /// `SCHED_EXT`.
        Ext = "ext",
    }
}

work_types! {
    /// Two workers pass a byte to and fro over two pipes.
    ///
    /// In groups of 2.
    PipeIo = "pipe-io" {
        /// Spins before the byte is passed on; 0 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
    /// Two workers work on a buffer each and pass a byte to and fro over two pipes.
    ///
    /// In groups of 2.
    CachePipe = "cache-pipe" {
        /// Size of the buffer; 4 to 262144 KiB (by default 32).
        size_kib(u64) = "size-kib";
        /// Spins before the byte is passed on; 0 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
    /// Two workers wake each other by futex.
    ///
    /// In groups of 2.
    FutexPingPong = "futex-ping-pong" {
        /// Spins before the partner is woken; 0 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
    /// Two workers of different scheduling classes wake each other by futex.
    ///
    /// In groups of 2.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let work = AsymmetricWaker::new().class_a(Class::Batch).class_b(Class::Rt);
    /// ```
    AsymmetricWaker = "asymmetric-waker" {
        /// Class of the first worker (by default normal).
        class_a(Class) = "class-a";
        /// Class of the second worker (by default normal).
        class_b(Class) = "class-b";
        /// Spins before the partner is woken; 0 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
    /// Two workers send each other signals, and spin between.
    ///
    /// In groups of 2.
    SignalStorm = "signal-storm" {
        /// Signals of one volley; 1 to 1024 signals (by default 16).
        signals(u64) = "signals";
        /// Spins after each volley; 0 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
}
