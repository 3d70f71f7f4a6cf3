//! What a run needs of this machine, found before anything is started.

use std::ffi::OsStr;
use std::path::Path;

use proscenium_wire::{Job, encode_job};

use super::chain;
use crate::error::ExpectedError;
use crate::kernel::boot::{self, BootError, Bootable};
use crate::kernel::cache::Cache;
use crate::kernel::config::SCHED_EXT;
use crate::kernel::image::is_release;
use crate::kernel::store::{self, Kernel, StoreError};
use crate::layout::Layout;
use crate::program::Files;
use crate::vm::accel::{self, Accel, AccelError, AccelRequest, Choice};
use crate::vm::initramfs::{Content, Image, room_mib};
use crate::vm::plan::{BootPlan, PlanError};
use crate::vm::probe::probe;
use crate::vm::process::{Vm, VmError};
use crate::vm::qemu::Qemu;
use crate::vm::topology::Topology;
use crate::vm::tsc;

/// What loading a scheduler takes besides its program, in MiB: the loader parses
/// the kernel's types, the kernel verifies the programs.
const LOADING_MIB: u64 = 128;

/// Everything that a boot needs, found and checked.
#[derive(Debug)]
pub(super) struct Machine {
    plan: BootPlan,
    image: Image,
    /// What the user should know about kernel and boot.
    pub(super) notes: Vec<String>,
}

/// The kernel that is to be booted.
pub(super) fn kernel(layout: &Layout, named: Option<&OsStr>) -> Result<Kernel, ExpectedError> {
    let variable = layout.environment().kernel.as_deref();
    store::discover(&Cache::at(layout.cache()?), named, variable).map_err(|error| match error {
        StoreError::Unknown { .. } => ExpectedError::refused(error.to_string()),
        other => ExpectedError::could_not_run(chain(&other)),
    })
}

/// QEMU, and what is to run the guest's CPUs.
pub(super) fn emulator(
    layout: &Layout,
    request: AccelRequest,
) -> Result<(Qemu, Choice), ExpectedError> {
    let qemu = Qemu::find(layout.environment().search_path.as_deref())
        .map_err(|error| ExpectedError::could_not_run(chain(&error)))?;
    let choice = accel::choose(request, qemu.version, || probe(Path::new("/dev/kvm")))
        .map_err(|error: AccelError| ExpectedError::could_not_run(chain(&error)))?;
    Ok((qemu, choice))
}

/// What one run asks of a machine.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) topology: Topology,
    /// MiB; none is as much as the topology needs.
    pub(super) memory_mib: Option<u64>,
    pub(super) job: &'a Job,
    /// The precompiled plugin.
    pub(super) code: &'a [u8],
    /// Programs that the job names.
    pub(super) programs: &'a Files,
}

impl Request<'_> {
    /// As much as the topology needs, and room for what is packed besides.
    fn default_memory_mib(&self) -> u64 {
        let loading_mib = if self.stages_schedulers() {
            LOADING_MIB
        } else {
            0
        };
        self.topology.default_memory_mib() + room_mib(self.programs.bytes()) + loading_mib
    }

    fn stages_schedulers(&self) -> bool {
        !self.job.schedulers.is_empty()
    }
}

impl Machine {
    /// Puts together what is to be booted.
    pub(super) fn prepare(
        layout: &Layout,
        kernel: &Kernel,
        (qemu, accel): (Qemu, Accel),
        request: &Request<'_>,
    ) -> Result<Self, ExpectedError> {
        let bootable = boot::prepare(kernel, &Cache::at(layout.cache()?))
            .map_err(|error| not_bootable(&error))?;
        let plan = BootPlan {
            qemu,
            accel,
            topology: request.topology,
            memory_mib: request
                .memory_mib
                .unwrap_or_else(|| request.default_memory_mib()),
            kernel: bootable.image.clone(),
            kernel_words: Vec::new(),
        };
        plan.check()
            .map_err(|error| ExpectedError::refused(chain(&error)))?;
        let image = image(layout, kernel, &bootable, request)?;
        Ok(Self {
            plan,
            image,
            notes: bootable.notes,
        })
    }

    /// Starts it.
    pub(super) fn boot(&self) -> Result<Vm, ExpectedError> {
        // The counter's rate is what emulation hands on without naming it.
        let tsc_khz = matches!(self.plan.accel, Accel::Tcg { .. })
            .then(tsc::measure_khz)
            .flatten();
        Vm::boot(&self.plan, &self.image, tsc_khz).map_err(|error| match error {
            VmError::Plan(error) => refused_plan(&error),
            other => ExpectedError::could_not_run(chain(&other)),
        })
    }
}

fn refused_plan(error: &PlanError) -> ExpectedError {
    ExpectedError::refused(chain(error))
}

fn not_bootable(error: &BootError) -> ExpectedError {
    let text = chain(error);
    match error {
        // The file that was named is at fault, here and everywhere.
        BootError::Image { .. } | BootError::Options { .. } => ExpectedError::refused(text),
        BootError::Read { .. } | BootError::Modules { .. } | BootError::Cache(_) => {
            ExpectedError::could_not_run(text)
        }
    }
}

/// Whether schedulers can be loaded into a kernel. One whose configuration is
/// not at hand gets the benefit of the doubt.
pub(super) fn can_load_schedulers(kernel: &Kernel) -> Result<(), ExpectedError> {
    let config =
        boot::configuration(kernel).map_err(|error| ExpectedError::could_not_run(chain(&error)))?;
    match config {
        Some(config) if !config.sched_ext() => Err(no_sched_ext(&kernel.name)),
        _ => Ok(()),
    }
}

/// No scheduler can be loaded into the kernel of this name.
pub(super) fn no_sched_ext(kernel: &str) -> ExpectedError {
    ExpectedError::refused(format!("cannot load schedulers into kernel {kernel}"))
        .because(format!("it was built without CONFIG_{SCHED_EXT}"))
        .remedy("get one that has it with `proscenium kernel fetch`, or name another with --kernel")
}

/// The kernel's configuration, at the place where loaders look for it. They go
/// by the release, so without one there is none.
fn config_for_loaders(kernel: &Kernel) -> Result<Option<(String, Content)>, BootError> {
    let text = boot::configuration_text(kernel)?.filter(|_| is_release(&kernel.name));
    let place = format!("/boot/config-{}", kernel.name);
    Ok(text.map(|text| (place, Content::Bytes(text))))
}

fn image(
    layout: &Layout,
    kernel: &Kernel,
    bootable: &Bootable,
    request: &Request<'_>,
) -> Result<Image, ExpectedError> {
    let failed =
        |why: String| ExpectedError::could_not_run("cannot make the guest's image").because(why);
    let job = encode_job(request.job).map_err(|error| failed(chain(&error)))?;
    let binaries = layout.guest_binaries()?;
    let config = if request.stages_schedulers() {
        config_for_loaders(kernel).map_err(|error| failed(chain(&error)))?
    } else {
        None
    };
    let modules = bootable
        .modules
        .iter()
        .map(|module| (module.name.as_str(), &module.bytes[..]));
    Image::new(&binaries)
        .and_then(|mut image| {
            image.add_modules(modules)?;
            if !request.programs.files.is_empty() {
                let Files { folders, files } = request.programs;
                let files = files.iter();
                image.add_tree(
                    folders.iter().map(String::as_str),
                    files.map(|(path, file)| (path.as_str(), file.mode, &file.content)),
                )?;
            }
            if let Some((path, text)) = &config {
                image.add_tree([], [(path.as_str(), 0o644, text)])?;
            }
            image.add_job(&job, request.code)?;
            Ok(image)
        })
        .map_err(|error| failed(chain(&error)))
}
