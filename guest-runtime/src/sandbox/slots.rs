//! The short way between the two processes: memory that both have mapped, with
//! room for one message each way.
//!
//! A round trip over the socket alone is two wake-ups, each of which takes
//! longer than most calls. So who waits for a message first looks here for a
//! moment, and only then sleeps on the socket; who puts one here rings there
//! only if the other one sleeps. The look is bounded: it polls nothing that may
//! be long in coming, and where there is one CPU for both it is left out.
//!
//! The memory is the other process's to write to at any time: a length is read
//! once and bounded, and a message is copied out before anybody looks at it.
#![expect(unsafe_code, reason = "shared memory becomes references to atomics")]

use std::ffi::c_void;
use std::hint::spin_loop;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::stat::fstat;
use nix::unistd::{Pid, ftruncate};

/// Longest message that has room, in bytes. Longer ones take the socket.
pub(super) const ROOM: usize = 4_032;
/// The same in words.
const WORDS: usize = ROOM / 8;
/// How long a message is looked for before sleeping: a few times what a
/// mediated write takes, and far less than a time slice.
const LOOK: Duration = Duration::from_micros(20);
/// Looks between two readings of the clock.
const LOOKS: u32 = 32;

/// One way. All of it is atomics, so that any bytes in there are valid.
#[repr(C, align(64))]
#[derive(Debug)]
struct Lane {
    /// Messages that were put here, modulo 2^32.
    put: AtomicU32,
    /// Who takes them sleeps on the socket.
    asleep: AtomicU32,
    length: AtomicU32,
    _unused: [AtomicU32; 13],
    words: [AtomicU64; WORDS],
}

/// The memory: calls one way, answers the other.
#[repr(C)]
#[derive(Debug)]
struct Lanes {
    to_runtime: Lane,
    to_component: Lane,
}

/// Which of the two processes this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Runtime,
    Component,
}

/// One side's view of the memory.
#[derive(Debug)]
pub(super) struct Slots {
    lanes: NonNull<Lanes>,
    side: Side,
    sent: u32,
    taken: u32,
    /// How long to look before sleeping.
    look: Duration,
}

// SAFETY: the memory is reached only through references to atomics.
unsafe impl Send for Slots {}

/// A message was said to be longer than there is room.
#[derive(Debug)]
pub(super) struct TooLong(pub(super) usize);

/// Memory for the short way, to be handed to both processes. Neither can change its
/// size.
///
/// # Errors
/// What the kernel refuses.
pub fn memory() -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let memory = memfd_create("proscenium-slots", flags)?;
    let size = libc::off_t::try_from(size_of::<Lanes>()).map_err(io::Error::other)?;
    ftruncate(&memory, size)?;
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(memory)
}

impl Slots {
    /// This process's side of `memory`, which [`memory`] made.
    ///
    /// # Errors
    /// What the kernel refuses; `InvalidData` for memory of another size, or
    /// that could shrink.
    pub(super) fn new(memory: impl AsFd, side: Side) -> io::Result<Self> {
        let memory = memory.as_fd();
        let seals = SealFlag::from_bits_retain(fcntl(memory, FcntlArg::F_GET_SEALS)?);
        let size = fstat(memory)?.st_size;
        let wanted = size_of::<Lanes>();
        if usize::try_from(size) != Ok(wanted) || !seals.contains(SealFlag::F_SEAL_SHRINK) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let length = NonZeroUsize::new(wanted).ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice replaces nothing.
        let lanes = unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, memory, 0) }?;
        let cpus = sched_getaffinity(Pid::from_raw(0)).map_or(1, |set| {
            (0..CpuSet::count())
                .filter(|cpu| set.is_set(*cpu).unwrap_or(false))
                .count()
        });
        Ok(Self {
            lanes: lanes.cast(),
            side,
            sent: 0,
            taken: 0,
            look: if cpus > 1 { LOOK } else { Duration::ZERO },
        })
    }

    fn lanes(&self) -> &Lanes {
        // SAFETY: the mapping has this size, begins at a page, and lives as long
        // as `self`; the file cannot shrink. There are only atomics in it, so
        // that what the other process writes are writes to atomics.
        unsafe { self.lanes.as_ref() }
    }

    fn outgoing(&self) -> &Lane {
        match self.side {
            Side::Runtime => &self.lanes().to_component,
            Side::Component => &self.lanes().to_runtime,
        }
    }

    fn incoming(&self) -> &Lane {
        match self.side {
            Side::Runtime => &self.lanes().to_runtime,
            Side::Component => &self.lanes().to_component,
        }
    }

    /// Puts a message there, at most [`ROOM`] bytes. True: the other one sleeps,
    /// and has to be woken.
    pub(super) fn put(&mut self, message: &[u8]) -> bool {
        self.sent = self.sent.wrapping_add(1);
        let lane = self.outgoing();
        for (word, bytes) in lane.words.iter().zip(message.chunks(8)) {
            let mut whole = [0; 8];
            for (to, from) in whole.iter_mut().zip(bytes) {
                *to = *from;
            }
            word.store(u64::from_le_bytes(whole), Relaxed);
        }
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        lane.length.store(length, Relaxed);
        lane.put.store(self.sent, Release);
        // With the one in `await_ring`: either the message is seen there, or the
        // sleep is seen here.
        fence(SeqCst);
        lane.asleep.load(Relaxed) != 0
    }

    /// Takes a message if there is one now, into `message`.
    ///
    /// # Errors
    /// It is longer than can be.
    pub(super) fn take(&mut self, message: &mut Vec<u8>) -> Result<bool, TooLong> {
        if !self.is_there() {
            return Ok(false);
        }
        self.taken = self.taken.wrapping_add(1);
        let lane = self.incoming();
        let length = lane.length.load(Relaxed) as usize;
        if length > ROOM {
            return Err(TooLong(length));
        }
        message.clear();
        let words = lane.words.iter().take(length.div_ceil(8));
        message.extend(words.flat_map(|word| word.load(Relaxed).to_le_bytes()));
        message.truncate(length);
        Ok(true)
    }

    /// Puts a message of this length there, whatever it is.
    #[cfg(test)]
    pub(super) fn forge(&self, length: u32) {
        let lane = self.outgoing();
        lane.length.store(length, Relaxed);
        lane.put.store(self.sent.wrapping_add(1), Release);
    }

    fn is_there(&self) -> bool {
        self.incoming().put.load(Acquire) != self.taken
    }

    /// Looks for a message for a moment. True: there is one.
    pub(super) fn look(&self) -> bool {
        if self.look.is_zero() {
            return self.is_there();
        }
        let until = Instant::now() + self.look;
        loop {
            for _ in 0..LOOKS {
                if self.is_there() {
                    return true;
                }
                spin_loop();
            }
            if Instant::now() >= until {
                return false;
            }
        }
    }

    /// Says that this side is about to wait on the socket, or waits no more.
    pub(super) fn await_ring(&self, waits: bool) {
        self.incoming().asleep.store(waits.into(), Relaxed);
        fence(SeqCst);
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        // SAFETY: the range is the one that `new` mapped, and every reference
        // into it borrowed `self`. A failure would leave it mapped: harmless.
        let _ = unsafe { munmap(self.lanes.cast::<c_void>(), size_of::<Lanes>()) };
    }
}
