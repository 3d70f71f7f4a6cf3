//! The kernel that the simulated world of `check` stands for.

use std::ffi::OsStr;

use proscenium_guest_runtime::world::Controllers;
use proscenium_wire::{Finding, Job, Severity};

use super::{chain, machine};
use crate::error::ExpectedError;
use crate::kernel::boot;
use crate::layout::Layout;

/// A kernel by its configuration; it is not booted.
#[derive(Clone, Debug)]
pub(super) struct KernelOnPaper {
    /// Its release.
    pub(super) name: String,
    pub(super) controllers: Controllers,
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
