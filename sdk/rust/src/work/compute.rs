//! Work of one worker that only computes.

words! {
    /// How many bits one arithmetic instruction works on.
    Width {
        /// The widest that the CPU has.
        Widest = "widest",
        /// 64-bit general registers.
        Scalar = "scalar",
        /// 128-bit vectors.
        Sse2 = "sse2",
        /// 256-bit vectors.
        Avx2 = "avx2",
    }
}

work_types! {
    /// Spins without a pause.
    SpinWait = "spin-wait" {
        /// Spins of one iteration; 1 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
    /// Calls sched_yield without a pause.
    YieldHeavy = "yield-heavy" {}
    /// Spins, then yields.
    Mixed = "mixed" {
        /// Spins before each yield; 1 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
    /// Independent chains of arithmetic that keep the execution units busy.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let hot = CgroupDef::new("hot").work(AluHot::new().width(Width::Avx2));
    /// ```
    AluHot = "alu-hot" {
        /// Bits of one operation; what the CPU lacks becomes the widest that it has (by
        /// default widest).
        width(Width) = "width";
    }
    /// Two workers compute side by side: pin them with the affinity smt-siblings.
    ///
    /// In groups of 2.
    SmtSiblingSpin = "smt-sibling-spin" {}
    /// Alternates between arithmetic and memory accesses that wait for each other.
    IpcVariance = "ipc-variance" {
        /// Rounds of arithmetic in the fast phase; 1 to 10000000 rounds (by default 100000).
        rounds(u64) = "rounds";
        /// Accesses in the slow phase, over 16 MiB; 1 to 10000000 accesses (by default 1024).
        accesses(u64) = "accesses";
        /// Bytes from one access to the next; 8 to 4096 bytes (by default 64).
        stride(u64) = "stride";
    }
}
