//! One scheduler's loader: a process, what it prints, and what the kernel's
//! log says of the scheduler meanwhile.
//!
//! Dropping it kills and reaps, which takes the scheduler out of the kernel.

use std::time::Instant;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use proscenium_wire::PayloadExit;

use super::said::Said;
use crate::world::kernel::crew::DYING;
use crate::world::kernel::process::Process;
use crate::world::kernel::program::{LAST_PIECES, Pipe, payload_exit, start};
use crate::world::kernel::reactor::Reactor;
use crate::world::{Printed, ProgramPlan};

/// Most bytes that are kept of what was printed and not taken yet.
const KEPT: usize = 256 << 10;
/// Things of one loader that the reactor watches, by their place.
const SOURCES: u64 = 2;
const OUTPUT: u64 = 0;
const PROCESS: u64 = 1;

/// See the module.
#[derive(Debug)]
pub(super) struct Loader {
    process: Process,
    output: Pipe,
    printed: Printed,
    /// What the kernel says while it is the last one that was started.
    pub(super) said: Said,
    /// The kernel's trace says that its process ends.
    pub(super) leaves: bool,
    /// How many schedulers had been enabled before it was started.
    enables_before: Option<u64>,
}

/// What of a loader is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Output,
    Process,
}

impl Loader {
    /// Starts it beside the runtime.
    pub(super) fn start(plan: &ProgramPlan, enables_before: Option<u64>) -> nix::Result<Self> {
        // One pipe for both, so that lines stay in the order in which they came.
        let (output, end) = Pipe::new()?;
        Ok(Self {
            process: start(plan, [&end, &end], None)?,
            output,
            printed: Printed::default(),
            said: Said::default(),
            leaves: false,
            enables_before,
        })
    }

    /// Has the reactor watch it as loader `index`.
    pub(super) fn watch(&self, index: u64, reactor: &Reactor) -> nix::Result<()> {
        if let Some(output) = self.output.fd() {
            reactor.watch_scheduler(output, index * SOURCES + OUTPUT)?;
        }
        reactor.watch_scheduler(&self.process, index * SOURCES + PROCESS)
    }

    /// Which loader, and what of it, the reactor means.
    pub(super) fn source(number: u64) -> (u64, Source) {
        let source = match number % SOURCES {
            OUTPUT => Source::Output,
            _ => Source::Process,
        };
        (number / SOURCES, source)
    }

    /// Takes in one piece of what it printed. True: there may be more at once.
    pub(super) fn take_in(&mut self, buffer: &mut [u8], reactor: &Reactor) -> bool {
        let Some(bytes) = self.output.take_in(buffer, reactor) else {
            return false;
        };
        let kept = &mut self.printed.bytes;
        kept.extend_from_slice(bytes);
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
        self.printed.dropped = self.printed.dropped.saturating_add(over as u64);
        true
    }

    /// What it printed since the last taking.
    pub(super) fn take_printed(&mut self) -> Printed {
        std::mem::take(&mut self.printed)
    }

    /// Reaps it, if it has ended, and takes in what it printed last. True: it
    /// has ended, now or before.
    pub(super) fn reap(&mut self, buffer: &mut [u8], reactor: &Reactor) -> bool {
        let before = self.process.exit().is_some();
        let ended = self.process.reap();
        if ended && !before {
            reactor.unwatch(&self.process);
            let mut pieces = 0..LAST_PIECES;
            while pieces.next().is_some() && self.take_in(buffer, reactor) {}
            self.output.close(reactor);
        }
        ended
    }

    pub(super) fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// How it ended, as far as was seen.
    pub(super) fn exit(&self) -> Option<PayloadExit> {
        payload_exit(&self.process)
    }

    pub(super) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Whether the scheduler that made it the `enables`th is another one.
    pub(super) fn is_outdone(&self, enables: Option<u64>) -> bool {
        let own = self.enables_before.map(|before| before.saturating_add(1));
        own.zip(enables).is_some_and(|(own, now)| now > own)
    }

    /// Waits for its end until `deadline`, without the reactor.
    pub(super) fn await_end(&mut self, deadline: Instant) -> bool {
        self.process.await_end(deadline)
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.process.signal(Signal::SIGKILL);
        if !self.process.await_end(Instant::now() + DYING) {
            tracing::error!(
                "scheduler process {} was killed and does not die",
                self.process.pid()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::kill;

    use super::*;
    use crate::world::kernel::program::PIECE;
    use crate::world::kernel::reactor::Happened;

    /// A loader that is a shell, and the reactor that watches it.
    fn shell(script: &str) -> (Loader, Reactor) {
        let plan = ProgramPlan {
            name: "shell".to_owned(),
            program: "/bin/sh".to_owned(),
            folder: "/".to_owned(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            environment: Vec::new(),
        };
        let reactor = Reactor::new(None, None, None).unwrap();
        let loader = Loader::start(&plan, Some(4)).unwrap();
        loader.watch(0, &reactor).unwrap();
        (loader, reactor)
    }

    /// Takes in what comes until it has ended.
    fn ended(script: &str) -> Loader {
        let (mut loader, mut reactor) = shell(script);
        let mut buffer = vec![0; PIECE];
        while loader.exit().is_none() {
            let Happened::Scheduler(number) = reactor.next().unwrap() else {
                continue;
            };
            match Loader::source(number) {
                (0, Source::Output) => drop(loader.take_in(&mut buffer, &reactor)),
                (_, _) => drop(loader.reap(&mut buffer, &reactor)),
            }
        }
        loader
    }

    #[test]
    fn output_and_errors_are_kept_in_the_order_in_which_they_came() {
        let mut loader = ended("echo one; echo two >&2; echo three; exit 5");
        assert_eq!(loader.exit(), Some(PayloadExit::Code(5)));
        let printed = loader.take_printed();
        assert_eq!(printed.bytes, b"one\ntwo\nthree\n");
        assert_eq!(printed.dropped, 0);
        assert_eq!(loader.take_printed(), Printed::default());
    }

    #[test]
    fn a_flood_does_not_block_it_and_its_end_is_kept() {
        let mut loader = ended("head -c 5000000 /dev/zero; echo last words");
        let printed = loader.take_printed();
        assert!(printed.bytes.ends_with(b"last words\n"));
        assert_eq!(printed.bytes.len(), KEPT);
        assert_eq!(printed.dropped + KEPT as u64, 5_000_000 + 11);
    }

    #[test]
    fn one_that_is_dropped_is_killed() {
        let (loader, _reactor) = shell("sleep 1000");
        let pid = loader.pid();
        drop(loader);
        assert!(kill(pid, None).is_err());
    }

    #[test]
    fn another_one_is_known_by_the_count_of_enables() {
        let loader = ended("exit");
        for (enables, outdone) in [
            (Some(4), false),
            (Some(5), false),
            (Some(6), true),
            (None, false),
        ] {
            assert_eq!(loader.is_outdone(enables), outdone, "{enables:?}");
        }
    }
}
