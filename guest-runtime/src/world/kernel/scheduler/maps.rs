//! BPF maps, found by name and held: `bpf(2)`, three commands of it.
//!
//! A held map outlives the scheduler that made it. Never reads or writes what
//! is in one.
#![expect(unsafe_code, reason = "bpf(2) has no safe wrapper")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

use crate::name::clean_line;
use crate::world::{PinError, WorldError};

/// Longest name of a map, with the NUL that ends it.
const NAME: usize = 16;
/// Most maps that are looked at.
const MOST: usize = 4_096;
/// Most names in an error.
const LISTED: usize = 64;
/// Commands, from the kernel's `bpf.h`.
const MAP_GET_NEXT_ID: libc::c_int = 12;
const MAP_GET_FD_BY_ID: libc::c_int = 14;
const OBJ_GET_INFO_BY_FD: libc::c_int = 15;
/// The type of a map that is a scheduler, and no data of one.
const STRUCT_OPS: u32 = 26;

/// The maps that are held, by name.
#[derive(Debug, Default)]
pub(super) struct Pins {
    held: BTreeMap<String, OwnedFd>,
}

/// What is asked of `BPF_MAP_GET_NEXT_ID` and `BPF_MAP_GET_FD_BY_ID`.
#[repr(C)]
struct ById {
    id: u32,
    next: u32,
    flags: u32,
}

/// What is asked of `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct InfoRequest {
    fd: u32,
    length: u32,
    info: u64,
}

/// The beginning of the kernel's `bpf_map_info`; it fills in as much as asked.
#[repr(C)]
#[derive(Default)]
struct Info {
    kind: u32,
    id: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    name: [u8; NAME],
}

impl Pins {
    /// See [`crate::world::World::pin_map`].
    pub(super) fn pin(&mut self, name: &str) -> Result<(), PinError> {
        if self.held.contains_key(name) {
            return Ok(());
        }
        let failed = |errno| {
            let what = format!("look for BPF map {name:?}");
            PinError::World(WorldError::Kernel { what, errno })
        };
        let mut names = BTreeSet::new();
        let mut id = 0;
        for _ in 0..MOST {
            id = match next_id(id) {
                Ok(id) => id,
                Err(Errno::ENOENT) => break,
                Err(errno) => return Err(failed(errno)),
            };
            // One that went meanwhile is not there.
            let Ok(map) = open(id) else { continue };
            let Ok(info) = info(&map) else { continue };
            // Holding this one could keep the scheduler itself in the kernel.
            if info.kind == STRUCT_OPS {
                continue;
            }
            let found = info.name();
            if found == name.as_bytes() {
                self.held.insert(name.to_owned(), map);
                return Ok(());
            }
            if names.len() < LISTED && !found.is_empty() {
                names.insert(clean_line(&String::from_utf8_lossy(found), NAME * 3));
            }
        }
        Err(PinError::NotFound(names.into_iter().collect()))
    }
}

impl Info {
    /// Its name, up to the NUL.
    fn name(&self) -> &[u8] {
        self.name
            .split(|byte| *byte == 0)
            .next()
            .unwrap_or_default()
    }
}

/// The lowest id above `id`; `ENOENT` after the last.
fn next_id(id: u32) -> nix::Result<u32> {
    let mut request = ById {
        id,
        next: 0,
        flags: 0,
    };
    bpf(MAP_GET_NEXT_ID, &mut request)?;
    Ok(request.next)
}

/// A descriptor of the map with this id.
fn open(id: u32) -> nix::Result<OwnedFd> {
    let mut request = ById {
        id,
        next: 0,
        flags: 0,
    };
    let fd: RawFd = bpf(MAP_GET_FD_BY_ID, &mut request)?;
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// What the kernel says of a map.
fn info(map: &OwnedFd) -> nix::Result<Info> {
    let mut info = Info::default();
    let mut request = InfoRequest {
        fd: u32::try_from(map.as_raw_fd()).map_err(|_| Errno::EBADF)?,
        length: u32::try_from(size_of::<Info>()).map_err(|_| Errno::EINVAL)?,
        info: (&raw mut info) as u64,
    };
    bpf(OBJ_GET_INFO_BY_FD, &mut request)?;
    Ok(info)
}

/// `bpf(2)`. `request` is what the command takes.
fn bpf<T>(command: libc::c_int, request: &mut T) -> nix::Result<libc::c_int> {
    // SAFETY: `request` is valid for reading and writing, of the size given, and
    // what it points to is a local of the caller's that outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(request),
            size_of::<T>(),
        )
    };
    let result = Errno::result(result)?;
    libc::c_int::try_from(result).map_err(|_| Errno::EOVERFLOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_with_its_nul_or_with_the_room_for_it() {
        let named = |name: &[u8; NAME]| Info {
            name: *name,
            ..Info::default()
        };
        assert_eq!(named(b"stats\0xyz\0\0\0\0\0\0\0").name(), b"stats");
        assert_eq!(named(&[0; NAME]).name(), b"");
        assert_eq!(named(&[b'x'; NAME]).name(), [b'x'; NAME]);
    }

    #[test]
    fn the_requests_are_laid_out_as_the_kernel_has_them() {
        assert_eq!(size_of::<ById>(), 12);
        assert_eq!(size_of::<InfoRequest>(), 16);
        assert_eq!(size_of::<Info>(), 40);
    }
}
