//! The catalogue of work types: one table for the parser, its errors and the
//! documentation. It builds [`Work`] values and never runs them.

use std::time::Duration;

use super::parse::Given;
use super::{Phase, PhaseKind, Work};

/// One parameter of a work type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name, with the unit where it is a quantity.
    pub name: &'static str,
    /// Unit, for messages and tables.
    pub unit: &'static str,
    /// Value when it is not given; `None` for phases, which have none.
    pub default: Option<u64>,
    /// Least value.
    pub min: u64,
    /// Greatest value.
    pub max: u64,
    /// What it does.
    pub help: &'static str,
}

/// One work type.
#[derive(Clone, Copy, Debug)]
pub struct WorkKind {
    /// Name, as [`Work::parse`] takes it.
    pub name: &'static str,
    /// One line.
    pub description: &'static str,
    /// What one iteration is.
    pub iteration: &'static str,
    /// What one work unit is. Every 1,024 of them there is a checkpoint.
    pub unit: &'static str,
    /// How many workers belong together.
    pub group_size: u32,
    /// What a wake sample contains; `None` when the type gives none.
    pub wake: Option<&'static str>,
    /// What can be given.
    pub parameters: &'static [Parameter],
    /// The parameters are phases: their order counts and they may repeat.
    pub phases: bool,
    pub(super) build: fn(&Given<'_>) -> Work,
}

impl WorkKind {
    /// Every work type.
    pub const ALL: &'static [Self] = &[
        SPIN_WAIT,
        YIELD_HEAVY,
        MIXED,
        BURSTY,
        IO_SYNC_WRITE,
        PIPE_IO,
        FUTEX_PING_PONG,
        CACHE_PRESSURE,
        FORK_EXIT,
        SEQUENCE,
    ];

    /// Most phases in one sequence.
    pub const MAX_PHASES: usize = 32;

    /// The work type of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|kind| kind.name == name)
    }

    /// The parameter of that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters
            .iter()
            .find(|parameter| parameter.name == name)
    }
}

/// Ten million spins take some 20 ms: a stop request waits no longer.
const fn spins(min: u64, help: &'static str) -> Parameter {
    Parameter {
        name: "spins",
        unit: "spins",
        default: Some(1024),
        min,
        max: 10_000_000,
        help,
    }
}

const fn phase(name: &'static str, help: &'static str) -> Parameter {
    Parameter {
        name,
        unit: "µs",
        default: None,
        min: 1,
        max: 60_000_000,
        help,
    }
}

const SPIN_UNIT: &str = "1,024 spins";

pub(super) const SPIN_WAIT: WorkKind = WorkKind {
    name: "spin-wait",
    description: "spins without a pause",
    iteration: "one burst of spins",
    unit: SPIN_UNIT,
    group_size: 1,
    wake: None,
    parameters: &[spins(1, "spins of one iteration")],
    phases: false,
    build: |given| Work::SpinWait {
        spins: given.get("spins"),
    },
};

pub(super) const YIELD_HEAVY: WorkKind = WorkKind {
    name: "yield-heavy",
    description: "calls sched_yield without a pause",
    iteration: "one yield",
    unit: "one yield",
    group_size: 1,
    wake: None,
    parameters: &[],
    phases: false,
    build: |_| Work::YieldHeavy,
};

pub(super) const MIXED: WorkKind = WorkKind {
    name: "mixed",
    description: "spins, then yields",
    iteration: "one burst of spins and a yield",
    unit: "1,024 spins or one yield",
    group_size: 1,
    wake: None,
    parameters: &[spins(1, "spins before each yield")],
    phases: false,
    build: |given| Work::Mixed {
        spins: given.get("spins"),
    },
};

pub(super) const BURSTY: WorkKind = WorkKind {
    name: "bursty",
    description: "spins for a while, then sleeps for a while",
    iteration: "one burst and one sleep",
    unit: SPIN_UNIT,
    group_size: 1,
    wake: Some("the sleep as measured, its intended length included"),
    parameters: &[
        Parameter {
            name: "work-us",
            unit: "µs",
            default: Some(50_000),
            min: 1,
            max: 10_000_000,
            help: "wall time of spinning in each burst",
        },
        Parameter {
            name: "sleep-us",
            unit: "µs",
            default: Some(100_000),
            min: 1,
            max: 10_000_000,
            help: "length of each sleep",
        },
    ],
    phases: false,
    build: |given| Work::Bursty {
        work: Duration::from_micros(given.get("work-us")),
        sleep: Duration::from_micros(given.get("sleep-us")),
    },
};

pub(super) const IO_SYNC_WRITE: WorkKind = WorkKind {
    name: "io-sync-write",
    description: "writes an unnamed file from its start and flushes it",
    iteration: "all writes and one fdatasync",
    unit: "one write",
    group_size: 1,
    wake: Some("the time of the fdatasync"),
    parameters: &[
        Parameter {
            name: "writes",
            unit: "writes",
            default: Some(16),
            min: 1,
            max: 256,
            help: "writes before each flush",
        },
        Parameter {
            name: "size-kib",
            unit: "KiB",
            default: Some(4),
            min: 1,
            max: 64,
            help: "size of one write",
        },
    ],
    phases: false,
    build: |given| Work::IoSyncWrite {
        writes: given.get("writes"),
        size_kib: given.get("size-kib"),
    },
};

pub(super) const PIPE_IO: WorkKind = WorkKind {
    name: "pipe-io",
    description: "two workers pass a byte to and fro over two pipes",
    iteration: "one round trip",
    unit: "1,024 spins or one round trip",
    group_size: 2,
    wake: Some("the time of the blocking read, the partner's work included"),
    parameters: &[spins(0, "spins before the byte is passed on")],
    phases: false,
    build: |given| Work::PipeIo {
        spins: given.get("spins"),
    },
};

pub(super) const FUTEX_PING_PONG: WorkKind = WorkKind {
    name: "futex-ping-pong",
    description: "two workers wake each other by futex",
    iteration: "one round trip",
    unit: "1,024 spins or one round trip",
    group_size: 2,
    wake: Some("the time until it is this worker's turn, the partner's work included"),
    parameters: &[spins(0, "spins before the partner is woken")],
    phases: false,
    build: |given| Work::FutexPingPong {
        spins: given.get("spins"),
    },
};

pub(super) const CACHE_PRESSURE: WorkKind = WorkKind {
    name: "cache-pressure",
    description: "reads, changes and writes a buffer in strides",
    iteration: "one pass over the buffer",
    unit: "1,024 accesses",
    group_size: 1,
    wake: None,
    parameters: &[
        Parameter {
            name: "size-kib",
            unit: "KiB",
            default: Some(32),
            min: 4,
            max: 262_144,
            help: "size of the buffer",
        },
        Parameter {
            name: "stride",
            unit: "bytes",
            default: Some(64),
            min: 8,
            max: 4096,
            help: "bytes from one access to the next",
        },
    ],
    phases: false,
    build: |given| Work::CachePressure {
        size_kib: given.get("size-kib"),
        stride: given.get("stride"),
    },
};

pub(super) const FORK_EXIT: WorkKind = WorkKind {
    name: "fork-exit",
    description: "forks a child that exits at once, and waits for it",
    iteration: "one child",
    unit: "one child",
    group_size: 1,
    wake: Some("the time of the wait, the child's life included"),
    parameters: &[],
    phases: false,
    build: |_| Work::ForkExit,
};

pub(super) const SEQUENCE: WorkKind = WorkKind {
    name: "sequence",
    description: "runs phases in the order given, for ever",
    iteration: "one cycle of all phases",
    unit: "1,024 spins, 1,024 rounds of arithmetic, one yield, one flushed write or one sleep",
    group_size: 1,
    wake: Some("the sleep as measured, or the time of the fdatasync"),
    parameters: &[
        phase("spin-us", "spins for this long"),
        phase("sleep-us", "sleeps once for this long"),
        phase("yield-us", "yields for this long"),
        phase("io-us", "writes and flushes 4 KiB for this long"),
        phase("alu-us", "independent arithmetic for this long"),
    ],
    phases: true,
    build: |given| Work::Sequence {
        phases: given.phases(phase_kind),
    },
};

fn phase_kind(parameter: &Parameter) -> PhaseKind {
    [
        PhaseKind::Sleep,
        PhaseKind::Yield,
        PhaseKind::Io,
        PhaseKind::Alu,
    ]
    .into_iter()
    .find(|kind| kind.parameter() == parameter.name)
    .unwrap_or(PhaseKind::Spin)
}

impl Given<'_> {
    fn phases(&self, kind: fn(&Parameter) -> PhaseKind) -> Vec<Phase> {
        self.values
            .iter()
            .map(|(parameter, micros)| Phase {
                kind: kind(parameter),
                lasts: Duration::from_micros(*micros),
            })
            .collect()
    }
}
