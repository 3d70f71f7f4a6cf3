//! The file systems of a guest, as a table.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use super::InitError;

/// One file system.
struct Mount {
    kind: &'static str,
    target: &'static str,
    flags: MsFlags,
    data: Option<&'static str>,
}

/// Neither devices, nor set-uid, nor programs.
const PLAIN: MsFlags = MsFlags::MS_NODEV
    .union(MsFlags::MS_NOSUID)
    .union(MsFlags::MS_NOEXEC);
/// The same, but with devices.
const DEVICES: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NOEXEC);

/// In the order in which they are mounted. Sizes bound what a work type that
/// writes files can take from the guest's memory.
const TABLE: &[Mount] = &[
    Mount {
        kind: "proc",
        target: "/proc",
        flags: PLAIN,
        data: None,
    },
    Mount {
        kind: "sysfs",
        target: "/sys",
        flags: PLAIN,
        data: None,
    },
    Mount {
        kind: "devtmpfs",
        target: "/dev",
        flags: DEVICES,
        data: Some("mode=0755"),
    },
    Mount {
        kind: "tmpfs",
        target: "/dev/shm",
        flags: PLAIN,
        data: Some("mode=1777,size=25%"),
    },
    Mount {
        kind: "tmpfs",
        target: "/run",
        flags: PLAIN,
        data: Some("mode=0755,size=25%"),
    },
    Mount {
        kind: "tmpfs",
        target: "/tmp",
        flags: PLAIN,
        data: Some("mode=1777,size=50%"),
    },
    Mount {
        kind: "cgroup2",
        target: "/sys/fs/cgroup",
        flags: PLAIN,
        data: None,
    },
];

/// Mounts everything. What the kernel has mounted by itself is left as it is.
///
/// # Errors
/// [`InitError::Mount`].
pub fn mount_all() -> Result<(), InitError> {
    for one in TABLE {
        let failed = |error| InitError::Mount {
            kind: one.kind,
            target: one.target,
            error,
        };
        match fs::create_dir(one.target) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            _ => {}
        }
        match mount(
            Some(one.kind),
            one.target,
            Some(one.kind),
            one.flags,
            one.data,
        ) {
            Ok(()) | Err(Errno::EBUSY) => {}
            Err(errno) => return Err(failed(errno.into())),
        }
    }
    Ok(())
}
