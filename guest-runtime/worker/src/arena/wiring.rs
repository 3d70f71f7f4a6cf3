//! The descriptors that workers inherit besides the memory: pipes from one to
//! the next, an eventfd for each group, directories of cgroups.
//!
//! The runtime holds them until the gate opens; then a worker notices that its
//! partner is gone by the end of a pipe.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::fcntl::OFlag;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::pipe2;
use serde::{Deserialize, Serialize};

use crate::setup::CrewSpec;
use crate::work::{Groups, Pairs, Through, Work};

/// One worker's ends of its two pipes, as descriptor numbers that it inherits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Read end of the pipe from the worker before.
    pub read: RawFd,
    /// Write end of the pipe to the worker behind.
    pub write: RawFd,
}

/// The same as numbers, as they are written into the memory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Numbers {
    /// By worker; empty for work types without pipes.
    pub(super) links: Vec<Link>,
    /// By group; empty for work types without.
    pub(super) events: Vec<RawFd>,
    pub(super) directories: Vec<RawFd>,
}

/// The descriptors of one crew.
#[derive(Debug)]
pub(super) struct Wiring {
    /// By worker: from it to the next of its group, the last to the first.
    /// Read end first.
    pipes: Vec<(OwnedFd, OwnedFd)>,
    /// By group.
    events: Vec<EventFd>,
    directories: Vec<OwnedFd>,
    group: usize,
}

impl Wiring {
    pub(super) fn new(
        spec: &CrewSpec,
        group: usize,
        directories: Vec<OwnedFd>,
    ) -> io::Result<Self> {
        let (workers, groups) = (spec.workers.len(), spec.workers.len() / group);
        let (pipes, events) = match &spec.work {
            Work::Pairs(Pairs::PipeIo { .. } | Pairs::CachePipe { .. })
            | Work::Groups(Groups::WakeChain {
                through: Through::Pipe,
                ..
            }) => (workers, 0),
            Work::Groups(Groups::EpollStorm { .. }) => (0, groups),
            _ => (0, 0),
        };
        let event = || EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
        Ok(Self {
            pipes: (0..pipes)
                .map(|_| pipe2(OFlag::O_CLOEXEC))
                .collect::<Result<_, _>>()?,
            events: (0..events).map(|_| event()).collect::<Result<_, _>>()?,
            directories,
            group,
        })
    }

    fn link(&self, worker: usize) -> Option<Link> {
        let first = worker - worker % self.group;
        let before = first + (worker - first + self.group - 1) % self.group;
        Some(Link {
            read: self.pipes.get(before)?.0.as_raw_fd(),
            write: self.pipes.get(worker)?.1.as_raw_fd(),
        })
    }

    pub(super) fn numbers(&self) -> Numbers {
        Numbers {
            links: (0..self.pipes.len())
                .filter_map(|worker| self.link(worker))
                .collect(),
            events: self.events.iter().map(AsRawFd::as_raw_fd).collect(),
            directories: self.directories.iter().map(AsRawFd::as_raw_fd).collect(),
        }
    }

    /// What one worker inherits.
    pub(super) fn of_worker(&self, worker: usize) -> Vec<RawFd> {
        let link = self.link(worker);
        let ends = link.into_iter().flat_map(|link| [link.read, link.write]);
        let event = self.events.get(worker / self.group).map(AsRawFd::as_raw_fd);
        let directories = self.directories.iter().map(AsRawFd::as_raw_fd);
        ends.chain(event).chain(directories).collect()
    }

    /// Closes the runtime's own.
    pub(super) fn clear(&mut self) {
        self.pipes.clear();
        self.events.clear();
        self.directories.clear();
    }
}
