//! Which workers of a definition share a process, and which may. Pure.
//!
//! Section 2.5 of the semantics: what has the same `pcomm` in one definition is
//! one process of that name.

use proscenium_worker::Setup;

use super::{Error, Result};
use crate::bindings::types::WorkSpec;
use crate::name::quote;
use crate::world::CrewPlan;

/// What is started at once.
#[derive(Debug)]
pub(super) enum Unit<'a> {
    /// Workers with a process for each.
    Alone(&'a WorkSpec),
    /// Workers that are threads of the process of this name.
    Together(&'a str, Vec<&'a WorkSpec>),
}

/// The work of one definition in the order in which it is started: what has
/// processes of its own, then the processes that are shared, each where its
/// name is first.
pub(super) fn arranged(work: &[WorkSpec]) -> Vec<Unit<'_>> {
    let alone = work.iter().filter(|spec| spec.pcomm.is_none());
    let mut units: Vec<Unit<'_>> = alone.map(Unit::Alone).collect();
    for spec in work {
        let Some(process) = spec.pcomm.as_deref() else {
            continue;
        };
        let team = units.iter_mut().find_map(|unit| match unit {
            Unit::Together(name, specs) if *name == process => Some(specs),
            _ => None,
        });
        match team {
            Some(specs) => specs.push(spec),
            None => units.push(Unit::Together(process, vec![spec])),
        }
    }
    units
}

/// Refuses to start what belongs into a shared process without the others.
///
/// # Errors
/// `invalid`.
pub(super) fn alone(spec: &WorkSpec) -> Result<()> {
    match &spec.pcomm {
        None => Ok(()),
        Some(process) => Err(Error::invalid(format!(
            "workers of process {} cannot be spawned by an op: only those of one definition share a process",
            quote(process)
        ))
        .remedy("give them as work of a definition, or leave pcomm out")),
    }
}

/// Whether all this may be threads of one process.
///
/// # Errors
/// `invalid` for work that needs a process of its own, and for user or group
/// ids that differ.
pub(super) fn check(process: &str, plans: &[CrewPlan]) -> Result<()> {
    let process = quote(process);
    if let Some(plan) = plans.iter().find(|plan| plan.work.needs_own_process()) {
        return Err(Error::invalid(format!(
            "{} cannot be a thread of process {process}: it needs processes of its own",
            plan.work.name()
        ))
        .remedy("leave pcomm out of it"));
    }
    let setups = || plans.iter().flat_map(|plan| &plan.setups);
    let differing = |what: &str, of: fn(&Setup) -> Option<u32>| {
        let first = setups().next().and_then(of);
        let other = setups().map(of).find(|id| *id != first);
        other.map(|other| {
            let word = |id: Option<u32>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
            Error::invalid(format!(
                "process {process}: its workers have different {what} ids, {} and {}",
                word(first),
                word(other)
            ))
            .remedy("give all workers of a process the same")
        })
    };
    let user = differing("user", |setup| setup.uid);
    let group = differing("group", |setup| setup.gid);
    user.or(group).map_or(Ok(()), Err)
}
