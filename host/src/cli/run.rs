//! `proscenium run`: a scenario in a VM with a real kernel, or on this machine's own.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use nix::sys::utsname::uname;
use proscenium_wire::{Job, LogLevel};
use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::{pipe, unregister};

use super::admission::Admitted;
use super::machine::{self, Machine, Request};
use super::needs::Have;
use super::programs::Programs;
use super::record::{self, Place};
use super::scenario::ScenarioArgs;
use super::{Context, code_of, job, local, needs, say, values, worse};
use crate::error::ExpectedError;
use crate::event::{Acceleration, RunEnded, Speaker, World};
use crate::exit_code;
use crate::grant;
use crate::kernel::store::Kernel;
use crate::plugin::{Loaded, Loader};
use crate::program::Files;
use crate::run_dir::{RunDir, write_atomically};
use crate::session::{self, Deadlines, Guest, Monotonic, Recording};
use crate::vm::accel::{AccelRequest, Choice};
use crate::vm::qemu::Qemu;
use crate::vm::topology::Topology;

/// Run scenarios in a VM with a real kernel, or with --local on this machine's own.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  proscenium run plugins/steady
  proscenium run plugins/cpuset-shrink --topology 1n2l4c1t --duration 4s
  proscenium run plugins/steady --scheduler mine=target/release/scx_mine,--slice-us,5000
  proscenium run a.wasm b.wasm --json --junit report.xml
  systemd-run --user --scope -p Delegate=yes proscenium run --local plugins/steady

The first Ctrl-C asks the guest for an orderly end, the second kills it.")]
pub(super) struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,

    /// Shape of the machine: nodes, last-level caches in all, cores per cache, threads per core;
    /// or the name of a preset, such as 8cpu-2llc-smt.
    #[arg(long, short, value_name = "NnNlNcNt", default_value = "1n1l2c1t")]
    topology: Topology,

    /// Kernel to boot: a bzImage or ELF, or the name of a fetched one
    /// [env: PROSCENIUM_KERNEL] [default: the newest fetched, with sched_ext first].
    #[arg(long, short, value_name = "KERNEL")]
    kernel: Option<OsString>,

    /// Memory of the guest in MiB, 64 to 1048576 [default: 64 per CPU, at least 256].
    #[arg(long, value_name = "MIB", value_parser = RangedU64ValueParser::<u64>::new().range(64..=1_048_576))]
    memory: Option<u64>,

    /// How the guest's CPUs run: `auto` is KVM where it really works, else emulation;
    /// auto, kvm or tcg.
    #[arg(long, value_name = "ACCEL", default_value_t = AccelRequest::Auto)]
    accel: AccelRequest,

    /// Run on this machine's own kernel, in a delegated cgroup, instead of in a VM. What the
    /// scenario does is bounded by that cgroup; the component's code runs in processes that can
    /// open, make and reach nothing. Its load is yours: it can slow this machine down.
    #[arg(long, conflicts_with_all = ["topology", "kernel", "memory", "accel", "payload", "payloads"])]
    local: bool,

    /// Make local runs beneath this cgroup v2 directory [default: the cgroup that we are in, where
    /// it is delegated to us, or the root of the hierarchy].
    #[arg(long, value_name = "PATH", requires = "local")]
    cgroup: Option<PathBuf>,

    /// Keep evidence in DIR/runs instead of ~/.local/state/proscenium/runs.
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,

    /// End a scenario that goes on for longer, 1ms to 24h
    /// [default: its duration, a tenth of it and 30s].
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    timeout: Option<Duration>,
}

pub(super) fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<u8> {
    let mut code = exit_code::PASSED;
    for named in &args.scenario.plugins {
        let one = run_one(named, args, context).unwrap_or_else(|error| {
            say(&format!("error: {error}"));
            let world = if args.local { World::Local } else { World::Vm };
            record::not_loaded(&error, named, &args.scenario, world, context);
            code_of(&error)
        });
        code = worse(code, one);
        if one == exit_code::INTERRUPTED {
            break;
        }
    }
    Ok(code)
}

fn run_one(named: &Path, args: &Args, context: &Context<'_>) -> Result<u8, ExpectedError> {
    let clock = Monotonic::start();
    let options = &args.scenario;
    let loaded = Loader::new(&context.layout, options.foreign(), context.terminal).load(named)?;
    let Admitted { grant, note } = options.admit(&loaded)?;
    if args.local {
        local::refuse_schedulers(&options.programs)?;
    }
    let search_path = context.layout.environment().search_path.as_deref();
    let programs = Programs::packed(&options.programs, search_path)?;
    let in_force = grant::in_force(&grant);
    let job = job::job(options, &loaded.manifest, &programs, grant)?;
    let base = args
        .run_dir
        .clone()
        .map_or_else(|| context.layout.state(), Ok)?;
    let mut run_dir = RunDir::create(&base, &loaded.manifest.name, record::unix_ms())
        .map_err(|error| ExpectedError::could_not_run(error.to_string()))?;
    // Everything from here on is on record.
    let target = if args.local {
        Target::Local
    } else {
        Target::Vm(Box::new(Found::look(args, context)))
    };
    let place = target.place(args.topology);
    let kernel = place.kernel.clone();
    let started = record::started(&loaded, &job, place, Some(run_dir.path()));
    let mut reporters = record::reporters(options, Some(&run_dir), context);
    let documented = run_dir.document("job.json", &job);
    let granted = run_dir.path().join("grant.toml");
    let granted = write_atomically(&granted, in_force.as_bytes());
    let mut recording = Recording::begin(&clock, &mut reporters, Some(&mut run_dir), started);
    if let Some(note) = &note {
        recording.log(Speaker::Host, LogLevel::Info, note);
    }
    if let Err(error) = granted {
        let message = format!("grant.toml not written: {error}");
        recording.log(Speaker::Host, LogLevel::Warn, &message);
    }
    if let Err(error) = documented {
        recording.log(Speaker::Host, LogLevel::Warn, &error.to_string());
    }
    let have = match &target {
        Target::Vm(_) => Ok(Have::of_vm(args.topology).staging(&job.schedulers)),
        Target::Local => local::have(),
    };
    let have = match have {
        Ok(have) => have,
        Err(error) => return Ok(aborted(recording, &error).exit_code),
    };
    if let Some(unmet) = needs::unmet(&loaded.manifest.needs, &have, kernel.as_deref()) {
        let (outcome, reason) = record::skipped(&unmet);
        return Ok(recording.abort(outcome, reason).exit_code);
    }
    let ended = match target {
        Target::Vm(found) => {
            let what = (&loaded, &job, &programs.files);
            boot_and_watch(*found, args, what, context, recording)
        }
        Target::Local => start_and_watch(args, (&loaded, &job), context, recording),
    };
    Ok(ended.exit_code)
}

/// Where a scenario is to run.
enum Target {
    Vm(Box<Found>),
    Local,
}

impl Target {
    fn place(&self, topology: Topology) -> Place {
        match self {
            Self::Vm(found) => found.place(topology),
            Self::Local => Place {
                topology: None,
                world: World::Local,
                kernel: uname()
                    .ok()
                    .map(|names| names.release().to_string_lossy().into_owned()),
                acceleration: None,
            },
        }
    }
}

/// What of this machine is needed, or why it is not there.
struct Found {
    kernel: Result<Kernel, ExpectedError>,
    emulator: Result<(Qemu, Choice), ExpectedError>,
}

impl Found {
    fn look(args: &Args, context: &Context<'_>) -> Self {
        Self {
            kernel: machine::kernel(&context.layout, args.kernel.as_deref()),
            emulator: machine::emulator(&context.layout, args.accel),
        }
    }

    fn place(&self, topology: Topology) -> Place {
        Place {
            topology: Some(topology),
            world: World::Vm,
            kernel: self.kernel.as_ref().ok().map(|kernel| kernel.name.clone()),
            acceleration: self.emulator.as_ref().ok().map(|(_, choice)| Acceleration {
                name: choice.accel.to_string(),
                why: choice.why.clone(),
            }),
        }
    }
}

fn boot_and_watch(
    found: Found,
    args: &Args,
    (loaded, job, programs): (&Loaded, &Job, &Files),
    context: &Context<'_>,
    mut recording: Recording<'_>,
) -> RunEnded {
    let request = Request {
        topology: args.topology,
        memory_mib: args.memory,
        job,
        code: &loaded.code,
        programs,
    };
    let prepared = found.kernel.and_then(|kernel| {
        if !job.schedulers.is_empty() {
            machine::can_load_schedulers(&kernel)?;
        }
        let (qemu, choice) = found.emulator?;
        Machine::prepare(&context.layout, &kernel, (qemu, choice.accel), &request)
    });
    // Ctrl-C is the session's from here on: there is something to end.
    let ready = prepared.and_then(|machine| Ok((machine, Interrupts::catch()?)));
    let (machine, interrupts) = match ready {
        Ok(ready) => ready,
        Err(error) => return aborted(recording, &error),
    };
    for note in &machine.notes {
        recording.log(Speaker::Host, LogLevel::Info, note);
    }
    recording.booting();
    let vm = match machine.boot() {
        Ok(vm) => vm,
        Err(error) => return aborted(recording, &error),
    };
    watch(session::Qemu::from(vm), args, job, recording, &interrupts)
}

fn start_and_watch(
    args: &Args,
    (loaded, job): (&Loaded, &Job),
    context: &Context<'_>,
    mut recording: Recording<'_>,
) -> RunEnded {
    // Before there is anything that a Ctrl-C could leave behind.
    let interrupts = match Interrupts::catch() {
        Ok(interrupts) => interrupts,
        Err(error) => return aborted(recording, &error),
    };
    recording.booting();
    let what = (job, &loaded.code[..]);
    let started = match local::start(&context.layout, args.cgroup.as_deref(), what) {
        Ok(started) => started,
        Err(error) => return aborted(recording, &error),
    };
    for note in &started.notes {
        recording.log(Speaker::Host, LogLevel::Info, note);
    }
    let guest = session::Local::from(started.runtime);
    watch(guest, args, job, recording, &interrupts)
}

fn watch(
    guest: impl Guest,
    args: &Args,
    job: &Job,
    recording: Recording<'_>,
    interrupts: &Interrupts,
) -> RunEnded {
    let duration = Duration::from_nanos(job.duration_ns);
    let attached = job.scheduler.as_deref();
    let mut deadlines = Deadlines::with_schedulers(duration, &job.schedulers, attached);
    deadlines.scenario = args.timeout.unwrap_or(deadlines.scenario);
    session::run(guest, &deadlines, recording, interrupts.pipe.as_fd())
}

fn aborted(recording: Recording<'_>, error: &ExpectedError) -> RunEnded {
    let (outcome, reason) = record::outcome(error);
    recording.abort(outcome, reason)
}

/// SIGINT and SIGTERM as bytes in a pipe, for as long as this lives.
///
/// Handlers and not a signalfd: a blocked signal would stay blocked in QEMU,
/// and the compiler's threads, which are there already, would not block it.
struct Interrupts {
    pipe: UnixStream,
    handlers: Vec<SigId>,
}

impl Interrupts {
    fn catch() -> Result<Self, ExpectedError> {
        let failed = |error: io::Error| {
            ExpectedError::could_not_run("cannot listen for Ctrl-C").because(error)
        };
        let (pipe, sender) = UnixStream::pair().map_err(failed)?;
        pipe.set_nonblocking(true).map_err(failed)?;
        let mut caught = Self {
            pipe,
            handlers: Vec::new(),
        };
        for signal in [SIGINT, SIGTERM] {
            let sender = sender.try_clone().map_err(failed)?;
            caught
                .handlers
                .push(pipe::register(signal, sender).map_err(failed)?);
        }
        Ok(caught)
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        for handler in self.handlers.drain(..) {
            unregister(handler);
        }
    }
}
