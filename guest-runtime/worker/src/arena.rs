//! The memory that one crew shares with the runtime, and the runtime's end of
//! it. See the crate's header for who does what when.
//!
//! The memory is a memfd, sealed against growing and shrinking. It is sparse:
//! with the default capacities a worker takes 168 KiB of address space and
//! some 12 KiB of memory, more as it files wake samples and slices. Pages are
//! charged to the cgroup of the worker that first touches them.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::process;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::ftruncate;

mod collect;
#[expect(unsafe_code, reason = "the futex call takes addresses")]
pub mod futex;
pub mod layout;
#[expect(unsafe_code, reason = "shared memory becomes references in one place")]
mod map;
mod seat;
mod view;
mod wiring;

pub use seat::{Group, Seat};
pub use view::SlotView;
pub use wiring::Link;

use crate::report::Report;
use crate::setup::CrewSpec;
use crate::work::Gives;
use layout::{Controls, Geometry, Header, MAGIC, OVER, VERSION, gate};
use map::Mapping;
use seat::Contents;
use wiring::Wiring;

/// How much a worker can leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaOptions {
    /// Wake samples kept of the whole run, 1 to 100,000.
    pub wake_capacity: usize,
    /// Slices kept, one more than the epochs that are, 2 to 1024.
    pub slices: usize,
    /// Wake samples kept of each slice, 1 to 8192.
    pub slice_wake_capacity: usize,
}

impl Default for ArenaOptions {
    fn default() -> Self {
        Self {
            wake_capacity: 4096,
            slices: 64,
            slice_wake_capacity: 256,
        }
    }
}

/// The runtime's end of one crew's shared memory, with the descriptors that the
/// workers inherit. It starts and signals no process.
#[derive(Debug)]
pub struct Arena {
    file: OwnedFd,
    mapping: Mapping,
    geometry: Geometry,
    wiring: Wiring,
    /// Workers of one group.
    group: usize,
    gives: Gives,
}

impl Arena {
    /// An arena for work that needs no cgroup's directory; see
    /// [`Arena::with_directories`].
    ///
    /// # Errors
    /// As there.
    pub fn create(spec: &CrewSpec, options: &ArenaOptions) -> io::Result<Self> {
        Self::with_directories(spec, options, Vec::new())
    }

    /// Makes the memory, and what descriptors the work needs, and writes the
    /// spec. All descriptors are close-on-exec. `directories` are those of the
    /// cgroups that [`Work::directories`](crate::Work::directories) lists.
    ///
    /// The calling process must be the one that starts the workers, and the
    /// calling thread of the start must live as long as they: a worker dies
    /// with the thread that started it (`PR_SET_PDEATHSIG`).
    ///
    /// # Errors
    /// `InvalidInput` for a number of workers that is 0, above 4096 or not a
    /// multiple of the work's group size, and for options out of range; what
    /// the kernel refuses.
    pub fn with_directories(
        spec: &CrewSpec,
        options: &ArenaOptions,
        directories: Vec<OwnedFd>,
    ) -> io::Result<Self> {
        let group = usize::try_from(spec.work.group_size()).unwrap_or(1).max(1);
        if spec.workers.is_empty() || !spec.workers.len().is_multiple_of(group) {
            let (name, count) = (spec.work.name(), spec.workers.len());
            let message = format!(
                "{count} workers of type {name}: the number must be a positive multiple of {group}"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        if directories.len() != spec.work.directories().len() {
            let (name, count) = (spec.work.name(), directories.len());
            let message = format!("{count} directories of cgroups are not what {name} needs");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let wiring = Wiring::new(spec, group, directories)?;
        let contents = Contents {
            spec: spec.clone(),
            descriptors: wiring.numbers(),
        };
        let blob = postcard::to_stdvec(&contents).map_err(io::Error::other)?;
        let geometry = Geometry {
            workers: spec.workers.len(),
            wake_capacity: options.wake_capacity,
            slices: options.slices,
            slice_wake_capacity: options.slice_wake_capacity,
            spec_len: blob.len(),
        }
        .checked()?;
        let total = geometry.total();
        let file = memfd_create(
            "proscenium-crew",
            MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING,
        )?;
        ftruncate(&file, i64::try_from(total).map_err(io::Error::other)?)?;
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
        let mapping = Mapping::new(&file, total)?;
        let arena = Self {
            file,
            mapping,
            geometry,
            wiring,
            group,
            gives: spec.work.gives(),
        };
        arena.write(&blob);
        Ok(arena)
    }

    fn write(&self, blob: &[u8]) {
        let spec = self
            .mapping
            .many::<AtomicU8>(self.geometry.spec(), blob.len())
            .unwrap_or_default();
        for (to, from) in spec.iter().zip(blob) {
            to.store(*from, Relaxed);
        }
        let Some(header) = self.mapping.one::<Header>(0) else {
            return;
        };
        let size = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        header.owner.store(process::id(), Relaxed);
        header.workers.store(size(self.geometry.workers), Relaxed);
        header
            .wake_capacity
            .store(size(self.geometry.wake_capacity), Relaxed);
        header.slices.store(size(self.geometry.slices), Relaxed);
        header
            .slice_wake_capacity
            .store(size(self.geometry.slice_wake_capacity), Relaxed);
        header.spec_len.store(blob.len() as u64, Relaxed);
        header.version.store(VERSION, Relaxed);
        header.magic.store(MAGIC, Release);
    }

    /// The memory, for the workers to inherit.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Number of workers.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.geometry.workers
    }

    /// Arguments for `worker`, its program name first. Made before the fork,
    /// since a child must not allocate.
    #[must_use]
    pub fn arguments(&self, worker: usize) -> [CString; 3] {
        let fd = self.file.as_raw_fd();
        [
            "proscenium-worker".to_owned(),
            fd.to_string(),
            worker.to_string(),
        ]
        .map(|text| CString::new(text).unwrap_or_default())
    }

    /// Descriptors of which the child that becomes `worker` must clear
    /// close-on-exec: the memory, and whatever the work needs.
    #[must_use]
    pub fn inherited(&self, worker: usize) -> Vec<RawFd> {
        let mut all = self.wiring.of_worker(worker);
        all.push(self.file.as_raw_fd());
        all
    }

    /// Sleeps until every worker is at the gate, at most for `timeout`, and
    /// says whether they are. A worker that died before is noticed only by the
    /// time-out: whoever has more to watch asks [`Arena::ready`] instead.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn wait_ready(&self, timeout: Duration) -> io::Result<bool> {
        let Some(controls) = self.controls() else {
            return Ok(false);
        };
        let start = Instant::now();
        loop {
            let ready = controls.ready.load(Acquire);
            if usize::try_from(ready).is_ok_and(|ready| ready >= self.workers()) {
                return Ok(true);
            }
            let Some(left) = timeout.checked_sub(start.elapsed()) else {
                return Ok(false);
            };
            futex::wait(&controls.ready, ready, Some(left))?;
        }
    }

    /// How many workers reached the gate.
    #[must_use]
    pub fn ready(&self) -> usize {
        let ready = self
            .controls()
            .map_or(0, |controls| controls.ready.load(Acquire));
        usize::try_from(ready)
            .unwrap_or(usize::MAX)
            .min(self.workers())
    }

    /// Lets the workers run, those that start later too. All workers must have
    /// been started: the runtime's own descriptors are closed here, so that a
    /// worker notices when its partner is gone.
    pub fn open_gate(&mut self) {
        self.wiring.clear();
        if let Some(controls) = self.controls() {
            let _ = controls
                .gate
                .compare_exchange(gate::SHUT, gate::OPEN, AcqRel, Relaxed);
            futex::wake_all(&controls.gate);
        }
    }

    /// From now on work belongs to `epoch`. Workers notice it after their
    /// current iteration, or after the current part of a long one.
    pub fn set_epoch(&self, epoch: u32) {
        if let Some(controls) = self.controls() {
            controls.epoch.store(epoch, Release);
        }
    }

    /// Iterations of one worker, without a system call; 0 if there is no such
    /// worker.
    #[must_use]
    pub fn iterations(&self, worker: usize) -> u64 {
        self.slot(worker)
            .map_or(0, |slot| slot.live.iterations.load(Relaxed))
    }

    /// Thread id of one worker; 0 if it has not begun or there is none.
    #[must_use]
    pub fn tid(&self, worker: usize) -> u32 {
        self.slot(worker)
            .map_or(0, |slot| slot.facts.tid.load(Relaxed))
    }

    /// Iterations of all workers, without a system call.
    #[must_use]
    pub fn total_iterations(&self) -> u64 {
        (0..self.workers()).fold(0, |sum, worker| sum.saturating_add(self.iterations(worker)))
    }

    /// Asks every worker to stop, also those still at the gate. Then send each
    /// `SIGTERM`: it carries nothing, but ends a blocking call. In this order
    /// no worker misses the request.
    pub fn request_stop(&mut self) {
        self.wiring.clear();
        for slot in (0..self.workers()).filter_map(|worker| self.slot(worker)) {
            slot.live.stop.store(1, Release);
        }
        // Nobody waits for a partner where there are no partners.
        let partners = (0..self.workers()).filter(|_| self.group > 1);
        for slot in partners.filter_map(|worker| self.slot(worker)) {
            for word in &slot.shared.words {
                word.fetch_or(OVER, AcqRel);
                futex::wake_all(word);
            }
        }
        if let Some(controls) = self.controls() {
            let _ = controls
                .gate
                .compare_exchange(gate::SHUT, gate::CANCELLED, AcqRel, Relaxed);
            futex::wake_all(&controls.gate);
        }
    }

    /// What `worker` did so far, or in all once it has ended. Of a worker that
    /// still runs the figures may be of different moments. An empty report if
    /// there is no such worker.
    #[must_use]
    pub fn report(&self, worker: usize) -> Report {
        let view = SlotView::new(&self.mapping, &self.geometry, worker);
        view.map_or_else(Report::default, |view| collect::report(&view, self.gives))
    }

    fn controls(&self) -> Option<&Controls> {
        self.mapping.one::<Header>(0).map(|header| &header.controls)
    }

    fn slot(&self, worker: usize) -> Option<&layout::Slot> {
        (worker < self.workers()).then(|| self.mapping.one(self.geometry.slot(worker)))?
    }
}
