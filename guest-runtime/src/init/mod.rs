//! What a PID 1 owes its machine: mounts, modules, ports, an orderly end.
//!
//! Owns the guest from the kernel's hand-over to the first frame, and again
//! from the last frame to power-off. Knows nothing of scenarios. PID 1 never
//! exits: every path out of here ends in [`power_off`].

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::sysinfo::sysinfo;
use nix::sys::utsname::uname;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};
use proscenium_wire::{CONTROL_PORT, EVENTS_PORT, Hello, JOB_PATH, PLUGIN_PATH, WIRE_VERSION};

use crate::sandbox::Ends;
use crate::time::nanos;
use crate::world::kernel::SchedExtParts;

mod console;
mod loopback;
mod modules;
mod mounts;
mod ports;
mod power;
mod sched_ext;

pub use console::{say, watch_warnings};
pub use modules::load as load_modules;
pub use mounts::mount_all;
pub use power::{arm_panic, power_off};
pub use sched_ext::sched_ext;

/// The program that is running.
pub const OWN_PROGRAM: &str = "/proc/self/exe";
/// Where the kernel describes processes and interrupts.
pub const PROC_PATH: &str = "/proc";
/// Where the kernel describes the machine.
pub const SYSTEM_PATH: &str = "/sys/devices/system";
/// Where the worker program is in the image.
pub const WORKER_PATH: &str = "/worker";
/// Directory of the kernel modules to load, in the order of their names.
pub const MODULES_DIR: &str = "/modules";
/// Most open files of a process in the guest: the kernel's own default bound.
const OPEN_FILES: u64 = 1 << 20;

/// What the guest could not be made ready for.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// A file system.
    #[error("failed to mount {kind} on {target}: {error}: the kernel must have it built in{}", option(.kind))]
    Mount {
        /// Its type.
        kind: &'static str,
        /// Where.
        target: &'static str,
        /// The kernel's answer.
        error: io::Error,
    },
    /// A module.
    #[error(
        "failed to load module {name}: {error}: is it of this kernel's version, and are the modules it needs loaded before it?"
    )]
    Module {
        /// File name.
        name: String,
        /// The kernel's answer.
        error: io::Error,
    },
    /// No port of that name.
    #[error(
        "no virtio port is named {name} after {seconds} s: the kernel needs CONFIG_VIRTIO_CONSOLE and CONFIG_VIRTIO_PCI, built in or as modules in {MODULES_DIR}"
    )]
    NoPort {
        /// What was looked for.
        name: &'static str,
        /// How long.
        seconds: u64,
    },
    /// Anything else.
    #[error("failed to {what}: {error}")]
    Other {
        /// Verb and object.
        what: String,
        /// The kernel's answer.
        error: io::Error,
    },
}

impl InitError {
    pub(crate) fn other<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |error| Self::Other {
            what: what.into(),
            error: error.into(),
        }
    }
}

/// The kernel option behind a file system.
fn option(kind: &str) -> &'static str {
    match kind {
        "cgroup2" => " (CONFIG_CGROUPS)",
        "devtmpfs" => " (CONFIG_DEVTMPFS)",
        "tmpfs" => " (CONFIG_TMPFS)",
        _ => "",
    }
}

/// A runtime that is ready to talk: PID 1 of a guest, or a process of this
/// machine, see [`crate::local`].
#[derive(Debug)]
pub struct Guest {
    /// Guest to host.
    pub events: File,
    /// Host to guest.
    pub control: OwnedFd,
    /// In a guest the root of the cgroup v2 hierarchy: it alone may hold
    /// processes and hand controllers down, so PID 1 can stay in it. Elsewhere
    /// a cgroup without processes.
    pub cgroup: Dir,
    /// Why controllers are absent in there, where more is known than that the
    /// kernel does not offer them.
    pub absent: Option<String>,
    /// `/sys/devices/system`.
    pub system: Dir,
    /// `/proc`, where the machine is the scenario's own.
    pub proc: Option<Dir>,
    /// `/proc`, where workers are watched for stalls: not in a guest.
    pub tasks: Option<Dir>,
    /// Where the machine's scheduler is the scenario's own to choose, and the
    /// kernel has sched_ext.
    pub sched_ext: Option<SchedExtParts>,
    /// The worker program.
    pub worker: OwnedFd,
    /// The program that is running: it is that of exported work as well.
    pub program: OwnedFd,
    /// What is to be done, as [`proscenium_wire::decode_job`] takes it.
    pub job: File,
    /// The precompiled plugin.
    pub plugin: File,
    /// Where its code runs; `None`: in this process.
    pub component: Option<Ends>,
    /// SIGCHLD, which is blocked from here on in every thread started later.
    pub children: SignalFd,
}

/// Makes the guest ready.
///
/// # Errors
/// [`InitError`], which names what the kernel lacks.
pub fn start() -> Result<Guest, InitError> {
    mount_all()?;
    load_modules(MODULES_DIR.as_ref())?;
    setrlimit(Resource::RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES)
        .map_err(InitError::other("raise the limit on open files"))?;
    // Only work with packets needs it, and says itself that it cannot.
    if let Err(error) = loopback::up() {
        say(format_args!("no loopback interface: {error}"));
    }
    let [events, control] = ports::find([EVENTS_PORT, CONTROL_PORT])?;
    Ok(Guest {
        events,
        control: control.into(),
        cgroup: open_dir("/sys/fs/cgroup")?,
        absent: None,
        system: open_dir(SYSTEM_PATH)?,
        proc: Some(open_dir(PROC_PATH)?),
        tasks: None,
        sched_ext: sched_ext()?,
        worker: open(WORKER_PATH)?.into(),
        program: open(OWN_PROGRAM)?.into(),
        job: open(JOB_PATH)?,
        plugin: open(PLUGIN_PATH)?,
        component: None,
        children: block_sigchld()?,
    })
}

/// Opens one file.
///
/// # Errors
/// [`InitError::Other`], with the path.
pub fn open(path: &str) -> Result<File, InitError> {
    File::open(path).map_err(InitError::other(format!("open {path}")))
}

/// Opens one directory.
///
/// # Errors
/// [`InitError::Other`], with the path.
pub fn open_dir(path: &str) -> Result<Dir, InitError> {
    Dir::open_ambient_dir(path, ambient_authority())
        .map_err(InitError::other(format!("open {path}")))
}

/// Reads one file of the image.
///
/// # Errors
/// [`InitError::Other`], with the path.
pub fn read(path: &str) -> Result<Vec<u8>, InitError> {
    fs::read(path).map_err(InitError::other(format!("read {path}")))
}

/// Reads the rest of an open file; `what` is it, for the message.
///
/// # Errors
/// [`InitError::Other`].
pub fn read_open(mut file: &File, what: &str) -> Result<Vec<u8>, InitError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map(|_| bytes)
        .map_err(InitError::other(format!("read {what}")))
}

/// Blocks SIGCHLD in this thread and those it starts, and gives its descriptor.
///
/// # Errors
/// [`InitError::Other`].
pub fn block_sigchld() -> Result<SignalFd, InitError> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGCHLD);
    signals
        .thread_block()
        .and_then(|()| {
            SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        })
        .map_err(InitError::other("listen to SIGCHLD"))
}

/// Who this guest is.
#[must_use]
pub fn hello() -> Hello {
    let cpus = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten();
    let booted = clock_gettime(ClockId::CLOCK_BOOTTIME)
        .map(Duration::from)
        .unwrap_or_default();
    Hello {
        wire_version: WIRE_VERSION,
        runtime_version: env!("CARGO_PKG_VERSION").into(),
        kernel_release: uname()
            .map(|names| names.release().to_string_lossy().into_owned())
            .unwrap_or_default(),
        cpus: cpus.and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(0),
        memory_bytes: sysinfo().map(|info| info.ram_total()).unwrap_or(0),
        booted_ns: nanos(booted),
    }
}
