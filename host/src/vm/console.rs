//! The guest's console as the host keeps it: a bounded tail of clean lines.
//!
//! The guest is hostile and may print without end, without newlines and with
//! terminal escapes. This keeps the last lines only, each of bounded length,
//! with nothing in them that a terminal acts upon, and notices when the kernel
//! says that it is dying. It never reads a descriptor itself.

use std::collections::VecDeque;
use std::mem;

use anstream::adapter::StripBytes;

/// Longest line that is kept, in bytes; the rest of a longer line is dropped.
pub const MAX_LINE: usize = 1024;
/// Lines of a crash report that are kept after its headline.
const CRASH_LINES: usize = 60;

/// Words with which a kernel on x86 announces that it cannot go on.
/// `Oops` and `BUG` need not be fatal, but the run's numbers are worthless then.
const CRASH_MARKS: &[&str] = &[
    "Kernel panic - not syncing",
    "Oops: ",
    "BUG: ",
    "kernel BUG at ",
    "general protection fault",
    "Unable to mount root fs",
];

/// What a kernel said when it died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestCrash {
    /// The line that announced it; the line of a panic where there is one.
    pub headline: String,
    /// The headline that came first and what followed it, at most 61 lines.
    pub lines: Vec<String>,
}

/// The last lines that a guest printed, free of escapes and control characters.
#[derive(Debug)]
pub struct ConsoleTail {
    strip: StripBytes,
    partial: Vec<u8>,
    lines: VecDeque<String>,
    keep: usize,
    seen: u64,
    crash: Option<GuestCrash>,
}

impl ConsoleTail {
    /// A tail that keeps the last `keep` lines; memory is bounded by `keep` × [`MAX_LINE`].
    #[must_use]
    pub fn new(keep: usize) -> Self {
        Self {
            strip: StripBytes::new(),
            partial: Vec::new(),
            lines: VecDeque::new(),
            keep,
            seen: 0,
            crash: None,
        }
    }

    /// Takes bytes as they were read; returns how many lines they completed.
    pub fn push(&mut self, bytes: &[u8]) -> u64 {
        let before = self.seen;
        let printable: Vec<u8> = self.strip.strip_next(bytes).flatten().copied().collect();
        for byte in printable {
            match byte {
                b'\n' => self.end_line(),
                b'\t' | b' '.. if self.partial.len() < MAX_LINE => self.partial.push(byte),
                _ => {}
            }
        }
        self.seen - before
    }

    /// Takes what is left of a line that the guest never finished.
    pub fn finish(&mut self) {
        if !self.partial.is_empty() {
            self.end_line();
        }
    }

    /// The kept lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Lines that the guest has printed in all.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// What the kernel said when it died, if it did.
    #[must_use]
    pub const fn crash(&self) -> Option<&GuestCrash> {
        self.crash.as_ref()
    }

    fn end_line(&mut self) {
        let bytes = mem::take(&mut self.partial);
        let line: String = String::from_utf8_lossy(&bytes)
            .chars()
            .filter(|c| !c.is_control() || *c == '\t')
            .collect();
        self.seen += 1;
        self.note_crash(&line);
        if self.keep > 0 {
            if self.lines.len() == self.keep {
                self.lines.pop_front();
            }
            self.lines.push_back(line);
        }
    }

    fn note_crash(&mut self, line: &str) {
        let marked = CRASH_MARKS.iter().any(|mark| line.contains(mark));
        match &mut self.crash {
            None if marked => {
                self.crash = Some(GuestCrash {
                    headline: line.to_owned(),
                    lines: vec![line.to_owned()],
                });
            }
            Some(crash) => {
                // The panic names the consequence that matters; an oops that
                // led to it stays the first of the lines.
                if line.contains(CRASH_MARKS[0]) && !crash.headline.contains(CRASH_MARKS[0]) {
                    line.clone_into(&mut crash.headline);
                }
                if crash.lines.len() <= CRASH_LINES {
                    crash.lines.push(line.to_owned());
                }
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(tail: &ConsoleTail) -> Vec<&str> {
        tail.lines().collect()
    }

    #[test]
    fn only_the_last_lines_are_kept_and_all_are_counted() {
        let mut tail = ConsoleTail::new(2);
        assert_eq!(tail.push(b"one\r\ntwo\r\nthr"), 2);
        assert_eq!(tail.push(b"ee\r\n"), 1);
        assert_eq!(kept(&tail), ["two", "three"]);
        assert_eq!(tail.seen(), 3);
    }

    #[test]
    fn escapes_are_stripped_even_when_split_between_reads() {
        let mut tail = ConsoleTail::new(4);
        tail.push(b"\x1b[3");
        tail.push(b"1mred\x1b[0m \x1b]0;title\x07and\x08 plain\n");
        assert_eq!(kept(&tail), ["red and plain"]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut tail = ConsoleTail::new(1);
        for _ in 0..1000 {
            tail.push(&[b'a'; 1000]);
        }
        tail.push(b"\n");
        assert_eq!(kept(&tail)[0].len(), MAX_LINE);
    }

    #[test]
    fn an_unfinished_line_is_kept_on_finish() {
        let mut tail = ConsoleTail::new(2);
        tail.push(b"half");
        assert_eq!(kept(&tail), [""; 0]);
        tail.finish();
        assert_eq!(kept(&tail), ["half"]);
    }

    #[test]
    fn a_panic_is_the_headline_and_the_oops_before_it_is_kept() {
        let mut tail = ConsoleTail::new(1);
        tail.push(b"fine\n[1.0] Oops: int3: 0000 [#1]\n[1.0] RIP: 0010:foo\n");
        assert_eq!(
            tail.crash().unwrap().headline,
            "[1.0] Oops: int3: 0000 [#1]"
        );
        tail.push(b"[1.1] Kernel panic - not syncing: Fatal exception\n");
        let crash = tail.crash().unwrap();
        assert!(crash.headline.ends_with("Fatal exception"));
        assert_eq!(crash.lines.len(), 3);
        assert!(crash.lines[0].contains("Oops"));
    }

    #[test]
    fn a_crash_that_prints_for_ever_stays_bounded() {
        let mut tail = ConsoleTail::new(1);
        tail.push(b"BUG: soft lockup\n");
        for _ in 0..1000 {
            tail.push(b"Call Trace\n");
        }
        assert_eq!(tail.crash().unwrap().lines.len(), CRASH_LINES + 1);
    }

    proptest! {
        #[test]
        fn no_bytes_leave_a_control_character_behind(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut tail = ConsoleTail::new(1000);
            tail.push(&bytes);
            tail.finish();
            for line in tail.lines() {
                prop_assert!(line.chars().all(|c| !c.is_control() || c == '\t'));
            }
        }
    }
}
