//! `proscenium cleanup`: what local runs left whose host was killed.

use std::path::PathBuf;

use super::Context;
use crate::error::ExpectedError;
use crate::exit_code;
use crate::local::Hierarchy;
use crate::local::cleanup::{Fate, clean};
use crate::local::hierarchy::HierarchyError;

/// Remove the cgroups and processes that `run --local` left where it was killed.
///
/// Runs that are going on, and those of other users, are left alone. Whatever else a run uses
/// ends with it; the evidence in its run directory is kept. Controllers that such a run had
/// switched on for cgroups beneath the one above its own stay on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look only beneath this cgroup v2 directory [default: the whole hierarchy].
    #[arg(long, value_name = "PATH")]
    cgroup: Option<PathBuf>,
}

pub(super) fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<u8> {
    let hierarchy = match Hierarchy::find() {
        Ok(hierarchy) => hierarchy.mount,
        Err(HierarchyError::NotMounted) => {
            writeln!(
                context.out,
                "nothing to clean up: no cgroup v2 hierarchy is mounted"
            )?;
            return Ok(exit_code::PASSED);
        }
        Err(error) => return Err(ExpectedError::could_not_run(error.to_string()).into()),
    };
    let place = args.cgroup.as_ref().unwrap_or(&hierarchy);
    let found = clean(place);
    if found.is_empty() {
        writeln!(context.out, "nothing to clean up in {}", place.display())?;
    }
    let mut code = exit_code::PASSED;
    for one in &found {
        let path = one.path.display();
        match &one.fate {
            Fate::Removed(0) => writeln!(context.out, "removed {path}")?,
            Fate::Removed(count) => {
                writeln!(
                    context.out,
                    "removed {path}, after killing {count} processes"
                )?;
            }
            Fate::InUse => writeln!(context.out, "left {path}: its run is going on")?,
            Fate::Kept(error) => {
                code = exit_code::COULD_NOT_RUN;
                writeln!(context.out, "could not remove {path}: {error}")?;
            }
        }
    }
    Ok(code)
}
