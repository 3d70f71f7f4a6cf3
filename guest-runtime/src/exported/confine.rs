//! What a worker gives up before a loop of the component's begins in it: memory
//! beyond its bound, files, capabilities, and all system calls but those that
//! counting and stopping take.
//!
//! It keeps its user and its place, which are the scenario's to choose. The loop
//! makes no system call, so that this costs it nothing.
#![expect(unsafe_code, reason = "capset has no safe wrapper")]

use nix::errno::Errno;
use nix::sys::prctl::set_no_new_privs;
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::BackendError;

use crate::sandbox::OVERHEAD;
use crate::sandbox::calls::{Rule, allow_only, bits_are};

/// The kernel's scheduling statistics, from a file that is open, and the end of
/// the CPU clock.
const CALLS: [i64; 2] = [libc::SYS_pread64, libc::SYS_timer_delete];
/// `_LINUX_CAPABILITY_VERSION_3` of the kernel's `capability.h`.
const CAPABILITIES: u32 = 0x2008_0522;

/// What could not be given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfineError {
    #[error("failed to limit the worker: {0}")]
    Limit(Errno),
    #[error("failed to give up privileges: {0}")]
    Privileges(Errno),
    #[error("failed to give up system calls: {0}")]
    Calls(#[from] seccompiler::Error),
}

/// See the module. For a process of one thread, which opens nothing any more.
///
/// # Errors
/// [`ConfineError`]; no foreign code is to run then.
pub(super) fn confine(memory_bytes: u64) -> Result<(), ConfineError> {
    for (resource, most) in [
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, 0),
        (Resource::RLIMIT_DATA, memory_bytes.saturating_add(OVERHEAD)),
    ] {
        setrlimit(resource, most, most).map_err(ConfineError::Limit)?;
    }
    set_no_new_privs().map_err(ConfineError::Privileges)?;
    give_up_capabilities().map_err(ConfineError::Privileges)?;
    let rules = rules().map_err(seccompiler::Error::from)?;
    Ok(allow_only(&CALLS, rules)?)
}

/// Last words, on standard error and nowhere else.
fn rules() -> Result<Vec<Rule>, BackendError> {
    let errors = || bits_are(0, -1, libc::STDERR_FILENO);
    Ok(vec![
        (libc::SYS_write, errors()?),
        (libc::SYS_writev, errors()?),
    ])
}

fn give_up_capabilities() -> nix::Result<()> {
    /// `struct __user_cap_header_struct`.
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    let header = Header {
        version: CAPABILITIES,
        pid: 0,
    };
    // Effective, permitted, inheritable, each twice 32 bits.
    let none = [0_u32; 6];
    // SAFETY: both live through the call, which only reads them: the header is
    // of the version that it names, and that one has data of this size.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) };
    Errno::result(done).map(drop)
}
