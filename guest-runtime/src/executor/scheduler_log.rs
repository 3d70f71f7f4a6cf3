//! What the process of a scheduler prints, on its way to the record: the
//! beginning as it comes, the end when it is over, and how much was left out
//! in between. Pure.

use std::collections::VecDeque;

use proscenium_wire::{Event, MAX_SCHEDULER_LOG};

use crate::name::clean_line;
use crate::world::Printed;

/// Bytes that are passed on as they come.
const BEGINNING: usize = 1 << 20;
/// Bytes of the end that are kept beyond that.
const END: usize = 64 << 10;
/// Bytes in which the last words are looked for.
const RECENT: usize = 2 << 10;
/// Most lines that count as last words.
const LAST_LINES: usize = 4;
/// Longest last words, in bytes.
const MAX_WORDS: usize = 600;

/// The log of one start.
#[derive(Debug)]
pub(super) struct Log {
    start: u32,
    /// Bytes of the beginning that are still free.
    left: usize,
    /// Not passed on, before whatever is passed on next.
    dropped: u64,
    end: VecDeque<u8>,
    recent: VecDeque<u8>,
}

impl Log {
    pub(super) fn new(start: u32) -> Self {
        Self {
            start,
            left: BEGINNING,
            dropped: 0,
            end: VecDeque::new(),
            recent: VecDeque::new(),
        }
    }

    /// Takes in what was printed; gives what is to be passed on now.
    pub(super) fn take(&mut self, printed: &Printed) -> Vec<Event> {
        self.dropped = self.dropped.saturating_add(printed.dropped);
        keep_last(&mut self.recent, &printed.bytes, RECENT);
        let (now, later) = printed.bytes.split_at(printed.bytes.len().min(self.left));
        self.left -= now.len();
        let events = self.events(now);
        let over = keep_last(&mut self.end, later, END);
        self.dropped = self.dropped.saturating_add(over);
        events
    }

    /// What is left to be passed on when nothing more will be printed.
    pub(super) fn finish(&mut self) -> Vec<Event> {
        let end: Vec<u8> = std::mem::take(&mut self.end).into();
        if end.is_empty() && self.dropped > 0 {
            return vec![self.event(&[])];
        }
        self.events(&end)
    }

    /// The last lines that say something, as one.
    pub(super) fn last_words(&self) -> Option<String> {
        let recent: Vec<u8> = self.recent.iter().copied().collect();
        let text = String::from_utf8_lossy(&recent);
        // Each has its share, or a long one would push those after it out.
        let mut lines: Vec<String> = text
            .lines()
            .rev()
            .map(|line| clean_line(line.trim(), MAX_WORDS / LAST_LINES))
            .filter(|line| !line.is_empty())
            .take(LAST_LINES)
            .collect();
        lines.reverse();
        (!lines.is_empty()).then(|| clean_line(&lines.join(" | "), MAX_WORDS))
    }

    fn events(&mut self, bytes: &[u8]) -> Vec<Event> {
        let pieces = bytes.chunks(MAX_SCHEDULER_LOG);
        pieces.map(|piece| self.event(piece)).collect()
    }

    fn event(&mut self, bytes: &[u8]) -> Event {
        Event::SchedulerLog {
            start: self.start,
            bytes: bytes.to_vec(),
            dropped: std::mem::take(&mut self.dropped),
        }
    }
}

/// Appends, and keeps the last `most` bytes; says how many went.
fn keep_last(kept: &mut VecDeque<u8>, bytes: &[u8], most: usize) -> u64 {
    let before = kept.len() + bytes.len();
    let bytes = &bytes[bytes.len().saturating_sub(most)..];
    let over = (kept.len() + bytes.len()).saturating_sub(most);
    kept.drain(..over);
    kept.extend(bytes);
    (before - kept.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(bytes: &[u8], dropped: u64) -> Printed {
        Printed {
            bytes: bytes.to_vec(),
            dropped,
        }
    }

    /// Bytes passed on, and bytes said to be missing.
    fn sum(events: &[Event]) -> (usize, u64) {
        events.iter().fold((0, 0), |sum, event| match event {
            Event::SchedulerLog { bytes, dropped, .. } => {
                assert!(bytes.len() <= MAX_SCHEDULER_LOG);
                (sum.0 + bytes.len(), sum.1 + dropped)
            }
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn what_is_printed_is_passed_on_in_pieces() {
        let mut log = Log::new(3);
        let events = log.take(&printed(&vec![b'x'; MAX_SCHEDULER_LOG + 1], 5));
        assert_eq!(events.len(), 2);
        assert_eq!(sum(&events), (MAX_SCHEDULER_LOG + 1, 5));
        assert_eq!(log.finish(), []);
    }

    #[test]
    fn of_a_flood_beginning_and_end_are_kept_and_the_rest_is_counted() {
        let mut log = Log::new(0);
        let mut all = (0, 0);
        let flood: usize = 3 << 20;
        for _ in 0..flood / 4_096 {
            let (passed, missing) = sum(&log.take(&printed(&[b'x'; 4_096], 0)));
            all = (all.0 + passed, all.1 + missing);
        }
        log.take(&printed(b"\nlast", 0));
        let rest = log.finish();
        let (passed, missing) = sum(&rest);
        assert_eq!(all, (BEGINNING, 0));
        assert_eq!(passed, END);
        assert_eq!((all.0 + passed) as u64 + missing, flood as u64 + 5);
        assert!(
            matches!(rest.last(), Some(Event::SchedulerLog { bytes, .. })
            if bytes.ends_with(b"last"))
        );
        assert!(log.last_words().unwrap().ends_with("| last"));
    }

    #[test]
    fn bytes_that_nobody_kept_are_counted_even_if_nothing_follows() {
        let mut log = Log::new(0);
        assert_eq!(log.take(&printed(b"", 7)), []);
        assert_eq!(sum(&log.finish()), (0, 7));
    }

    #[test]
    fn last_words_are_the_last_lines_made_harmless() {
        let mut log = Log::new(0);
        assert_eq!(log.last_words(), None);
        log.take(&printed(b"one\n\n two\x1b[31m\nthree\nfour\nfive\n \n", 0));
        let words = log.last_words().unwrap();
        assert_eq!(words, "two [31m | three | four | five");
        log.take(&printed(&[0xff; 5_000], 0));
        assert!(log.last_words().unwrap().len() <= MAX_WORDS);
    }
}
