//! One file of evidence: appended to at once, bounded, given up on failure.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::RunDirError;

/// A file that is only appended to, up to a limit.
#[derive(Debug)]
pub(super) struct Sink {
    /// None after a failure or at the limit.
    pub(super) file: Option<File>,
    pub(super) left: u64,
}

impl Sink {
    pub(super) fn create(path: PathBuf, left: u64) -> Result<Self, RunDirError> {
        match OpenOptions::new().append(true).create_new(true).open(&path) {
            Ok(file) => Ok(Self {
                file: Some(file),
                left,
            }),
            Err(source) => Err(RunDirError::Write { path, source }),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let fits = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let (kept, beyond) = bytes.split_at(fits);
        self.left -= fits as u64;
        let mut written = file.write_all(kept);
        if written.is_ok() && !beyond.is_empty() {
            written =
                file.write_all(b"\n[the rest is left out: the limit of this file is reached]\n");
            self.file = None;
        }
        if written.is_err() {
            self.file = None;
        }
        written
    }
}
