//! The worker's end of an arena.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU8, AtomicU32};

use nix::sys::stat::fstat;
use serde::{Deserialize, Serialize};

use super::futex;
use super::layout::{Controls, Geometry, Header, MAGIC, Shared, Slot, VERSION, gate, state};
use super::map::Mapping;
use super::view::SlotView;
use super::wiring::{Link, Numbers};
use crate::setup::{CrewSpec, Setup};

/// What the spec part of an arena holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) spec: CrewSpec,
    pub(super) descriptors: Numbers,
}

/// One worker's place in an arena.
#[derive(Debug)]
pub struct Seat {
    arena: Arc<Attached>,
    worker: usize,
}

/// An arena that is mapped, once for all places in it that a process takes.
#[derive(Debug)]
struct Attached {
    mapping: Mapping,
    geometry: Geometry,
    owner: u32,
    contents: Contents,
}

impl Seat {
    /// Maps the arena behind `file` and takes the place of `worker`.
    ///
    /// # Errors
    /// `InvalidData` if it is not an arena of this version or has no such
    /// worker; what the kernel refuses.
    pub fn attach(file: impl AsFd, worker: usize) -> io::Result<Self> {
        let arena = Attached::map(file.as_fd())?;
        if worker >= arena.contents.spec.workers.len() {
            return Err(invalid("it has no such worker"));
        }
        Ok(Self {
            arena: Arc::new(arena),
            worker,
        })
    }

    /// Maps the arena behind `file` and takes all places in it.
    ///
    /// # Errors
    /// As [`Seat::attach`].
    pub fn attach_all(file: impl AsFd) -> io::Result<Vec<Self>> {
        let arena = Arc::new(Attached::map(file.as_fd())?);
        let workers = 0..arena.contents.spec.workers.len();
        let seat = |worker| Self {
            arena: Arc::clone(&arena),
            worker,
        };
        Ok(workers.map(seat).collect())
    }

    /// Process that made the arena.
    #[must_use]
    pub fn owner(&self) -> u32 {
        self.arena.owner
    }

    /// Index of this worker.
    #[must_use]
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// What the crew does.
    #[must_use]
    pub fn spec(&self) -> &CrewSpec {
        &self.arena.contents.spec
    }

    /// What is to be set on this worker.
    ///
    /// # Errors
    /// `InvalidData` if there is none, which [`Seat::attach`] refuses.
    pub fn setup(&self) -> io::Result<&Setup> {
        self.arena
            .contents
            .spec
            .workers
            .get(self.worker)
            .ok_or_else(|| invalid("it has no such worker"))
    }

    /// This worker's pipe ends, for work types that have them.
    #[must_use]
    pub fn link(&self) -> Option<Link> {
        self.arena
            .contents
            .descriptors
            .links
            .get(self.worker)
            .copied()
    }

    /// The eventfd of this worker's group, for work types that have one.
    #[must_use]
    pub fn event(&self) -> Option<RawFd> {
        let group = self.worker / self.group_size();
        self.arena.contents.descriptors.events.get(group).copied()
    }

    /// Directories of cgroups, in the order of
    /// [`Work::directories`](crate::Work::directories).
    #[must_use]
    pub fn directories(&self) -> &[RawFd] {
        &self.arena.contents.descriptors.directories
    }

    fn group_size(&self) -> usize {
        let size = self.arena.contents.spec.work.group_size();
        usize::try_from(size).unwrap_or(1).max(1)
    }

    /// What the runtime changes while the crew runs.
    ///
    /// # Errors
    /// `InvalidData` if the mapping has none, which [`Seat::attach`] refuses.
    pub fn controls(&self) -> io::Result<&Controls> {
        self.arena
            .mapping
            .one::<Header>(0)
            .map(|header| &header.controls)
            .ok_or_else(|| invalid("it is too short"))
    }

    /// This worker's part.
    ///
    /// # Errors
    /// `InvalidData` if the mapping has none, which [`Seat::attach`] refuses.
    pub fn view(&self) -> io::Result<SlotView<'_>> {
        SlotView::new(&self.arena.mapping, &self.arena.geometry, self.worker)
            .ok_or_else(|| invalid("it is too short"))
    }

    /// The workers of this worker's group.
    ///
    /// # Errors
    /// `InvalidData` if the mapping lacks one, which [`Seat::attach`] refuses.
    pub fn group(&self) -> io::Result<Group<'_>> {
        let size = self.group_size();
        let first = self.worker - self.worker % size;
        let member = |worker| {
            let Attached {
                mapping, geometry, ..
            } = &*self.arena;
            let slot =
                (worker < geometry.workers).then(|| mapping.one::<Slot>(geometry.slot(worker)))?;
            slot.map(|slot| (&slot.shared, &slot.facts.tid))
        };
        let members: Option<Vec<_>> = (first..first + size).map(member).collect();
        Ok(Group {
            members: members.ok_or_else(|| invalid("it is too short"))?,
            role: self.worker - first,
        })
    }

    /// Says that setup is done, and sleeps until the gate opens or the crew is
    /// told to stop.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn wait_for_gate(&self) -> io::Result<()> {
        let controls = self.controls()?;
        self.view()?.slot.live.state.store(state::READY, Release);
        controls.ready.fetch_add(1, Release);
        futex::wake_all(&controls.ready);
        while controls.gate.load(Acquire) == gate::SHUT {
            futex::wait(&controls.gate, gate::SHUT, None)?;
        }
        Ok(())
    }
}

impl Attached {
    /// Every place that the spec has is in the mapping.
    fn map(file: BorrowedFd<'_>) -> io::Result<Self> {
        let len =
            usize::try_from(fstat(file)?.st_size).map_err(|_| invalid("its size is negative"))?;
        let mapping = Mapping::new(file, len)?;
        let header: &Header = mapping.one(0).ok_or_else(|| invalid("it is too short"))?;
        if header.magic.load(Acquire) != MAGIC || header.version.load(Relaxed) != VERSION {
            return Err(invalid("it is of another kind or version"));
        }
        let size = |word: u32| usize::try_from(word).unwrap_or(usize::MAX);
        let geometry = Geometry {
            workers: size(header.workers.load(Relaxed)),
            wake_capacity: size(header.wake_capacity.load(Relaxed)),
            slices: size(header.slices.load(Relaxed)),
            slice_wake_capacity: size(header.slice_wake_capacity.load(Relaxed)),
            spec_len: usize::try_from(header.spec_len.load(Relaxed)).unwrap_or(usize::MAX),
        }
        .checked()?;
        let owner = header.owner.load(Relaxed);
        let spec = mapping.many::<AtomicU8>(geometry.spec(), geometry.spec_len);
        let spec: Vec<u8> = spec
            .ok_or_else(|| invalid("it is too short"))?
            .iter()
            .map(|b| b.load(Relaxed))
            .collect();
        let contents: Contents =
            postcard::from_bytes(&spec).map_err(|_| invalid("its spec is damaged"))?;
        let workers = contents.spec.workers.len();
        if workers > geometry.workers
            || (workers > 0 && SlotView::new(&mapping, &geometry, workers - 1).is_none())
        {
            return Err(invalid("it has fewer places than workers"));
        }
        Ok(Self {
            mapping,
            geometry,
            owner,
            contents,
        })
    }
}

/// The workers that belong together, as one of them sees them.
#[derive(Debug)]
pub struct Group<'a> {
    members: Vec<(&'a Shared, &'a AtomicU32)>,
    role: usize,
}

impl<'a> Group<'a> {
    /// This worker's place in its group, from 0.
    #[must_use]
    pub fn role(&self) -> usize {
        self.role
    }

    /// Number of workers, this one included.
    #[must_use]
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// What one worker of the group shares; `None` if there is none.
    #[must_use]
    pub fn shared(&self, role: usize) -> Option<&'a Shared> {
        self.members.get(role).map(|(shared, _)| *shared)
    }

    /// Thread id of one worker of the group, which is its process id unless the
    /// group shares a process; 0 until it is started.
    #[must_use]
    pub fn tid(&self, role: usize) -> u32 {
        self.members
            .get(role)
            .map_or(0, |(_, tid)| tid.load(Acquire))
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not a usable arena: {why}"),
    )
}
