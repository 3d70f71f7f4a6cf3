//! The event stream as JSON lines, for machines: `--json`.
//!
//! One [`crate::event::Record`] a line, flushed at once, byte for byte what `events.jsonl` in
//! the run directory has.

use std::io::{self, Write};

use super::{Reporter, Summary};
use crate::event::Record;

/// Writes each record as a line of JSON.
pub struct JsonLines<W> {
    out: W,
}

impl<W: Write> JsonLines<W> {
    /// Writes to `out`, as a rule standard output.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Reporter for JsonLines<W> {
    fn tell(&mut self, record: &Record, _summary: &Summary) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }
}

impl<W> std::fmt::Debug for JsonLines<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonLines").finish_non_exhaustive()
    }
}
