//! What a process printed: the beginning and the end, and how much there was.

use std::collections::VecDeque;

/// Bytes that are kept of the beginning, and as many of the end.
const KEPT: usize = 128 << 10;

/// A bounded record of one stream.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Captured {
    /// Takes in what came next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len() as u64);
        let (head, rest) = bytes.split_at(bytes.len().min(KEPT - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(KEPT)..];
        let over = (self.tail.len() + rest.len()).saturating_sub(KEPT);
        self.tail.drain(..over);
        self.tail.extend(rest);
    }

    /// Bytes in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes from the middle that were not kept.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let kept = self.head.len() + self.tail.len();
        self.total.saturating_sub(kept as u64)
    }

    /// What was kept as text; where something is missing, a line ends.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = self.head.clone();
        if self.dropped() > 0 {
            bytes.push(b'\n');
        }
        bytes.extend(&self.tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl From<&str> for Captured {
    fn from(text: &str) -> Self {
        let mut captured = Self::default();
        captured.push(text.as_bytes());
        captured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_kept_whole() {
        let mut captured = Captured::from("one ");
        captured.push(b"two");
        assert_eq!(
            (captured.text().as_str(), captured.dropped()),
            ("one two", 0)
        );
    }

    #[test]
    fn of_a_flood_beginning_and_end_are_kept_and_the_rest_is_counted() {
        let mut captured = Captured::from("first\n");
        for _ in 0..100 {
            captured.push(&[b'x'; 64 << 10]);
        }
        captured.push(b"\nlast");
        let text = captured.text();
        assert!(text.starts_with("first\n") && text.ends_with("\nlast"));
        assert_eq!(text.len(), 2 * KEPT + 1);
        assert_eq!(captured.total() - captured.dropped(), 2 * KEPT as u64);
    }

    #[test]
    fn one_push_larger_than_everything_is_cut_too() {
        let mut captured = Captured::default();
        captured.push(&vec![b'y'; 1 << 20]);
        assert_eq!(captured.dropped(), (1 << 20) - 2 * KEPT as u64);
    }
}
