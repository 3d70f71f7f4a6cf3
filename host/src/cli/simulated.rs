//! The simulated world that `check` asks, and the kernel that it stands for.

use std::ffi::OsStr;
use std::time::Duration;

use proscenium_guest_runtime::exported::Rehearsal;
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::plugin::Plugin;
use proscenium_guest_runtime::world::Controllers;
use proscenium_guest_runtime::world::simulated::Simulated;
use proscenium_wire::{Finding, Job, Severity};

use super::{chain, machine};
use crate::error::ExpectedError;
use crate::kernel::boot;
use crate::layout::Layout;
use crate::session::{Clock, Monotonic};
use crate::vm::topology::Topology;

/// Real time that virtual time may take, on all topologies together. A
/// scenario needs a fraction of a second; one that waits a billion times is
/// stopped and says so.
const PATIENCE: Duration = Duration::from_secs(60);

/// A kernel by its configuration; it is not booted.
#[derive(Clone, Debug)]
pub(super) struct KernelOnPaper {
    /// Its release.
    pub(super) name: String,
    controllers: Controllers,
    sched_ext: bool,
    /// Why it would not be booted.
    lacks: Option<String>,
}

impl KernelOnPaper {
    /// Looks a kernel up as `run` would, and reads its configuration.
    pub(super) fn find(layout: &Layout, named: &OsStr) -> Result<Self, ExpectedError> {
        let kernel = machine::kernel(layout, Some(named))?;
        let config = boot::configuration(&kernel)
            .map_err(|error| ExpectedError::could_not_run(chain(&error)))?
            .ok_or_else(|| {
                ExpectedError::refused(format!("cannot check against kernel {}", kernel.name))
                    .because("its configuration is not at hand")
                    .remedy("put it beside the image as config-RELEASE, or name a fetched kernel")
            })?;
        Ok(Self {
            controllers: config.controllers(),
            sched_ext: config.sched_ext(),
            lacks: config.check().err().map(|missing| missing.to_string()),
            name: kernel.name,
        })
    }

    /// Why `job` would not be run on it.
    pub(super) fn refuses(&self, job: &Job) -> Option<Finding> {
        let no_sched_ext = !self.sched_ext && !job.schedulers.is_empty();
        let no_sched_ext = || no_sched_ext.then(|| machine::no_sched_ext(&self.name).to_string());
        let message = self.lacks.clone().or_else(no_sched_ext)?;
        Some(Finding {
            severity: Severity::Error,
            kind: "kernel".to_owned(),
            step: None,
            label: None,
            op: None,
            message,
            remedy: None,
        })
    }
}

/// Where the loops that a plugin exports are tried; none if it has none.
pub(super) fn rehearsal(plugin: &Plugin) -> Result<Option<Rehearsal>, ExpectedError> {
    let rehearsal = plugin.exports_work().then(|| Rehearsal::new(plugin));
    rehearsal.transpose().map_err(|error| {
        ExpectedError::could_not_run("exported work cannot be tried").because(error)
    })
}

/// A machine of that shape with that kernel; none is one that offers everything.
/// It stops when [`PATIENCE`] is over since `begun`.
pub(super) fn world(
    topology: Topology,
    kernel: Option<&KernelOnPaper>,
    rehearsal: Option<Rehearsal>,
    begun: Monotonic,
) -> Simulated {
    let machine = Machine::uniform(
        topology.nodes(),
        topology.llcs(),
        topology.cores(),
        topology.threads(),
    );
    let mut world = Simulated::new(machine).interrupted_by(move || {
        (Duration::from_nanos(begun.now_ns()) > PATIENCE).then(|| {
            format!(
                "the simulation took over {} s: wait less often, or for longer at a time",
                PATIENCE.as_secs()
            )
        })
    });
    if let Some(kernel) = kernel {
        world = world.with_controllers(kernel.controllers);
    }
    if let Some(rehearsal) = rehearsal {
        world = world.with_rehearsal(Box::new(rehearsal));
    }
    world
}
