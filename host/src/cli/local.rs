//! A scenario on this machine's own kernel: what `run --local` needs of it.

use std::path::Path;

use proscenium_guest_runtime::init::{SYSTEM_PATH, open_dir};
use proscenium_guest_runtime::world::kernel::survey;
use proscenium_wire::{Job, encode_job};

use super::chain;
use super::needs::Have;
use super::programs::ProgramArgs;
use crate::error::ExpectedError;
use crate::layout::Layout;
use crate::local::base::BaseError;
use crate::local::{Base, Hierarchy, Runtime, Subtree};

/// A runtime that was started, and what the user should know about it.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) runtime: Runtime,
    pub(super) notes: Vec<String>,
}

/// What this machine has of what a scenario may need.
pub(super) fn have() -> Result<Have, ExpectedError> {
    let system = open_dir(SYSTEM_PATH).map_err(|error| could_not(&error))?;
    Ok(Have::of_machine(&survey(&system).machine))
}

/// A scheduler would take over all of this machine, not only the scenario's part of it.
pub(super) fn refuse_schedulers(programs: &ProgramArgs) -> Result<(), ExpectedError> {
    if !programs.of_schedulers() {
        return Ok(());
    }
    Err(ExpectedError::refused("cannot use schedulers with --local")
        .because("this machine's own scheduler is not a scenario's to change")
        .remedy("leave out --local, or --scheduler, --schedulers and --attach"))
}

/// Makes a subtree and starts the runtime in it.
pub(super) fn start(
    layout: &Layout,
    cgroup: Option<&Path>,
    (job, code): (&Job, &[u8]),
) -> Result<Started, ExpectedError> {
    let binaries = layout.guest_binaries()?;
    let job = encode_job(job).map_err(|error| could_not(&error))?;
    let base = Base::choose(cgroup).map_err(|error| match error {
        BaseError::NoCgroup(_) => {
            ExpectedError::refused("cannot run on this machine").because(error)
        }
        other => could_not(&other),
    })?;
    let subtree = Subtree::make(base).map_err(|error| could_not(&error))?;
    let absent = Hierarchy::find()
        .ok()
        .and_then(|hierarchy| hierarchy.explain(&subtree.missing(), subtree.base()));
    let mut notes = vec![format!("in cgroup {}", subtree.path().display())];
    notes.extend(absent.clone());
    let runtime = Runtime::start(&binaries, subtree, (&job, code), absent)
        .map_err(|error| could_not(&error))?;
    Ok(Started { runtime, notes })
}

fn could_not(error: &dyn std::error::Error) -> ExpectedError {
    ExpectedError::could_not_run("cannot run on this machine").because(chain(error))
}
