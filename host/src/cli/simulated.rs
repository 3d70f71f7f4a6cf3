//! The kernel that the simulated world of `check` stands for.

use std::ffi::OsStr;

use proscenium_guest_runtime::world::Controllers;
use proscenium_wire::{Finding, Severity};

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
    /// Why it would not be booted.
    pub(super) lacks: Option<Finding>,
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
            lacks: config.check().err().map(|missing| Finding {
                severity: Severity::Error,
                kind: "kernel".to_owned(),
                step: None,
                label: None,
                op: None,
                message: missing.to_string(),
                remedy: None,
            }),
            name: kernel.name,
        })
    }
}
