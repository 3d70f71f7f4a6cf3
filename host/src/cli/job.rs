//! From the command line and a manifest to a job.

use proscenium_guest_runtime::plugin::Manifest;
use proscenium_wire::{Job, Thresholds, WIRE_VERSION, WorkerDefaults};

use super::programs::Programs;
use super::scenario::ScenarioArgs;
use crate::error::ExpectedError;
use crate::grant::Grant;

/// How often a running scenario says how far it is, in milliseconds.
const PROGRESS_MS: u32 = 1_000;

/// What is to be done with the plugin that `manifest` describes.
///
/// # Errors
///
/// A parameter that the plugin does not have, or one that is given twice.
pub(super) fn job(
    args: &ScenarioArgs,
    manifest: &Manifest,
    programs: &Programs,
    grant: Grant,
) -> Result<Job, ExpectedError> {
    Ok(Job {
        wire_version: WIRE_VERSION,
        name: manifest.name.clone(),
        parameters: parameters(&args.param, manifest)?,
        duration_ns: args.duration_ns(manifest),
        seed: args.seed,
        defaults: WorkerDefaults {
            workers_per_cgroup: args.workers,
            swap_work: args.swap_work.clone(),
        },
        permissions: grant.permissions,
        limits: grant.limits,
        thresholds: args
            .check
            .iter()
            .fold(Thresholds::default(), |all, one| all.overlaid(*one)),
        trap_foreign_imports: args.trap_foreign_imports,
        progress_ms: PROGRESS_MS,
        payloads: programs.payloads.clone(),
        schedulers: programs.schedulers.clone(),
        scheduler: programs.attached.clone(),
    })
}

/// Every declared parameter that has a value, in the manifest's order.
fn parameters(
    given: &[(String, String)],
    manifest: &Manifest,
) -> Result<Vec<(String, String)>, ExpectedError> {
    for (at, (name, _)) in given.iter().enumerate() {
        let refused = || ExpectedError::refused(format!("cannot set parameter {name:?}"));
        if !manifest
            .parameters
            .iter()
            .any(|declared| declared.name == *name)
        {
            let declared: Vec<_> = manifest
                .parameters
                .iter()
                .map(|p| p.name.as_str())
                .collect();
            return Err(refused()
                .because(format!("{} has no such parameter", manifest.name))
                .remedy(if declared.is_empty() {
                    "it has none".to_owned()
                } else {
                    format!("it has {}", declared.join(", "))
                }));
        }
        if given[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(refused()
                .because("it is given twice")
                .remedy("give it once"));
        }
    }
    let value = |name: &str| {
        given
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, v)| v.clone())
    };
    Ok(manifest
        .parameters
        .iter()
        .filter_map(|declared| {
            let value = value(&declared.name).or_else(|| declared.default.clone())?;
            Some((declared.name.clone(), value))
        })
        .collect())
}
