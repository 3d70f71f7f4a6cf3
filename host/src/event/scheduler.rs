//! What became of schedulers under test, as the host tells it, and the last
//! words of those that came to a bad end.
//!
//! A loader's output is the guest's own bytes: all of it goes to the run
//! directory, and only its end into the stream, cleaned. Pure; does no I/O.

use proscenium_wire::{
    Obituary as WireObituary, PayloadExit, SchedulerChange as WireChange, SchedulerExit,
    SchedulerNews as WireNews,
};
use serde::{Deserialize, Serialize};

use super::clean::{self, MESSAGE, NAME};
use super::{RunEvent, Told};

/// Lines of a dump, and of what a loader printed last, that are told.
const LINES: usize = 100;
/// Bytes of a loader's output of which the last lines are taken.
const TAIL: usize = 16 << 10;

/// News of one start of a scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerNews {
    /// Counts the starts of a run, from 0.
    pub start: u32,
    /// Which scheduler.
    pub name: String,
    /// Nanoseconds since the scenario's start; 0 before it.
    pub at_ns: u64,
    /// Number of the last phase that began; 0 is the baseline.
    pub phase: u16,
    /// What happened.
    pub change: SchedulerChange,
}

/// What happened to a scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchedulerChange {
    /// The kernel says that it is enabled.
    Attached {
        /// Name under which the kernel knows it.
        ops: String,
        /// Nanoseconds from the start of its process.
        took_ns: u64,
    },
    /// It did not get there; its process is gone.
    Refused {
        /// Why.
        reason: String,
    },
    /// It was asked to leave, and the kernel's own scheduler is back.
    Detached {
        /// How its process ended.
        exit: PayloadExit,
        /// It had to be killed.
        killed: bool,
        /// Nanoseconds from the request.
        took_ns: u64,
    },
    /// It went without being asked.
    Died(Obituary),
}

/// What is known about a scheduler that died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obituary {
    /// In which way.
    pub kind: SchedulerExit,
    /// How its process ended; `unknown` where it still ran.
    pub process: PayloadExit,
    /// The kernel's reason, such as `runnable task stall`.
    pub reason: Option<String>,
    /// The kernel's words on it.
    pub message: Option<String>,
    /// The last lines of what the kernel dumped, at most 100; all of them are
    /// in the run directory.
    pub dump: Vec<String>,
}

/// What a loader printed last, told for those that were refused or died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerWords {
    /// Which start.
    pub start: u32,
    /// At most 100 lines, oldest first.
    pub lines: Vec<String>,
}

/// The news, cleaned and bounded.
fn news(news: WireNews) -> SchedulerNews {
    let change = match news.change {
        WireChange::Attached { ops, took_ns } => SchedulerChange::Attached {
            ops: clean::line(&ops, NAME),
            took_ns,
        },
        WireChange::Refused { reason } => SchedulerChange::Refused {
            reason: clean::line(&reason, MESSAGE),
        },
        WireChange::Detached {
            exit,
            killed,
            took_ns,
        } => SchedulerChange::Detached {
            exit,
            killed,
            took_ns,
        },
        WireChange::Died(obituary) => SchedulerChange::Died(tidy(&obituary)),
    };
    SchedulerNews {
        start: news.start,
        name: clean::line(&news.name, NAME),
        at_ns: news.at_ns,
        phase: news.phase,
        change,
    }
}

fn tidy(obituary: &WireObituary) -> Obituary {
    let line = |text: &Option<String>| text.as_deref().map(|text| clean::line(text, MESSAGE));
    Obituary {
        kind: obituary.kind,
        process: obituary.process,
        reason: line(&obituary.reason),
        message: line(&obituary.message),
        dump: last_lines(&obituary.dump),
    }
}

/// The last lines that have something in them.
fn last_lines(text: &str) -> Vec<String> {
    let lines = text.lines().rev().map(|line| clean::line(line, MESSAGE));
    let mut last: Vec<String> = lines.filter(|line| !line.is_empty()).take(LINES).collect();
    last.reverse();
    last
}

/// What is said of schedulers, in order. Keeps the end of what the loader of the
/// latest start printed: it may come before and after the news of its end.
#[derive(Debug, Default)]
pub(super) struct Schedulers {
    start: u32,
    tail: Vec<u8>,
    /// It was refused, or died.
    ended_badly: bool,
}

impl Schedulers {
    /// Something happened to one.
    pub(super) fn heard(&mut self, wire: WireNews) -> Told {
        let news = news(wire);
        let mut told = self.turn_to(news.start);
        self.ended_badly |= matches!(
            news.change,
            SchedulerChange::Refused { .. } | SchedulerChange::Died(_)
        );
        let at_ms = (news.at_ns > 0).then_some(news.at_ns / 1_000_000);
        told.push((at_ms, RunEvent::Scheduler(news)));
        told
    }

    /// One printed `bytes`, all of which are in the run directory.
    pub(super) fn printed(&mut self, start: u32, bytes: &[u8]) -> Told {
        let told = self.turn_to(start);
        let beyond = bytes.len().saturating_sub(TAIL);
        self.tail.extend_from_slice(&bytes[beyond..]);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        told
    }

    /// No more will come.
    pub(super) fn finish(&mut self) -> Told {
        let Self {
            start,
            tail,
            ended_badly,
        } = std::mem::take(self);
        let lines = last_lines(&String::from_utf8_lossy(&tail));
        if !ended_badly || lines.is_empty() {
            return Told::new();
        }
        let words = SchedulerWords { start, lines };
        vec![(None, RunEvent::SchedulerWords(words))]
    }

    /// With another start, no more will come of the one before.
    fn turn_to(&mut self, start: u32) -> Told {
        if start == self.start {
            return Told::new();
        }
        let told = self.finish();
        self.start = start;
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn died(start: u32) -> WireNews {
        WireNews {
            start,
            name: "fi\x1b[2Jfo".into(),
            at_ns: 1_500_000,
            phase: 1,
            change: WireChange::Died(WireObituary {
                kind: SchedulerExit::Crashed,
                process: PayloadExit::Unknown,
                reason: Some("runnable task\nstall".into()),
                message: None,
                dump: "first\n\n\x1b[31mred\n".repeat(80),
            }),
        }
    }

    fn words(told: Told) -> Vec<SchedulerWords> {
        let words = |event| match event {
            RunEvent::SchedulerWords(words) => Some(words),
            _ => None,
        };
        told.into_iter()
            .filter_map(|(_, event)| words(event))
            .collect()
    }

    #[test]
    fn a_dump_is_told_as_its_last_lines_without_escapes() {
        let told = Schedulers::default().heard(died(0));
        let (Some(1), RunEvent::Scheduler(news)) = &told[0] else {
            panic!("{told:?}")
        };
        assert_eq!(news.name, "fifo");
        let SchedulerChange::Died(obituary) = &news.change else {
            panic!("{news:?}")
        };
        assert_eq!(obituary.reason.as_deref(), Some("runnable task stall"));
        assert_eq!(obituary.dump.len(), LINES);
        assert_eq!(obituary.dump.last().unwrap(), "red");
    }

    #[test]
    fn words_are_told_once_for_a_bad_end_whatever_comes_first() {
        let mut all = Schedulers::default();
        assert_eq!(all.printed(0, b"one\ntw"), []);
        assert_eq!(words(all.heard(died(0))), []);
        assert_eq!(all.printed(0, b"o\n"), []);
        let told = words(all.printed(1, b"the next\n"));
        assert_eq!(told[0].start, 0);
        assert_eq!(told[0].lines, ["one", "two"]);
        assert_eq!(all.finish(), [], "the next is well");
    }

    #[test]
    fn a_loader_that_prints_without_end_costs_a_bounded_tail() {
        let mut all = Schedulers::default();
        for _ in 0..100 {
            all.printed(7, &[b'x'; TAIL]);
            assert!(all.tail.len() <= 2 * TAIL);
        }
        all.printed(7, &vec![b'\n'; 1 << 20]);
        all.printed(7, b"end\n");
        all.heard(died(7));
        assert_eq!(words(all.finish())[0].lines, ["end"]);
    }
}
