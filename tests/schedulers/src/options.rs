//! The command line: what the fixture is to do, and what to do wrong.
//!
//! Owns the words. Never does any of it.

use std::time::Duration;

use clap::{Parser, ValueEnum};

/// A sched_ext scheduler that misbehaves when told to.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Name that it is registered with, at most 127 bytes that the kernel likes
    #[arg(long, default_value = "fixture")]
    pub(crate) ops: String,
    /// Longest time that a task may wait, in milliseconds; 0 is the kernel's 30 s
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) watchdog: u32,
    /// Number in its map `proscenium_mark`, which tells whose map it is
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) mark: u64,
    /// Milliseconds from the start until it attaches, or does what it does instead
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,
    /// Disables the scheduler that is running first, as somebody else would
    #[arg(long)]
    pub(crate) take_over: bool,
    /// What it does instead of attaching
    #[arg(long, value_enum)]
    pub(crate) instead: Option<Instead>,
    /// Milliseconds from attaching until --then
    #[arg(long, value_name = "MS", default_value_t = 0, requires = "then")]
    after: u64,
    /// Does --then when it gets SIGUSR1, and at no time of its own
    #[arg(long, requires = "then", conflicts_with = "after")]
    pub(crate) on_signal: bool,
    /// What it does some time after it has attached
    #[arg(long, value_enum)]
    pub(crate) then: Option<Then>,
    /// Exit code of the exits that are asked for here
    #[arg(long, value_name = "CODE", default_value_t = 0)]
    pub(crate) exit_code: u8,
    /// Goes on after SIGTERM
    #[arg(long)]
    pub(crate) ignore_sigterm: bool,
    /// Stays after the kernel has disabled it, until SIGTERM
    #[arg(long)]
    pub(crate) linger: bool,
    /// Ends the scheduler that is running, waits until it is gone, and schedules nothing
    #[arg(long, value_enum)]
    pub(crate) against: Option<Against>,
    /// Says what is in the maps of this name, and schedules nothing
    #[arg(long, value_name = "NAME")]
    pub(crate) read_map: Option<String>,
}

/// Instead of attaching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Instead {
    /// Exits at once
    Exit,
    /// Says something and waits for SIGTERM
    Hang,
    /// Loads a program that the verifier refuses
    Refused,
}

/// After it has attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Then {
    /// Detaches and exits
    Exit,
    /// Aborts
    Die,
    /// Detaches and stays, until SIGTERM
    Detach,
    /// Has its BPF half report an error
    Error,
    /// Never lets one of its threads run, until the watchdog barks
    Stall,
    /// Disables whatever is running by sysrq-S
    Disable,
    /// Has the kernel panic by sysrq-C
    Panic,
}

/// Against the scheduler that is running, which another fixture loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Against {
    /// SIGKILL to its loader
    Kill,
    /// SIGTERM to its loader
    Term,
    /// SIGUSR1 to its loader: see --on-signal
    Nudge,
    /// sysrq-S
    Disable,
}

impl Options {
    /// From the start until it attaches.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay)
    }

    /// From attaching until [`Options::then`].
    pub(crate) fn after(&self) -> Duration {
        Duration::from_millis(self.after)
    }
}
