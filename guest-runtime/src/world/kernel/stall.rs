//! The stall monitor of runs outside a VM: which workers do not run.
//!
//! Owns when workers are looked at, and what was seen of them. It has neither
//! thread nor clock: whoever waits asks when the next look is due and lends
//! the workers for it, so it stands still while nobody waits. A worker that
//! sleeps through a whole window because its work says so is reported as well:
//! from outside that looks the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cap_std::fs::Dir;

use super::Kernel;
use super::crew::Task;
use super::reactor::Reactor;
use super::task;
use crate::world::{CounterSource, RunCounters, StallReport};

/// Time between two samples.
const EVERY: Duration = Duration::from_millis(500);
/// Samples over which both counters stand still in a stall.
const WINDOW: u32 = 4;

/// See the module.
#[derive(Debug)]
pub(super) struct Monitor {
    /// `/proc`.
    proc: Dir,
    /// When the next sample is due, in monotonic time; `None`: not started.
    next: Option<Duration>,
    /// By thread.
    windows: BTreeMap<u32, Window>,
    reports: Vec<StallReport>,
}

/// Samples of one worker that are all the same.
#[derive(Debug)]
struct Window {
    first: RunCounters,
    last: RunCounters,
    source: CounterSource,
    samples: u32,
    /// A worker is reported once, however often it stalls.
    reported: bool,
}

impl Monitor {
    /// A monitor that has not started.
    pub(super) fn new(proc: Dir) -> Self {
        Self {
            proc,
            next: None,
            windows: BTreeMap::new(),
            reports: Vec::new(),
        }
    }

    /// When the next sample is due, starting now if it has not.
    fn due(&mut self) -> Duration {
        *self
            .next
            .get_or_insert_with(|| Reactor::monotonic() + EVERY)
    }

    /// Takes one sample of each worker and gives those that have just stood
    /// still for a whole window.
    fn sample(&mut self, workers: &[Task]) -> Vec<Task> {
        self.next = Some(Reactor::monotonic() + EVERY);
        let mut before = std::mem::take(&mut self.windows);
        for worker in workers {
            if let Some((seen, source)) = task::counters(&self.proc, worker.tid) {
                let window = Window::extended(before.remove(&worker.tid), seen, source);
                self.windows.insert(worker.tid, window);
            }
        }
        let is_suspect = |worker: &&Task| self.windows.get(&worker.tid).is_some_and(Window::is_new);
        workers.iter().filter(is_suspect).copied().collect()
    }

    /// Reports suspects, but for those that are frozen.
    ///
    /// Freezing is what a scenario does on purpose, and the kernel does exactly
    /// that. Their window begins anew, so that no sample from before the thaw
    /// counts after it.
    fn report(&mut self, suspects: &[Task], frozen: &BTreeSet<u32>) {
        for Task { pid, tid } in suspects {
            if frozen.contains(pid) {
                self.windows.remove(tid);
            } else if let Some(window) = self.windows.get_mut(tid) {
                window.reported = true;
                self.reports.push(StallReport {
                    first: window.first,
                    last: window.last,
                    source: window.source,
                    samples: window.samples,
                    ..task::describe(&self.proc, *tid)
                });
            }
        }
    }
}

impl Window {
    /// One sample more, or the first of a new window.
    fn extended(before: Option<Self>, seen: RunCounters, source: CounterSource) -> Self {
        match before {
            Some(window) if window.first == seen && window.source == source => Self {
                last: seen,
                samples: window.samples.saturating_add(1),
                ..window
            },
            before => Self {
                first: seen,
                last: seen,
                source,
                samples: 1,
                reported: before.is_some_and(|window| window.reported),
            },
        }
    }

    /// It is a stall, and not yet told.
    fn is_new(&self) -> bool {
        self.samples >= WINDOW && !self.reported
    }
}

impl Kernel {
    /// When workers are to be looked at next; `None` where none runs, or
    /// nobody wants to know.
    pub(super) fn next_look(&mut self) -> Option<Duration> {
        let monitor = self.monitor.as_mut()?;
        self.crews.any_running().then(|| monitor.due())
    }

    /// Looks at the workers that run.
    pub(super) fn look(&mut self) {
        let Some(monitor) = &mut self.monitor else {
            return;
        };
        let suspects = monitor.sample(&self.crews.running_tasks());
        if !suspects.is_empty() {
            monitor.report(&suspects, &self.groups.frozen_pids());
        }
    }

    /// Stops the monitor; the next wait with running workers starts it again.
    pub(super) fn stop_monitor(&mut self) -> Vec<StallReport> {
        let Some(monitor) = &mut self.monitor else {
            return Vec::new();
        };
        monitor.next = None;
        monitor.windows.clear();
        std::mem::take(&mut monitor.reports)
    }
}
