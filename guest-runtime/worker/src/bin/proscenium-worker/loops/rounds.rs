//! Rounds of a group: its first worker starts one, the others take part, and
//! the first waits until all have. Words of the first worker: the number of the
//! round, and how many have still to finish.

use std::io;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use proscenium_worker::arena::layout::Shared;
use proscenium_worker::arena::{Group, futex};

use super::words::{change, is_over, next, update};

pub(super) struct Rounds<'a> {
    pub(super) shared: &'a Shared,
    others: u32,
    seen: u32,
}

impl<'a> Rounds<'a> {
    pub(super) fn of(group: &Group<'a>) -> io::Result<Self> {
        let shared = group.shared(0).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self {
            shared,
            others: u32::try_from(group.size().saturating_sub(1)).map_err(io::Error::other)?,
            seen: 0,
        })
    }

    /// Starts a round. `false`: stop.
    pub(super) fn start(&mut self) -> bool {
        let [round, pending, _] = &self.shared.words;
        let others = self.others;
        let started = update(pending, |_| others).and_then(|_| update(round, next));
        futex::wake_all(round);
        started.is_some()
    }

    /// Waits until all have finished. `false`: stop.
    pub(super) fn finish(&mut self) -> io::Result<bool> {
        let pending = &self.shared.words[1];
        loop {
            let left = pending.load(Acquire);
            match left {
                0 => return Ok(true),
                left if is_over(left) => return Ok(false),
                left => futex::wait(pending, left, None)?,
            };
        }
    }

    /// Waits for a round. `false`: stop.
    pub(super) fn join(&mut self) -> io::Result<bool> {
        let Some(round) = change(&self.shared.words[0], self.seen)? else {
            return Ok(false);
        };
        self.seen = round;
        Ok(true)
    }

    /// Has done its part.
    pub(super) fn done(&self) {
        let pending = &self.shared.words[1];
        if update(pending, |left| left.saturating_sub(1)) == Some(1) {
            futex::wake_all(pending);
        }
    }

    /// The first worker's stamp of the round.
    pub(super) fn stamp(&self) -> u64 {
        self.shared.numbers[0].load(Acquire)
    }

    pub(super) fn set_stamp(&self, ns: u64) {
        self.shared.numbers[0].swap(ns, AcqRel);
    }
}
