//! Memory of whole pages, and where the kernel has them.

use std::ffi::c_void;
use std::io;
use std::num::NonZeroUsize;
use std::os::raw::c_int;
use std::ptr::{self, NonNull};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
use proscenium_worker::work::Nodes;

/// Size of a page.
pub(crate) const PAGE: usize = 4096;

/// An owned anonymous mapping of small pages.
pub(crate) struct Pages {
    start: NonNull<c_void>,
    len: NonZeroUsize,
}

impl Pages {
    pub(crate) fn map(len: usize) -> io::Result<Self> {
        let len = NonZeroUsize::new(len).ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice replaces nothing.
        let start = unsafe { mmap_anonymous(None, len, access, MapFlags::MAP_PRIVATE) }?;
        let mapping = Self { start, len };
        // A huge page would be one fault instead of 512. Kernels that have none
        // refuse, which is as good.
        // SAFETY: the range is the mapping just made.
        let _ = unsafe { madvise(start, len.get(), MmapAdvise::MADV_NOHUGEPAGE) };
        Ok(mapping)
    }

    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: readable and writable memory of that length, zeroed, which
        // nothing else refers to while `self` is borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast().as_ptr(), self.len.get()) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the range is the one that `map` made, and every reference
        // into it borrowed `self`. A failure would leave it mapped: harmless.
        let _ = unsafe { munmap(self.start, self.len.get()) };
    }
}

/// The addresses of pages, and what the kernel last said of each.
pub(crate) struct PageList {
    addresses: Vec<*mut c_void>,
    targets: Vec<c_int>,
    status: Vec<c_int>,
}

impl PageList {
    pub(crate) fn of(pages: &mut Pages) -> Self {
        let addresses: Vec<*mut c_void> = pages
            .bytes()
            .chunks_mut(PAGE)
            .map(|page| page.as_mut_ptr().cast())
            .collect();
        let count = addresses.len();
        Self {
            addresses,
            targets: vec![0; count],
            status: vec![-1; count],
        }
    }

    /// The node of each page; negative where the kernel has none.
    pub(crate) fn nodes(&mut self) -> io::Result<&[c_int]> {
        self.call(false)?;
        Ok(&self.status)
    }

    /// Moves all to `node`. A page that cannot be moved stays.
    pub(crate) fn move_to(&mut self, node: u32) -> io::Result<()> {
        self.targets
            .fill(c_int::try_from(node).map_err(|_| Errno::EINVAL)?);
        self.call(true)
    }

    fn call(&mut self, moving: bool) -> io::Result<()> {
        const MPOL_MF_MOVE: c_int = 1 << 1;
        let targets = if moving {
            self.targets.as_ptr()
        } else {
            ptr::null()
        };
        // SAFETY: three arrays of the same length, or no targets. The kernel
        // checks addresses, and moving a page does not change its contents.
        let done = unsafe {
            libc::syscall(
                libc::SYS_move_pages,
                0,
                self.addresses.len(),
                self.addresses.as_ptr(),
                targets,
                self.status.as_mut_ptr(),
                MPOL_MF_MOVE,
            )
        };
        Errno::result(done)?;
        Ok(())
    }
}

/// Nodes on which this process may allocate, below [`Nodes::MAX`].
pub(crate) fn allowed_nodes() -> io::Result<Vec<u32>> {
    const MPOL_F_MEMS_ALLOWED: c_int = 1 << 2;
    // As many as the kernel can know; it refuses a smaller mask.
    let mut mask = [0_u64; 16];
    // SAFETY: the mask lives through the call and has the number of bits given.
    let done = unsafe {
        libc::syscall(
            libc::SYS_get_mempolicy,
            ptr::null_mut::<c_int>(),
            mask.as_mut_ptr(),
            size_of_val(&mask) * 8,
            ptr::null::<c_void>(),
            MPOL_F_MEMS_ALLOWED,
        )
    };
    Errno::result(done)?;
    let first = mask.first().copied().unwrap_or(0);
    Ok((0..Nodes::MAX)
        .filter(|node| first >> node & 1 == 1)
        .collect())
}

/// Has the kernel move all memory of this process from `from` to `to`.
pub(crate) fn migrate_self(from: &[u32], to: u32) -> io::Result<()> {
    let old = from.iter().fold(0_u64, |mask, node| mask | 1 << node);
    let new = 1_u64 << to;
    // The kernel takes one bit less than it is told.
    let bits = u64::from(Nodes::MAX) + 1;
    // SAFETY: two masks of 64 bits that live through the call, which reads no
    // more than that.
    let done = unsafe {
        libc::syscall(
            libc::SYS_migrate_pages,
            0,
            bits,
            &raw const old,
            &raw const new,
        )
    };
    Errno::result(done)?;
    Ok(())
}
