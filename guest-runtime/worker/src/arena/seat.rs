//! The worker's end of an arena.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use nix::sys::stat::fstat;
use serde::{Deserialize, Serialize};

use super::futex;
use super::layout::{Controls, Geometry, Header, MAGIC, Pair, VERSION, gate, state};
use super::map::Mapping;
use super::view::SlotView;
use crate::setup::{CrewSpec, Setup};

/// What the spec part of an arena holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) spec: CrewSpec,
    /// By worker; empty for work types without pipes.
    pub(super) links: Vec<Link>,
}

/// One worker's ends of the two pipes that it shares with its partner, as
/// descriptor numbers that it inherits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Read end of the pipe from the partner.
    pub read: RawFd,
    /// Write end of the pipe to the partner.
    pub write: RawFd,
}

/// One worker's place in an arena.
#[derive(Debug)]
pub struct Seat {
    mapping: Mapping,
    geometry: Geometry,
    worker: usize,
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
        let file = file.as_fd();
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
        if contents.spec.workers.get(worker).is_none()
            || SlotView::new(&mapping, &geometry, worker).is_none()
        {
            return Err(invalid("it has no such worker"));
        }
        Ok(Self {
            mapping,
            geometry,
            worker,
            owner,
            contents,
        })
    }

    /// Process that made the arena.
    #[must_use]
    pub fn owner(&self) -> u32 {
        self.owner
    }

    /// Index of this worker.
    #[must_use]
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// What the crew does.
    #[must_use]
    pub fn spec(&self) -> &CrewSpec {
        &self.contents.spec
    }

    /// What is to be set on this worker.
    ///
    /// # Errors
    /// `InvalidData` if there is none, which [`Seat::attach`] refuses.
    pub fn setup(&self) -> io::Result<&Setup> {
        self.contents
            .spec
            .workers
            .get(self.worker)
            .ok_or_else(|| invalid("it has no such worker"))
    }

    /// This worker's pipe ends, for work types that have them.
    #[must_use]
    pub fn link(&self) -> Option<Link> {
        self.contents.links.get(self.worker).copied()
    }

    /// What the runtime changes while the crew runs.
    ///
    /// # Errors
    /// `InvalidData` if the mapping has none, which [`Seat::attach`] refuses.
    pub fn controls(&self) -> io::Result<&Controls> {
        self.mapping
            .one::<Header>(0)
            .map(|header| &header.controls)
            .ok_or_else(|| invalid("it is too short"))
    }

    /// This worker's part.
    ///
    /// # Errors
    /// `InvalidData` if the mapping has none, which [`Seat::attach`] refuses.
    pub fn view(&self) -> io::Result<SlotView<'_>> {
        SlotView::new(&self.mapping, &self.geometry, self.worker)
            .ok_or_else(|| invalid("it is too short"))
    }

    /// The words that this worker shares with its partner.
    ///
    /// # Errors
    /// `InvalidData` if the mapping has none, which [`Seat::attach`] refuses.
    pub fn pair(&self) -> io::Result<&Pair> {
        let even = SlotView::new(&self.mapping, &self.geometry, self.worker & !1);
        even.map(|view| &view.slot.pair)
            .ok_or_else(|| invalid("it is too short"))
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

fn invalid(why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not a usable arena: {why}"),
    )
}

impl Link {
    pub(super) fn new(read: &impl AsRawFd, write: &impl AsRawFd) -> Self {
        Self {
            read: read.as_raw_fd(),
            write: write.as_raw_fd(),
        }
    }
}
