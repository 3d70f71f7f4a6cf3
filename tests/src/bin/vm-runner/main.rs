//! Runs a program in a guest as if it ran here: a cargo target runner.
//!
//! Owns what is booted for it. The program's output is ours, and so is its exit
//! code; a guest that ends without one is a failure that shows the console.
//! One boot for each call: a whole test program is one boot.

mod mirror;
mod relay;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Write, stderr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;
use proscenium::kernel::boot;
use proscenium::kernel::cache::Cache;
use proscenium::kernel::store::discover;
use proscenium::plugin::read::{read as read_plugin, to_component};
use proscenium::program::Linker;
use proscenium::vm::accel::{AccelRequest, choose};
use proscenium::vm::initramfs::{GuestBinaries, Image, room_mib};
use proscenium::vm::plan::BootPlan;
use proscenium::vm::probe::probe;
use proscenium::vm::process::Vm;
use proscenium::vm::qemu::Qemu;
use proscenium::vm::topology::Topology;
use proscenium::vm::tsc::measure_khz;
use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_tests::layout;

use mirror::Mirror;

/// Where a static program is in the guest.
const PROGRAM: &str = "/job/program";

/// Runs a program in a guest.
///
/// One that is linked dynamically is there at the path that it has here, with its libraries.
#[derive(Debug, Parser)]
struct Options {
    /// Kernel to boot; PROSCENIUM_KERNEL, else the newest fetched one
    #[arg(long)]
    kernel: Option<OsString>,
    /// CPUs, last-level caches and nodes of the guest
    #[arg(long, env = "VM_RUNNER_TOPOLOGY", default_value = "1n2l2c1t")]
    topology: Topology,
    /// A file for the guest, which the program finds there as /job/NAME
    #[arg(
        long,
        env = "VM_RUNNER_FILES",
        value_delimiter = ',',
        value_name = "NAME=FILE"
    )]
    file: Vec<String>,
    /// A file that the guest has at the path that it has here, a program with its libraries
    #[arg(
        long,
        env = "VM_RUNNER_WITH",
        value_delimiter = ',',
        value_name = "FILE"
    )]
    with: Vec<PathBuf>,
    /// A component, which the program finds there precompiled as a run's plugin
    #[arg(long, env = "VM_RUNNER_PLUGIN", value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// A variable that the program is to have, as it is here
    #[arg(
        long,
        env = "VM_RUNNER_VARIABLES",
        value_delimiter = ',',
        default_value = "RUST_BACKTRACE",
        value_name = "NAME"
    )]
    variable: Vec<String>,
    /// Longest time from the boot to the end, in seconds
    #[arg(long, env = "VM_RUNNER_SECONDS", default_value_t = 300)]
    seconds: u64,
    /// PID 1 of the guest; `proscenium-test-init`, which cargo builds beside the program
    #[arg(long, env = "VM_RUNNER_INIT")]
    init: Option<PathBuf>,
    /// The program
    program: PathBuf,
    /// What it is started with
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(code) => code,
        Err(error) => {
            let program = options.program.display();
            let _ = writeln!(stderr(), "error: {program} failed in a guest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut vm = boot(options)?;
    let deadline = Instant::now() + Duration::from_secs(options.seconds);
    let skips = env::var_os("PROSCENIUM_SKIPS").map(PathBuf::from);
    relay::until_end(&mut vm, deadline, skips.as_deref())
}

fn boot(options: &Options) -> anyhow::Result<Vm> {
    let cache = Cache::locate(|name| env::var_os(name))?;
    let qemu = Qemu::find(env::var_os("PATH").as_deref())?;
    let accel = choose(AccelRequest::Auto, qemu.version, || {
        probe(Path::new("/dev/kvm"))
    })?
    .accel;
    let variable = env::var_os("PROSCENIUM_KERNEL");
    let kernel = discover(&cache, options.kernel.as_deref(), variable.as_deref())?;
    let bootable = boot::prepare(&kernel, &cache)?;
    let mut image = Image::new(&guest_programs(options)?)?;
    let modules = bootable.modules.iter();
    image.add_modules(modules.map(|module| (module.name.as_str(), module.bytes.as_slice())))?;
    add_program(&mut image, options)?;
    let plan = BootPlan {
        qemu,
        accel,
        topology: options.topology,
        memory_mib: options.topology.default_memory_mib() + room_mib(image.len() as u64),
        kernel: bootable.image,
        kernel_words: Vec::new(),
    };
    Ok(Vm::boot(&plan, &image, measure_khz())?)
}

/// PID 1 comes from cargo's folder, so that it is as new as the program.
fn guest_programs(options: &Options) -> anyhow::Result<GuestBinaries> {
    let init = match &options.init {
        Some(init) => init.clone(),
        None => options
            .program
            .ancestors()
            .skip(1)
            .map(|folder| folder.join("proscenium-test-init"))
            .find(|file| file.is_file())
            .context(
                "there is no proscenium-test-init beside the program: \
                 name one with --init, or build a test or a bench of its package",
            )?,
    };
    let worker = layout::root().join("libexec/proscenium/proscenium-worker");
    Ok(GuestBinaries { init, worker })
}

/// Adds the program, its words and the files that go with it.
fn add_program(image: &mut Image, options: &Options) -> anyhow::Result<()> {
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("failed to read {}", path.display()));
    let words = |program: &OsStr| {
        let words = [program]
            .into_iter()
            .chain(options.arguments.iter().map(OsString::as_os_str));
        entries(words.map(|word| word.as_bytes().to_vec()))
    };
    let linker = Linker::of_this_machine();
    let (mut mirror, words) = match Mirror::of_program(&linker, &options.program)? {
        Some((mirror, path)) => (mirror, words(path.as_os_str())),
        None => {
            image.add_file(PROGRAM, 0o755, &read(&options.program)?)?;
            (Mirror::default(), words(OsStr::new(PROGRAM)))
        }
    };
    image.add_file("/job/arguments", 0o644, &words)?;
    for file in &options.with {
        mirror.add(&linker, file)?;
    }
    mirror.write(image)?;
    let variables = options.variable.iter().filter_map(|name| {
        let value = env::var_os(name)?;
        Some([name.as_bytes(), b"=", value.as_bytes()].concat())
    });
    image.add_file("/job/environment", 0o644, &entries(variables))?;
    // PID 1 opens both whether there is something in them or not.
    image.add_job(&[], &precompiled(options.plugin.as_deref())?)?;
    for file in &options.file {
        let Some((name, path)) = file.split_once('=') else {
            bail!("{file:?} is no file for the guest: write NAME=FILE");
        };
        let bytes = read(Path::new(OsStr::new(path)))?;
        image.add_file(&format!("/job/{name}"), 0o755, &bytes)?;
    }
    Ok(())
}

/// The code of a component; nothing of none.
fn precompiled(plugin: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    let Some(plugin) = plugin else {
        return Ok(Vec::new());
    };
    let component = to_component(plugin, read_plugin(plugin)?)?;
    Ok(Plugin::compile(&component, Foreign::Refuse)?.precompiled()?)
}

/// What `proscenium-test-init` reads: each entry followed by a NUL.
fn entries(entries: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    entries
        .flat_map(|entry| [entry, vec![0]].concat())
        .collect()
}
