//! A work type made of others: parts that follow each other, round and round.

use std::time::Duration;

use super::{BuiltinWork, Work, builtin};

/// Spins, sleeps, yields and writes in turn, each for a time of its own (1 µs
/// to 60 s, in whole microseconds). All parts once are one iteration; at most
/// 32 parts.
///
/// ```
/// use proscenium_sdk::prelude::*;
///
/// let frame = Sequence::new()
///     .spin(Duration::from_millis(4))
///     .io(Duration::from_millis(1))
///     .sleep(Duration::from_millis(11));
/// let def = CgroupDef::new("renderer").work(frame);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence(BuiltinWork);

impl Sequence {
    /// No part yet. At least one must follow.
    #[must_use]
    pub fn new() -> Self {
        Self(builtin("sequence"))
    }

    /// A busy part: arithmetic in which each instruction waits for the last.
    #[must_use]
    pub fn spin(self, time: Duration) -> Self {
        self.part("spin-us", time)
    }

    /// A busy part with several instructions in a cycle: heats a core, and
    /// disturbs its hardware sibling, more than [`spin`](Self::spin).
    #[must_use]
    pub fn alu(self, time: Duration) -> Self {
        self.part("alu-us", time)
    }

    /// A part off the CPU.
    #[must_use]
    pub fn sleep(self, time: Duration) -> Self {
        self.part("sleep-us", time)
    }

    /// A part that yields all the time.
    #[must_use]
    pub fn yielding(self, time: Duration) -> Self {
        self.part("yield-us", time)
    }

    /// A part of 4 KiB writes, each flushed.
    #[must_use]
    pub fn io(self, time: Duration) -> Self {
        self.part("io-us", time)
    }

    /// Parts keep their order, and one name may come twice: this appends.
    fn part(mut self, name: &str, time: Duration) -> Self {
        self.0.parameters.push((name.to_owned(), time.into()));
        self
    }
}

impl Default for Sequence {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Sequence> for Work {
    fn from(sequence: Sequence) -> Self {
        sequence.0.into()
    }
}
