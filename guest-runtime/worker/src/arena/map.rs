//! A memfd mapped shared, seen only through atomics. The place where bytes of
//! shared memory become references; nothing here knows what they mean.

use std::ffi::c_void;
use std::io;
use std::mem::{align_of, size_of};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU64};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::layout::{Header, Slice, Slot};

/// Types that consist of atomics only.
///
/// # Safety
/// Every bit pattern is valid, there is interior mutability in every byte
/// that is ever read, and nothing needs dropping.
pub(super) unsafe trait Shared {}

// SAFETY: atomics, arrays of atomics and structs of both, all integers.
unsafe impl Shared for Header {}
// SAFETY: as above.
unsafe impl Shared for Slot {}
// SAFETY: as above.
unsafe impl Shared for Slice {}
// SAFETY: as above.
unsafe impl Shared for AtomicU64 {}
// SAFETY: as above.
unsafe impl Shared for AtomicU8 {}

/// An owned shared mapping.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    len: NonZeroUsize,
}

// SAFETY: the memory is reached only through references to atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `len` bytes of a file that is sealed against shrinking.
    pub(super) fn new(file: impl AsFd, len: usize) -> io::Result<Self> {
        let len = NonZeroUsize::new(len).ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice replaces nothing.
        let start = unsafe { mmap(None, len, access, MapFlags::MAP_SHARED, file, 0) }?;
        Ok(Self {
            start: start.cast(),
            len,
        })
    }

    /// `count` values at `offset`, if they lie within and are aligned.
    pub(super) fn many<T: Shared>(&self, offset: usize, count: usize) -> Option<&[T]> {
        let end = count.checked_mul(size_of::<T>())?.checked_add(offset)?;
        if end > self.len.get() || !offset.is_multiple_of(align_of::<T>()) {
            return None;
        }
        // SAFETY: offset is within the mapping.
        let first = unsafe { self.start.add(offset) }.cast::<T>();
        // SAFETY: the range is within the mapping, which lives as long as
        // `self`; it is aligned, since mappings start at a page; `T` is
        // `Shared`, so writes by the other process are writes to atomics.
        Some(unsafe { std::slice::from_raw_parts(first.as_ptr(), count) })
    }

    /// One value at `offset`.
    pub(super) fn one<T: Shared>(&self, offset: usize) -> Option<&T> {
        self.many(offset, 1)?.first()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the one that `new` mapped, and every reference
        // into it borrowed `self`. A failure would leave it mapped: harmless.
        let _ = unsafe { munmap(self.start.cast::<c_void>(), self.len.get()) };
    }
}
