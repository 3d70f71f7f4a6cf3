//! The child's beginning: gives up its rights, then does the one task.
//!
//! It is started by `listen` and by nobody else. It cleans nothing up, for it
//! owns nothing.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;

use super::confine::{self, Allowance};
use super::{prepare, simulate};

/// What a child is for, as its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Prepare,
    Simulate,
}

impl Task {
    const ALL: [Self; 2] = [Self::Prepare, Self::Simulate];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Simulate => "simulate",
        }
    }
}

/// Runs the child to its end. `arguments` are those that `listen` gave.
#[must_use]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever listens is gone, or there never was anybody.
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(mut arguments: impl Iterator<Item = OsString>) -> io::Result<()> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let word = arguments.next().ok_or_else(invalid)?;
    let task = Task::ALL.into_iter().find(|task| word == task.word());
    let task = task.ok_or_else(invalid)?;
    let allowance = Allowance::from_arguments(arguments).ok_or_else(invalid)?;
    let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let confined = confine::confine(&out, &allowance);
    match task {
        Task::Prepare => prepare::serve(confined, out),
        Task::Simulate => simulate::serve(confined, out),
    }
}
