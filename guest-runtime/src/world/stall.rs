//! What is known of a worker that stood still, and the words for it.
//!
//! Plain data; who finds out is the world's affair. Never more than this: the
//! kernel's whole status of a process would bury what explains a stall.

use std::fmt;
use std::time::Duration;

/// How often the kernel let a task run, and for how long in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunCounters {
    /// Context switches; time slices where only `schedstat` can be had.
    pub switches: u64,
    /// Accumulated run time.
    pub run_time: Duration,
}

/// The file of a process's directory in `/proc` that counters come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterSource {
    /// `sched`: `nr_switches` and `se.sum_exec_runtime`.
    Sched,
    /// `schedstat`, on kernels without `CONFIG_SCHED_DEBUG`.
    Schedstat,
}

/// A worker that did not run over a window of samples. Texts are one bounded
/// line each; what could not be read is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StallReport {
    /// Process id.
    pub pid: u32,
    /// Name of the process.
    pub comm: String,
    /// Counters at the window's beginning.
    pub first: RunCounters,
    /// Counters at its end.
    pub last: RunCounters,
    /// Where they come from.
    pub source: CounterSource,
    /// Samples in the window.
    pub samples: u32,
    /// State letter, see proc(5).
    pub state: String,
    /// Function of the kernel in which it waits.
    pub wait_channel: String,
    /// Number of the system call that it is in; -1: in none.
    pub syscall: String,
    /// Path of its cgroup.
    pub cgroup: String,
    /// Load average of the machine over 1, 5 and 15 minutes.
    pub load: String,
    /// Functions of the kernel that it is in, innermost first, where they may
    /// be read.
    pub stack: Vec<String>,
}

impl fmt::Display for StallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, .. } = self;
        write!(
            f,
            "worker {} ({}) did not run: over {} samples {} -> {} switches (+{}) and {:.3} -> {:.3} ms of run time (+{:.3})",
            self.pid,
            known(&self.comm),
            self.samples,
            first.switches,
            last.switches,
            last.switches.saturating_sub(first.switches),
            milliseconds(first.run_time),
            milliseconds(last.run_time),
            milliseconds(last.run_time.saturating_sub(first.run_time)),
        )?;
        if self.source == CounterSource::Schedstat {
            f.write_str(", switches being time slices: this kernel has no sched file")?;
        }
        write!(
            f,
            "; state {}, wait channel {}, syscall {}, cgroup {}, load average {}",
            known(&self.state),
            known(&self.wait_channel),
            known(&self.syscall),
            known(&self.cgroup),
            known(&self.load),
        )?;
        if !self.stack.is_empty() {
            write!(f, "; kernel stack: {}", self.stack.join(" < "))?;
        }
        Ok(())
    }
}

fn known(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
