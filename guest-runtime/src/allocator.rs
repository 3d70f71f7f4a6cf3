//! PID 1's allocator: dlmalloc, with one spare block at hand.
//!
//! A host call with a handle takes one small block and gives it back: the list
//! of what is lent for the call. With dlmalloc and its lock that is a sixth of
//! the call's instructions, with a block at hand next to nothing. Owns that one
//! block; everything else is dlmalloc's.
#![expect(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::{self, null_mut};
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use dlmalloc::GlobalDlmalloc;

/// Size and alignment of every block that can be the spare one, in bytes.
const SIZE: usize = 64;
const ALIGN: usize = 16;
/// What is smaller would be made twice as large.
const SMALLEST: usize = SIZE / 2 + 1;

/// See the module.
#[derive(Debug)]
pub struct Allocator {
    /// A free block of [`SIZE`] bytes, or null.
    spare: AtomicPtr<u8>,
}

impl Allocator {
    /// With nothing at hand.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            spare: AtomicPtr::new(null_mut()),
        }
    }

    /// What dlmalloc is asked for: blocks that can be the spare one are alike.
    fn rounded(layout: Layout) -> Layout {
        if Self::can_be_spare(layout) {
            Layout::from_size_align(SIZE, ALIGN).unwrap_or(layout)
        } else {
            layout
        }
    }

    fn can_be_spare(layout: Layout) -> bool {
        (SMALLEST..=SIZE).contains(&layout.size()) && layout.align() <= ALIGN
    }
}

impl Default for Allocator {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: every block is dlmalloc's, asked for and given back with the same
// layout, `rounded`; the spare one is in nobody's hands but this one's, since
// whoever swaps it out is its only owner.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::can_be_spare(layout) {
            let spare = self.spare.swap(null_mut(), Acquire);
            if !spare.is_null() {
                return spare;
            }
        }
        // SAFETY: not of size 0, as the caller's.
        unsafe { GlobalDlmalloc.alloc(Self::rounded(layout)) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if Self::can_be_spare(layout)
            && self
                .spare
                .compare_exchange(null_mut(), block, Release, Relaxed)
                .is_ok()
        {
            return;
        }
        // SAFETY: the caller gives back what `alloc` gave for this layout.
        unsafe { GlobalDlmalloc.dealloc(block, Self::rounded(layout)) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`. Fresh memory is zero already, the spare block is not.
        unsafe { GlobalDlmalloc.alloc_zeroed(Self::rounded(layout)) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return null_mut();
        };
        let (old, new) = (Self::rounded(layout), Self::rounded(wanted));
        if old.align() == new.align() {
            // SAFETY: dlmalloc gave the block for `old`, of the same alignment.
            return unsafe { GlobalDlmalloc.realloc(block, old, new.size()) };
        }
        // SAFETY: a block of its own, large enough for what is copied; then the
        // old one is given back as it was taken.
        unsafe {
            let moved = self.alloc(wanted);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    #[test]
    fn a_block_that_was_given_back_is_the_next_one_of_its_kind() {
        let allocator = Allocator::new();
        // SAFETY: sizes above 0; each block is given back once, with its layout.
        unsafe {
            let first = allocator.alloc(layout(48));
            allocator.dealloc(first, layout(48));
            let second = allocator.alloc(layout(64));
            assert_eq!(first, second);
            let third = allocator.alloc(layout(64));
            assert_ne!(second, third);
            allocator.dealloc(second, layout(64));
            allocator.dealloc(third, layout(64));
        }
    }

    #[test]
    fn blocks_keep_what_is_in_them_when_they_grow_and_shrink() {
        let allocator = Allocator::new();
        // SAFETY: as above; only what was allocated is read and written.
        unsafe {
            let mut block = allocator.alloc(layout(8));
            let mut size = 8;
            block.write(7);
            for next in [40, 64, 65, 4_096, 33, 32, 8] {
                block = allocator.realloc(block, layout(size), next);
                size = next;
                assert_eq!(block.read(), 7, "{next} bytes");
                block.add(size - 1).write(9);
                block.write(7);
            }
            allocator.dealloc(block, layout(size));
        }
    }

    #[test]
    fn zeroed_blocks_are_zero_even_where_one_is_at_hand() {
        let allocator = Allocator::new();
        // SAFETY: as above.
        unsafe {
            let dirty = allocator.alloc(layout(48));
            dirty.write_bytes(0xff, 48);
            allocator.dealloc(dirty, layout(48));
            let zeroed = allocator.alloc_zeroed(layout(48));
            assert!((0..48).all(|at| zeroed.add(at).read() == 0));
            allocator.dealloc(zeroed, layout(48));
        }
    }
}
