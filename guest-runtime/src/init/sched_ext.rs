//! Where a guest's kernel is asked for schedulers and speaks of them.
//!
//! Opens, and nothing else: the world listens once there is a scheduler.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use super::InitError;
use crate::world::kernel::SchedExtParts;

const SYSFS: &str = "/sys/kernel/sched_ext";
const LOG: &str = "/dev/kmsg";
const TRACING: &str = "/sys/kernel/tracing";
const SYSRQ: &str = "/proc/sysrq-trigger";

/// What a kernel world needs for schedulers; `None`: this kernel has no
/// sched_ext.
///
/// # Errors
/// [`InitError::Other`]: it has, and what belongs to it cannot be opened.
pub fn sched_ext() -> Result<Option<SchedExtParts>, InitError> {
    let sysfs = match Dir::open_ambient_dir(SYSFS, ambient_authority()) {
        Ok(sysfs) => sysfs,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(InitError::other(format!("open {SYSFS}"))(error)),
    };
    let log = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(LOG)
        .map_err(InitError::other(format!("open {LOG}")))?;
    // A kernel without it has no such way out, and seldom needs it.
    let emergency = File::options().write(true).open(SYSRQ).ok();
    Ok(Some(SchedExtParts {
        sysfs,
        log,
        emergency,
        instances,
    }))
}

/// Where traces are made, mounted only for who needs it. A kernel need not
/// have any.
fn instances() -> Option<Dir> {
    match mount(
        Some("tracefs"),
        TRACING,
        Some("tracefs"),
        MsFlags::MS_NODEV | MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
        None::<&str>,
    ) {
        Ok(()) | Err(Errno::EBUSY) => {}
        Err(_) => return None,
    }
    Dir::open_ambient_dir(format!("{TRACING}/instances"), ambient_authority()).ok()
}
