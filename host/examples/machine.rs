//! Boots a kernel with programs of your choice in place of the guest's runtime.
//!
//!     cargo run --release -p proscenium --example machine -- fetch [SPEC]
//!     cargo run --release -p proscenium --example machine -- probe
//!     cargo run --release -p proscenium --example machine -- boot DIRECTORY TOPOLOGY [KERNEL]
//!
//! `DIRECTORY` holds static programs `proscenium-init` and `proscenium-worker`.
//! It is for those who change the machine side: it needs no plugin and no wire.

use std::env;
use std::error::Error;
use std::io::{ErrorKind, Read, Write, stdout};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use proscenium::kernel::boot;
use proscenium::kernel::cache::Cache;
use proscenium::kernel::fetch::fetch;
use proscenium::kernel::spec::FetchSpec;
use proscenium::kernel::store::discover;
use proscenium::vm::accel::{AccelRequest, choose};
use proscenium::vm::initramfs::{GuestBinaries, Image};
use proscenium::vm::plan::BootPlan;
use proscenium::vm::probe::probe;
use proscenium::vm::process::Vm;
use proscenium::vm::qemu::Qemu;
use proscenium::vm::topology::Topology;
use proscenium::vm::tsc::measure_khz;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let cache = Cache::locate(|name| env::var_os(name))?;
    let mut out = stdout().lock();
    match words.as_slice() {
        ["probe"] => {
            let start = Instant::now();
            let answer = probe(Path::new("/dev/kvm"));
            writeln!(out, "{answer:?} in {:?}", start.elapsed())?;
        }
        ["fetch", spec @ ..] => {
            let spec: FetchSpec = spec.first().unwrap_or(&"sched-ext").parse()?;
            let fetched = fetch(&cache, Path::new("/etc/apt"), &spec, &mut |event| {
                let _ = writeln!(out, "{event:?}");
            })?;
            writeln!(out, "{fetched:?}")?;
        }
        ["boot", directory, topology, kernel @ ..] => {
            let kernel = kernel.first().map(AsRef::as_ref);
            run(&cache, Path::new(directory), topology.parse()?, kernel)?;
        }
        _ => return Err("say probe, fetch [SPEC] or boot DIRECTORY TOPOLOGY [KERNEL]".into()),
    }
    Ok(())
}

fn run(
    cache: &Cache,
    directory: &Path,
    topology: Topology,
    kernel: Option<&std::ffi::OsStr>,
) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut out = stdout().lock();
    let qemu = Qemu::find(env::var_os("PATH").as_deref())?;
    let choice = choose(AccelRequest::Auto, qemu.version, || {
        probe(Path::new("/dev/kvm"))
    })?;
    writeln!(out, "{:?} {}", start.elapsed(), choice.why)?;
    let kernel = discover(cache, kernel, env::var_os("PROSCENIUM_KERNEL").as_deref())?;
    let bootable = boot::prepare(&kernel, cache)?;
    let names: Vec<&str> = bootable.modules.iter().map(|m| m.name.as_str()).collect();
    writeln!(
        out,
        "{:?} {} {:?} {:?} {names:?}",
        start.elapsed(),
        kernel.name,
        bootable.image,
        bootable.notes
    )?;
    let mut image = Image::new(&GuestBinaries::find(&[directory.to_owned()])?)?;
    let modules = bootable
        .modules
        .iter()
        .map(|m| (m.name.as_str(), m.bytes.as_slice()));
    image.add_modules(modules)?;
    image.add_job(b"job", b"plugin")?;
    let plan = BootPlan {
        qemu,
        accel: choice.accel,
        topology,
        memory_mib: topology.default_memory_mib(),
        kernel: bootable.image,
        kernel_words: Vec::new(),
    };
    let tsc = measure_khz();
    writeln!(
        out,
        "{:?} image of {} bytes, counter {tsc:?} kHz",
        start.elapsed(),
        image.len()
    )?;
    let mut vm = Vm::boot(&plan, &image, tsc)?;
    writeln!(out, "{:?} started", start.elapsed())?;
    vm.control().write_all(b"hello guest\n")?;
    while !wait_and_copy(&vm, start)? {}
    let exit = vm.wait()?;
    writeln!(out, "{:?} {exit}", start.elapsed())?;
    Ok(())
}

/// Copies what the guest and QEMU say to standard output; true when QEMU has ended.
fn wait_and_copy(vm: &Vm, start: Instant) -> Result<bool, Box<dyn Error>> {
    let ended = {
        let mut fds = [
            vm.events().as_fd(),
            vm.console().as_fd(),
            vm.stderr().as_fd(),
            vm.pidfd(),
        ]
        .map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        poll(&mut fds, PollTimeout::NONE)?;
        fds[3].any() == Some(true)
    };
    let mut out = stdout().lock();
    let mut buffer = [0; 65536];
    let sources: [(&str, &mut dyn Read); 3] = [
        ("events ", &mut vm.events()),
        ("console", &mut vm.console()),
        ("qemu   ", &mut stderr_of(vm)?),
    ];
    for (name, source) in sources {
        match source.read(&mut buffer) {
            Ok(length) => {
                for line in String::from_utf8_lossy(&buffer[..length]).lines() {
                    writeln!(out, "{:.2?} {name} {line}", start.elapsed())?;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ended)
}

fn stderr_of(vm: &Vm) -> std::io::Result<std::fs::File> {
    vm.stderr()
        .as_fd()
        .try_clone_to_owned()
        .map(std::fs::File::from)
}
