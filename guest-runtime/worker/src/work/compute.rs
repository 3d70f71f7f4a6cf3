//! Work of one worker that only computes, or computes and yields.
//!
//! None of these types blocks, so none gives wake samples. `alu-hot`,
//! `smt-sibling-spin` and `ipc-variance` time their iterations instead: a cost
//! sample is the wall time of one iteration, with whatever the scheduler or a
//! hardware sibling took from it.

use super::family::family;
use super::kind::{Gives, SPIN_UNIT, STRIDE, WorkKind, number, one_of, spins};
use super::nominal;
use super::value::Width;

family! {
    /// Computation, see the module's table of samples.
    Compute "compute" {
        /// Spins without a pause.
        SpinWait "spin-wait" =
            WorkKind::new("spins without a pause", "one burst of spins", SPIN_UNIT) => {
            spins: u64 = spins(1024, 1, "spins of one iteration"),
        }
        /// `sched_yield` without a pause.
        YieldHeavy "yield-heavy" =
            WorkKind::new("calls sched_yield without a pause", "one yield", "one yield") => {}
        /// Spins, then yields.
        Mixed "mixed" = WorkKind::new(
            "spins, then yields", "one burst of spins and a yield", "1,024 spins or one yield",
        ) => {
            spins: u64 = spins(1024, 1, "spins before each yield"),
        }
        /// Independent arithmetic of a given width.
        AluHot "alu-hot" = WorkKind::new(
            "independent chains of arithmetic that keep the execution units busy",
            "65,536 rounds of eight operations",
            "1,024 rounds",
        ).gives(Gives::Costs("the time of one iteration")) => {
            width: Width = one_of("width", Width::NAMES,
                "bits of one operation; what the CPU lacks becomes the widest that it has"),
        }
        /// Two workers that compete for one core's execution units.
        SmtSiblingSpin "smt-sibling-spin" = WorkKind::new(
            "two workers compute side by side: pin them with the affinity smt-siblings",
            "65,536 rounds of arithmetic",
            "1,024 rounds",
        ).group(2, &[]).gives(Gives::Costs("the time of one iteration")) => {}
        /// Alternates between many and few instructions per cycle.
        IpcVariance "ipc-variance" = WorkKind::new(
            "alternates between arithmetic and memory accesses that wait for each other",
            "both phases once",
            "1,024 rounds or accesses",
        ).gives(Gives::Costs("the time of one iteration")) => {
            rounds: u64 = number("rounds", "rounds", 100_000, (1, 10_000_000),
                "rounds of arithmetic in the fast phase"),
            accesses: u64 = number("accesses", "accesses", 1024, (1, 10_000_000),
                "accesses in the slow phase, over 16 MiB"),
            stride: u64 = STRIDE,
        }
    }
}

impl Compute {
    pub(super) fn demand(&self) -> (f64, u64) {
        let cost = match self {
            Self::SpinWait { spins } => nominal::spins(*spins),
            Self::YieldHeavy {} => nominal::YIELD_NS,
            Self::Mixed { spins } => nominal::spins(*spins) + nominal::YIELD_NS,
            Self::AluHot { .. } | Self::SmtSiblingSpin {} => nominal::rounds(65_536),
            Self::IpcVariance {
                rounds, accesses, ..
            } => nominal::rounds(*rounds) + accesses * nominal::MISS_NS,
        };
        (1.0, cost)
    }
}
