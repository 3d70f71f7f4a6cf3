//! A local runtime as the session sees it: its descriptors, its end, its last
//! words.
//!
//! Adds the console's tail to [`Runtime`] and nothing else. Dropping it kills
//! and reaps, and removes the run's cgroups, because dropping the `Runtime` does.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;

use super::guest::{ConsoleTail, Guest, KEEP};
use crate::event::ExitNote;
use crate::local::Runtime;
use crate::vm::console;

/// A started runtime, ready to be watched by [`super::run`].
#[derive(Debug)]
pub struct Local {
    runtime: Runtime,
    tail: console::ConsoleTail,
}

impl From<Runtime> for Local {
    fn from(runtime: Runtime) -> Self {
        Self {
            runtime,
            tail: console::ConsoleTail::new(KEEP),
        }
    }
}

impl Guest for Local {
    fn events(&self) -> BorrowedFd<'_> {
        self.runtime.events.as_fd()
    }

    fn control(&self) -> BorrowedFd<'_> {
        self.runtime.control.as_fd()
    }

    fn console(&self) -> BorrowedFd<'_> {
        self.runtime.console.as_fd()
    }

    fn stderr(&self) -> BorrowedFd<'_> {
        self.runtime.stdout.as_fd()
    }

    fn pidfd(&self) -> BorrowedFd<'_> {
        self.runtime.child.pidfd()
    }

    fn kill(&mut self) -> io::Result<()> {
        self.runtime.child.kill()
    }

    fn reap(&mut self) -> io::Result<ExitNote> {
        let status = self.runtime.child.wait()?;
        Ok(match status.code() {
            Some(code) => ExitNote::Code(code),
            None => ExitNote::Signal(status.signal().unwrap_or(0)),
        })
    }

    fn console_printed(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
    }

    fn console_tail(&mut self) -> ConsoleTail {
        self.tail.finish();
        // What reads like a kernel's crash is not one here: this is no kernel's console.
        ConsoleTail {
            crash: None,
            lines: self.tail.lines().map(str::to_owned).collect(),
        }
    }
}
