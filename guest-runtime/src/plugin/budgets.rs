//! What one run of a component may still use. Limits on memory, tables and
//! instances are wasmtime's own ([`wasmtime::StoreLimits`]).

use proscenium_wire::{Budget, Limits};

use crate::executor::{Error, Result};

/// Counts down.
#[derive(Debug)]
pub(crate) struct Budgets {
    log_bytes: u64,
    /// Log lines and notes that no longer fitted.
    pub(crate) dropped_lines: u64,
    marks: u32,
}

impl Budgets {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            log_bytes: limits.log_bytes,
            dropped_lines: 0,
            marks: limits.marks,
        }
    }

    /// Whether a line still fits; counts it if not. An empty line costs too.
    pub(crate) fn take_log(&mut self, bytes: usize) -> bool {
        match self.log_bytes.checked_sub(bytes as u64 + 1) {
            Some(rest) => {
                self.log_bytes = rest;
                true
            }
            None => {
                self.dropped_lines += 1;
                false
            }
        }
    }

    pub(crate) fn take_mark(&mut self) -> Result<()> {
        self.marks = self.marks.checked_sub(1).ok_or_else(|| {
            Error::limit(
                Budget::Marks,
                "no more marks: the run's number of marks is used up",
            )
        })?;
        Ok(())
    }
}
