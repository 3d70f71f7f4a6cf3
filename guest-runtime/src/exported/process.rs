//! The worker process whose loop is a component's.
//!
//! Started by the kernel world with its arena, its index and the descriptor
//! of the precompiled component, which all workers map. From there on it is a
//! worker as every other; what differs is prepared and looped here. What goes
//! wrong with the loop goes to the arena as a breakdown, and the worker then
//! waits for its stop.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{Pid, getppid};
use proscenium_wire::Limits;
use proscenium_worker::process::{self, Recorder, record_breakdown};
use proscenium_worker::{Breakdown, BreakdownKind, Seat, Work};

use super::body::{Body, CALL_TIME};
use super::confine::confine;
use super::cpu_clock::CpuClock;
use super::pace::Pace;
use crate::bindings::own_work;
use crate::plugin::{Foreign, Plugin};

/// Ticks of the CPU clock that a call has. The first may come at once, so
/// that [`CALL_TIME`] is what the others make.
const TICKS: u32 = 3;
/// The parent of workers in a guest. There is nobody there to be protected, so
/// that a kernel without filters of system calls will do.
const INIT: Pid = Pid::from_raw(1);

/// A loop that is ready to be run.
struct Ready {
    body: Body,
    _clock: CpuClock,
}

/// Precompiled code in memory that nobody can change any more, for workers to
/// map.
///
/// # Errors
/// What the kernel refuses.
pub fn seal(code: &[u8]) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut file = File::from(memfd_create("proscenium-component", flags)?);
    file.write_all(code)?;
    let size = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW;
    let seals = size | SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(file.into())
}

/// Lives the life of such a worker; the exit codes are those of every worker.
#[must_use]
pub fn run() -> ExitCode {
    let lived = process::arguments().and_then(|[arena, worker, component]| {
        // Before the setup, which may change who this process is.
        let plugin = load(component);
        process::live(
            arena,
            worker,
            |seat| {
                let ready = plugin.and_then(|plugin| Ready::new(&plugin, seat));
                note(seat, ready)
            },
            |seat, ready, recorder| {
                let ended = ready.as_mut().map_or(Ok(()), |ready| work(ready, recorder));
                note(seat, ended).map(drop)
            },
        )
    });
    process::exit(lived)
}

/// Files a breakdown.
fn note<T>(seat: &Seat, result: Result<T, Breakdown>) -> io::Result<Option<T>> {
    if let Err(breakdown) = &result {
        record_breakdown(seat, breakdown)?;
    }
    Ok(result.ok())
}

fn load(component: usize) -> Result<Plugin, Breakdown> {
    let component = process::sys::inherit(component).map_err(|error| unable(&error))?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", component.as_raw_fd()));
    #[expect(unsafe_code, reason = "deserializing machine code has no safe form")]
    // SAFETY: the runtime made this file with `seal`, of the code that it runs
    // itself.
    let plugin = unsafe { Plugin::map_precompiled(&path, Foreign::Trap) };
    plugin.map_err(|error| unable(&error))
}

impl Ready {
    /// An instance that is ready for the seat's loop, under a clock that ends
    /// calls that do not return. For the thread that is going to run it, which
    /// gives up here what it does not need for that.
    ///
    /// # Errors
    /// What is wrong with the component, or with the machine.
    fn new(plugin: &Plugin, seat: &Seat) -> Result<Self, Breakdown> {
        let Work::Exported { name, memory_bytes } = &seat.spec().work else {
            return Err(unable("it is no loop that a component exports"));
        };
        let limits = Limits {
            memory_bytes: *memory_bytes,
            ..Limits::default()
        };
        let tick = CALL_TIME / (TICKS - 1);
        let clock = CpuClock::start(&plugin.engine, tick).map_err(|error| unable(&error))?;
        if let Err(error) = confine(limits.memory_bytes)
            && getppid() != INIT
        {
            return Err(unable(&error));
        }
        let mut body = Body::open(plugin, &limits, TICKS.into())?;
        let word = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        body.prepare(&own_work::Seat {
            name: name.clone(),
            worker: word(seat.worker()),
            workers: word(seat.spec().workers.len()),
        })?;
        Ok(Self {
            body,
            _clock: clock,
        })
    }
}

/// Runs the loop until the recorder says stop, or the loop itself.
///
/// # Errors
/// It breaks down.
fn work(ready: &mut Ready, recorder: &mut Recorder<'_>) -> Result<(), Breakdown> {
    let mut pace = Pace::new();
    let mut before = recorder.batch(0);
    while !recorder.stopped() {
        let done = ready.body.run_batch(pace.budget())?;
        let now = recorder.batch(done.into());
        pace.took(done, now.saturating_sub(before));
        before = now;
        if done == 0 {
            break;
        }
    }
    Ok(())
}

fn unable(why: &(impl ToString + ?Sized)) -> Breakdown {
    Breakdown {
        kind: BreakdownKind::Unable,
        message: why.to_string(),
    }
}
