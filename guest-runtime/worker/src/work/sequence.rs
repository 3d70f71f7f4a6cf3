//! Phases of different work, one after the other.
//!
//! A wake sample is a sleep as measured, or the time of an fdatasync; phases
//! that only compute or yield give none.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kind::{Gives, Parameter, Takes, WorkKind};
use super::parse::Given;
use super::value::{Field, Value, micros};
use super::{Work, nominal};

/// Runs phases one after the other, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// The phases of one cycle, at least one.
    pub phases: Vec<Phase>,
}

/// One phase of a [`Sequence`].
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

impl PhaseKind {
    const ALL: [Self; 5] = [Self::Spin, Self::Sleep, Self::Yield, Self::Io, Self::Alu];

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

const fn phase(name: &'static str, help: &'static str) -> Parameter {
    let takes = Takes::Number {
        unit: "µs",
        default: None,
        min: 1,
        max: 60_000_000,
    };
    Parameter { name, takes, help }
}

impl Sequence {
    pub(super) const KINDS: &'static [WorkKind] = &[WorkKind {
        name: "sequence",
        family: "sequence",
        parameters: &[
            phase("spin-us", "spins for this long"),
            phase("sleep-us", "sleeps once for this long"),
            phase("yield-us", "yields for this long"),
            phase("io-us", "writes and flushes 4 KiB for this long"),
            phase("alu-us", "independent arithmetic for this long"),
        ],
        phases: true,
        build: |given| Work::Sequence(Self::of(given)),
        ..WorkKind::new(
            "runs phases in the order given, for ever",
            "one cycle of all phases",
            "1,024 spins, 1,024 rounds of arithmetic, one yield, one flushed write or one sleep",
        )
        .gives(Gives::Wakes(
            "the sleep as measured, or the time of the fdatasync",
        ))
    }];

    fn of(given: &Given<'_>) -> Self {
        let phase = |(parameter, value): &(&'static Parameter, Value)| {
            let kind = PhaseKind::ALL
                .into_iter()
                .find(|kind| kind.parameter() == parameter.name)?;
            let lasts = Duration::read(value);
            Some(Phase { kind, lasts })
        };
        Self {
            phases: given.values.iter().filter_map(phase).collect(),
        }
    }

    pub(super) fn kind(&self) -> &'static WorkKind {
        &Self::KINDS[0]
    }

    pub(super) fn values(&self) -> Vec<(&'static str, Value)> {
        self.phases
            .iter()
            .map(|phase| (phase.kind.parameter(), phase.lasts.show()))
            .collect()
    }

    pub(super) fn demand(&self) -> (f64, u64) {
        let of = |asleep: bool| {
            let phases = self.phases.iter();
            let some = phases.filter(move |phase| (phase.kind == PhaseKind::Sleep) == asleep);
            some.map(|phase| phase.lasts).sum::<Duration>()
        };
        let (busy, idle) = (of(false), of(true));
        let share = nominal::share_ns(nominal::nanos(busy), nominal::nanos(idle));
        (share, micros(busy) * 1_000)
    }
}
