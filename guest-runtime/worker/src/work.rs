//! The work types: typed, with what the simulated world needs to know of them.
//!
//! [`Work`] is what travels to the worker. Names, parameters, ranges and what
//! is measured stand once, in the catalogue ([`WorkKind::ALL`]); the parser,
//! its errors and the documentation come from there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

mod catalogue;
mod parse;

pub use catalogue::{Parameter, WorkKind};
pub use parse::WorkError;

use crate::burst::SPINS_PER_UNIT;

/// What each worker of a crew does until it is told to stop.
///
/// See [`WorkKind::ALL`] for what one iteration and one work unit of each is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Work {
    /// Spins without a pause.
    SpinWait {
        /// Spins of one iteration.
        spins: u64,
    },
    /// `sched_yield` without a pause.
    YieldHeavy,
    /// Spins, then yields.
    Mixed {
        /// Spins before each yield.
        spins: u64,
    },
    /// Spins for a while, then sleeps for a while.
    Bursty {
        /// Wall time of spinning.
        work: Duration,
        /// Length of the sleep.
        sleep: Duration,
    },
    /// Writes a file and flushes it.
    IoSyncWrite {
        /// Writes before each flush.
        writes: u64,
        /// Size of one write in KiB.
        size_kib: u64,
    },
    /// Two workers pass a byte to and fro over two pipes.
    PipeIo {
        /// Spins before the byte is passed on.
        spins: u64,
    },
    /// Two workers wake each other by futex.
    FutexPingPong {
        /// Spins before the partner is woken.
        spins: u64,
    },
    /// Strided read-modify-write over a buffer.
    CachePressure {
        /// Size of the buffer in KiB.
        size_kib: u64,
        /// Bytes from one access to the next.
        stride: u64,
    },
    /// Forks a child that exits at once, and waits for it.
    ForkExit,
    /// Runs phases one after the other, for ever.
    Sequence {
        /// The phases of one cycle, at least one.
        phases: Vec<Phase>,
    },
    /// A loop that the scenario's component exports, run in an instance of its
    /// own. Not one of the catalogue: it cannot be parsed, and the worker of
    /// built-in loops does not do it.
    Exported {
        /// Its name among the component's.
        name: String,
        /// Most linear memory of the instance, in bytes.
        memory_bytes: u64,
    },
}

/// One phase of [`Work::Sequence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// What is done.
    pub kind: PhaseKind,
    /// Wall time for which it is done.
    pub lasts: Duration,
}

/// What a phase does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PhaseKind {
    /// Dependent arithmetic.
    Spin,
    /// One sleep.
    Sleep,
    /// Yields again and again.
    Yield,
    /// 4 KiB writes, each flushed.
    Io,
    /// Independent arithmetic, several instructions per cycle.
    Alu,
}

/// What one worker wants of a machine on which it is alone. Nominal figures
/// for the simulated world: good for plausibility, not for predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Share of one CPU, 0 to 1, its short-lived children included.
    pub cpu_share: f64,
    /// CPU time of one iteration in nanoseconds, at least 1.
    pub iteration_ns: u64,
}

/// Orders of magnitude on an x86 server at about 3 GHz with files in memory.
mod nominal {
    /// Nanoseconds of CPU time for 1024 spins.
    pub(super) const UNIT_NS: u64 = 1_800;
    /// A yield with nobody to yield to.
    pub(super) const YIELD_NS: u64 = 300;
    /// 1 KiB written to a file in memory.
    pub(super) const WRITE_KIB_NS: u64 = 250;
    /// Going to sleep and being woken by a partner.
    pub(super) const HANDOFF_NS: u64 = 4_000;
    /// A thousand accesses in the first-level cache.
    pub(super) const THOUSAND_ACCESSES_NS: u64 = 400;
    /// Making and reaping a process.
    pub(super) const FORK_NS: u64 = 100_000;
    /// One unit of a loop of which nothing is known.
    pub(super) const EXPORTED_NS: u64 = 1_000;
}

impl Work {
    /// The work type `name` with `parameters`; what is not given has its
    /// default.
    ///
    /// # Errors
    /// An unknown name or parameter (the error lists the known ones), a value
    /// out of its range, a parameter given twice, a sequence without phases.
    pub fn parse(name: &str, parameters: &[(String, u64)]) -> Result<Self, WorkError> {
        parse::parse(name, parameters)
    }

    /// Its entry in the catalogue; none of exported work.
    #[must_use]
    pub fn kind(&self) -> Option<&'static WorkKind> {
        Some(match self {
            Self::SpinWait { .. } => &catalogue::SPIN_WAIT,
            Self::YieldHeavy => &catalogue::YIELD_HEAVY,
            Self::Mixed { .. } => &catalogue::MIXED,
            Self::Bursty { .. } => &catalogue::BURSTY,
            Self::IoSyncWrite { .. } => &catalogue::IO_SYNC_WRITE,
            Self::PipeIo { .. } => &catalogue::PIPE_IO,
            Self::FutexPingPong { .. } => &catalogue::FUTEX_PING_PONG,
            Self::CachePressure { .. } => &catalogue::CACHE_PRESSURE,
            Self::ForkExit => &catalogue::FORK_EXIT,
            Self::Sequence { .. } => &catalogue::SEQUENCE,
            Self::Exported { .. } => return None,
        })
    }

    /// Its name: as [`Work::parse`] takes it, or the component's own.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Exported { name, .. } => name,
            builtin => builtin.kind().map_or("", |kind| kind.name),
        }
    }

    /// How many workers belong together; a crew is a multiple of it.
    #[must_use]
    pub fn group_size(&self) -> u32 {
        self.kind().map_or(1, |kind| kind.group_size)
    }

    /// Its parameters, as [`Work::parse`] takes them.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, u64)> {
        let values = match self {
            Self::SpinWait { spins }
            | Self::Mixed { spins }
            | Self::PipeIo { spins }
            | Self::FutexPingPong { spins } => vec![("spins", *spins)],
            Self::YieldHeavy | Self::ForkExit | Self::Exported { .. } => Vec::new(),
            Self::Bursty { work, sleep } => {
                vec![("work-us", micros(*work)), ("sleep-us", micros(*sleep))]
            }
            Self::IoSyncWrite { writes, size_kib } => {
                vec![("writes", *writes), ("size-kib", *size_kib)]
            }
            Self::CachePressure { size_kib, stride } => {
                vec![("size-kib", *size_kib), ("stride", *stride)]
            }
            Self::Sequence { phases } => phases
                .iter()
                .map(|phase| (phase.kind.parameter(), micros(phase.lasts)))
                .collect(),
        };
        values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// What one worker wants when it is alone.
    #[must_use]
    pub fn demand(&self) -> Demand {
        let spinning = |spins: &u64| spins * nominal::UNIT_NS / SPINS_PER_UNIT;
        let (cpu_share, iteration_ns) = match self {
            Self::SpinWait { spins } => (1.0, spinning(spins)),
            Self::YieldHeavy => (1.0, nominal::YIELD_NS),
            Self::Mixed { spins } => (1.0, spinning(spins) + nominal::YIELD_NS),
            Self::Bursty { work, sleep } => (share(*work, *work + *sleep), micros(*work) * 1_000),
            Self::IoSyncWrite { writes, size_kib } => {
                (1.0, writes * size_kib * nominal::WRITE_KIB_NS)
            }
            Self::PipeIo { spins } | Self::FutexPingPong { spins } => {
                (0.5, spinning(spins) + nominal::HANDOFF_NS)
            }
            Self::CachePressure { size_kib, stride } => (
                1.0,
                size_kib * 1024 / (*stride).max(1) * nominal::THOUSAND_ACCESSES_NS / 1_000,
            ),
            Self::ForkExit => (1.0, nominal::FORK_NS),
            Self::Exported { .. } => (1.0, nominal::EXPORTED_NS),
            Self::Sequence { phases } => {
                let all = phases.iter().map(|phase| phase.lasts).sum();
                let busy = phases
                    .iter()
                    .filter(|phase| phase.kind != PhaseKind::Sleep)
                    .map(|phase| phase.lasts)
                    .sum();
                (share(busy, all), micros(busy) * 1_000)
            }
        };
        Demand {
            cpu_share,
            iteration_ns: iteration_ns.max(1),
        }
    }
}

impl PhaseKind {
    /// The parameter that asks for such a phase.
    #[must_use]
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Spin => "spin-us",
            Self::Sleep => "sleep-us",
            Self::Yield => "yield-us",
            Self::Io => "io-us",
            Self::Alu => "alu-us",
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() {
        0.0
    } else {
        part.as_secs_f64() / whole.as_secs_f64()
    }
}
