//! The bytes of an arena: the ABI between the runtime and its workers.
//!
//! ```text
//! 0        Header   geometry line, controls line
//! 4096     slot 0   Slot │ wake reservoir │ slice 0 │ slice 1 │ …
//! + stride slot 1   …
//! …        spec     postcard: crew spec and pipe descriptors
//! ```
//!
//! Every field is an atomic with exactly one writer, so that no value read is
//! undefined, whatever the other side does. Only whole fields are consistent:
//! a reader beside a living worker may see one field older than the next.
//! A change of anything here is a new [`VERSION`].

use std::io;
use std::mem::size_of;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};

/// First eight bytes of an arena.
pub const MAGIC: u64 = u64::from_le_bytes(*b"proscARN");
/// Version of this layout.
pub const VERSION: u32 = 2;
/// Most workers in one crew.
pub const MAX_WORKERS: usize = 4096;
/// CPUs that the set of used CPUs can hold.
pub const MAX_CPUS: usize = 1024;
/// Longest text of a breakdown, in bytes.
pub const MAX_TEXT: usize = 504;

/// Values of [`Controls::gate`].
pub mod gate {
    /// Workers wait.
    pub const SHUT: u32 = 0;
    /// Workers run.
    pub const OPEN: u32 = 1;
    /// Stopped before it opened.
    pub const CANCELLED: u32 = 2;
}

/// Values of [`Live::state`].
pub mod state {
    /// Has not attached.
    pub const ABSENT: u32 = 0;
    /// Setup is done; at the gate, or on its way through.
    pub const READY: u32 = 1;
    /// Stopped on request; everything in the slot is final.
    pub const COMPLETED: u32 = 2;
}

/// Values of [`Pair::turn`].
pub mod turn {
    /// The even worker of the pair runs.
    pub const EVEN: u32 = 0;
    /// The odd worker of the pair runs.
    pub const ODD: u32 = 1;
    /// A stop was requested.
    pub const OVER: u32 = 2;
}

/// Start of the arena. Written by the runtime before the first worker starts.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: AtomicU64,
    /// [`VERSION`].
    pub version: AtomicU32,
    /// Process that made the arena; every worker's parent.
    pub owner: AtomicU32,
    /// Number of slots.
    pub workers: AtomicU32,
    /// [`Geometry::wake_capacity`].
    pub wake_capacity: AtomicU32,
    /// [`Geometry::slices`].
    pub slices: AtomicU32,
    /// [`Geometry::slice_wake_capacity`].
    pub slice_wake_capacity: AtomicU32,
    /// Bytes of the spec.
    pub spec_len: AtomicU64,
    /// What changes while the crew runs.
    pub controls: Controls,
}

/// What all workers look at; on a cache line that changes rarely.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Controls {
    /// Futex: see [`gate`].
    pub gate: AtomicU32,
    /// Current epoch.
    pub epoch: AtomicU32,
    /// Futex: workers that are ready. Each adds itself once.
    pub ready: AtomicU32,
}

/// One worker's part.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Slot {
    /// Changes with every iteration.
    pub live: Live,
    /// Used in the even slot of a pair.
    pub pair: Pair,
    /// Changes at checkpoints.
    pub facts: Facts,
    /// Changes at checkpoints.
    pub totals: Counters,
    /// Written at most once.
    pub breakdown: Breakdown,
}

/// The line that is read while the worker runs.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Live {
    /// Iterations. Stored by the worker, never added to atomically.
    pub iterations: AtomicU64,
    /// Futex, and the only field that the runtime writes: not 0 is a request
    /// to stop. Sleeping work types wait on it, so no request is missed.
    pub stop: AtomicU32,
    /// See [`state`].
    pub state: AtomicU32,
}

/// Shared by two partners.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Pair {
    /// Futex: see [`turn`].
    pub turn: AtomicU32,
}

/// What is known of the worker besides its counters.
#[repr(C)]
#[derive(Debug)]
pub struct Facts {
    /// Thread id.
    pub tid: AtomicU32,
    /// Not 0: the three `sched_` fields hold.
    pub has_schedstat: AtomicU32,
    /// By [`SetupStep`](crate::SetupStep): 0, or the errno of its failure.
    pub errnos: [AtomicU32; 8],
    /// Time on a CPU.
    pub sched_cpu_ns: AtomicU64,
    /// Time runnable but waiting.
    pub sched_delay_ns: AtomicU64,
    /// Times put on a CPU.
    pub sched_count: AtomicU64,
    /// Slices closed since the start; the next is at this modulo the ring.
    pub slices_closed: AtomicU64,
    /// Bit set of CPUs used.
    pub cpus: [AtomicU64; MAX_CPUS / 64],
}

/// Why a loop that a component exports came to an end of its own.
#[repr(C)]
#[derive(Debug)]
pub struct Breakdown {
    /// 0: it did not; else one more than the place of the
    /// [`BreakdownKind`](crate::BreakdownKind). Stored after the text.
    pub kind: AtomicU32,
    /// Bytes of the text.
    pub len: AtomicU32,
    /// What is to be said of it.
    pub text: [AtomicU8; MAX_TEXT],
}

/// Counters of the run or of one epoch.
#[repr(C)]
#[derive(Debug)]
pub struct Counters {
    /// Work units.
    pub work_units: AtomicU64,
    /// Iterations.
    pub iterations: AtomicU64,
    /// CPU time in nanoseconds.
    pub cpu_ns: AtomicU64,
    /// Wall time in nanoseconds.
    pub wall_ns: AtomicU64,
    /// Migrations seen.
    pub migrations: AtomicU64,
    /// Greatest shortfall of CPU time.
    pub gap_ns: AtomicU64,
    /// When that was seen, after the gate.
    pub gap_at_ns: AtomicU64,
    /// CPU on which it was seen.
    pub gap_cpu: AtomicU64,
    /// Longest wall time between checkpoints.
    pub gap_wall_ns: AtomicU64,
    /// Wake samples, more than are kept.
    pub wakes: AtomicU64,
    /// Sum of them.
    pub wake_sum_ns: AtomicU64,
    /// Bits of an `f64`: sum of their squares.
    pub wake_squares: AtomicU64,
}

/// One epoch of one worker; its wake reservoir follows.
#[repr(C)]
#[derive(Debug)]
pub struct Slice {
    /// The epoch; 0 and `u32::MAX` are not filed.
    pub epoch: AtomicU32,
    /// Not 0: it ended.
    pub closed: AtomicU32,
    /// What was done in it.
    pub counters: Counters,
}

/// The sizes from which every offset follows. Both sides compute them; the
/// runtime keeps its own copy and never takes them back from shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Slots.
    pub workers: usize,
    /// Wake samples kept of the run, per worker.
    pub wake_capacity: usize,
    /// Slices in the ring, the open one included.
    pub slices: usize,
    /// Wake samples kept of an epoch, per worker.
    pub slice_wake_capacity: usize,
    /// Bytes of the spec.
    pub spec_len: usize,
}

const PAGE: usize = 4096;
const WORD: usize = size_of::<u64>();

impl Geometry {
    /// Refuses sizes with which offsets could overflow.
    ///
    /// # Errors
    /// `InvalidInput`, naming the size and its range.
    pub fn checked(self) -> io::Result<Self> {
        let ranges = [
            ("workers", self.workers, 1, MAX_WORKERS),
            ("wake capacity", self.wake_capacity, 1, 100_000),
            ("slices", self.slices, 2, 1024),
            (
                "wake capacity of a slice",
                self.slice_wake_capacity,
                1,
                8192,
            ),
            ("bytes of the spec", self.spec_len, 0, 1 << 24),
        ];
        for (what, value, min, max) in ranges {
            if !(min..=max).contains(&value) {
                let message = format!("{what} of an arena: {value}: must be {min} to {max}");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
        }
        Ok(self)
    }

    fn slice_len(&self) -> usize {
        size_of::<Slice>() + self.slice_wake_capacity * WORD
    }

    /// Bytes from one slot to the next: whole pages, so that each worker's
    /// memory is first touched by itself, on its own node.
    #[must_use]
    pub fn stride(&self) -> usize {
        (size_of::<Slot>() + self.wake_capacity * WORD + self.slices * self.slice_len())
            .next_multiple_of(PAGE)
    }

    /// Offset of a slot.
    #[must_use]
    pub fn slot(&self, worker: usize) -> usize {
        PAGE + worker * self.stride()
    }

    /// Offset of a slot's wake reservoir.
    #[must_use]
    pub fn wake(&self, worker: usize) -> usize {
        self.slot(worker) + size_of::<Slot>()
    }

    /// Offset of a slice; its reservoir is behind it.
    #[must_use]
    pub fn slice(&self, worker: usize, slice: usize) -> usize {
        self.wake(worker) + self.wake_capacity * WORD + slice * self.slice_len()
    }

    /// Offset of the spec.
    #[must_use]
    pub fn spec(&self) -> usize {
        self.slot(self.workers)
    }

    /// Length of the whole.
    #[must_use]
    pub fn total(&self) -> usize {
        (self.spec() + self.spec_len).next_multiple_of(PAGE)
    }
}

#[cfg(test)]
mod tests {
    use std::mem::{align_of, offset_of};

    use super::{Breakdown, Counters, Facts, Geometry, Header, Live, Pair, Slice, Slot, size_of};

    #[test]
    fn sizes_and_offsets_are_those_of_version_2() {
        assert_eq!(
            (size_of::<Header>(), offset_of!(Header, controls)),
            (128, 64)
        );
        assert_eq!(
            (size_of::<Live>(), size_of::<Pair>(), align_of::<Slot>()),
            (64, 64, 64)
        );
        assert_eq!((size_of::<Facts>(), offset_of!(Facts, cpus)), (200, 72));
        assert_eq!((size_of::<Counters>(), size_of::<Slice>()), (96, 104));
        assert_eq!(
            (
                size_of::<Slot>(),
                offset_of!(Slot, facts),
                offset_of!(Slot, totals)
            ),
            (960, 128, 328)
        );
        assert_eq!(
            (
                offset_of!(Slot, breakdown),
                offset_of!(Breakdown, text),
                size_of::<Breakdown>()
            ),
            (424, 8, 512)
        );
        assert_eq!((offset_of!(Live, stop), offset_of!(Live, state)), (8, 12));
        assert_eq!(
            (offset_of!(Header, spec_len), offset_of!(Header, workers)),
            (32, 16)
        );
    }

    #[test]
    fn parts_of_an_arena_follow_each_other_without_overlap() {
        let geometry = Geometry {
            workers: 2,
            wake_capacity: 4096,
            slices: 64,
            slice_wake_capacity: 256,
            spec_len: 100,
        };
        assert_eq!((geometry.slot(0), geometry.wake(0)), (4096, 4096 + 960));
        assert_eq!(geometry.slice(0, 0), 4096 + 960 + 4096 * 8);
        assert_eq!(geometry.slice(0, 1) - geometry.slice(0, 0), 104 + 256 * 8);
        assert!(geometry.slice(0, 63) + 104 + 256 * 8 <= geometry.slot(1));
        assert_eq!(geometry.stride(), 172_032);
        assert_eq!(geometry.total(), geometry.spec() + 4096);
    }

    #[test]
    fn sizes_that_could_overflow_are_refused_by_name() {
        let geometry = Geometry {
            workers: 1,
            wake_capacity: 1,
            slices: 2,
            slice_wake_capacity: 1,
            spec_len: 0,
        };
        assert!(geometry.checked().is_ok());
        let slices = Geometry {
            slices: usize::MAX,
            ..geometry
        }
        .checked()
        .expect_err("it is refused");
        assert!(
            slices.to_string().starts_with("slices of an arena: "),
            "{slices}"
        );
        assert!(
            Geometry {
                workers: 0,
                ..geometry
            }
            .checked()
            .is_err()
        );
        assert!(
            Geometry {
                spec_len: 1 << 25,
                ..geometry
            }
            .checked()
            .is_err()
        );
    }
}
