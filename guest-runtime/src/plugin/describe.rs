//! `describe`: what a plugin says of itself, in a store in which every import
//! traps, and the bounds on what it may say.

use std::ops::RangeInclusive;

use proscenium_wire::{ANY, Limits, MAX_NAME, is_name};

use super::{Abort, Manifest, Plugin, Request, State, instantiate, store, watchdog};
use crate::executor::{Settings, Stage};
use crate::machine::Machine;
use crate::name::{clean_line, quote};
use crate::world::simulated::Simulated;

/// Computing time of `describe`, its start functions included.
const DESCRIBE_MS: u64 = 2_000;
/// Longest line of text, in bytes.
const MAX_TEXT: usize = 1_024;
/// What a scenario may last, in nanoseconds: 1 ms to 24 h.
const DURATIONS: RangeInclusive<u64> = 1_000_000..=86_400_000_000_000;
/// Most names in one list of a request.
const MAX_NAMES: usize = 64;
/// Most parameters.
const MAX_PARAMETERS: usize = 64;

/// Why a plugin cannot be described.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Its code did not return.
    #[error("describe failed: {0}")]
    Aborted(String),
    /// What it says is out of bounds.
    #[error("describe gave a manifest that is not valid: {0}")]
    Manifest(String),
    /// It exports work, and cannot say which.
    #[error("works gave no list of loops that is valid: {0}")]
    Works(String),
}

impl Plugin {
    /// Asks the plugin what it is. None of its imports does anything here.
    ///
    /// # Errors
    /// It traps, loops, hits a limit, or says something out of bounds.
    pub fn describe(&self, limits: &Limits) -> Result<Manifest, CallError> {
        let limits = Limits {
            compute_ms: DESCRIBE_MS.min(limits.compute_ms),
            ..*limits
        };
        let settings = Settings {
            limits,
            ..Settings::default()
        };
        // A stage is part of every store; nothing can reach this one.
        let stage = Stage::new(
            Box::new(Simulated::new(Machine::default())),
            Box::new(Vec::new()),
            settings,
        );
        let aborted = |abort: Abort| CallError::Aborted(abort.to_string());
        let watchdog = watchdog(self, &limits).map_err(aborted)?;
        let mut store = store(self, State::new(stage, watchdog, &limits), &limits);
        let manifest = instantiate(self, &mut store, &limits, false, |store, scenario| {
            scenario.proscenium_scenario_scenario().call_describe(store)
        })
        .map_err(aborted)?;
        check_manifest(manifest)
    }
}

/// A manifest within its bounds, its texts cleaned. Checking it again changes
/// nothing.
///
/// # Errors
/// `Manifest`: what is out of bounds.
pub fn check_manifest(manifest: Manifest) -> Result<Manifest, CallError> {
    checked(manifest).map_err(CallError::Manifest)
}

fn checked(manifest: Manifest) -> Result<Manifest, String> {
    check_name("name", &manifest.name)?;
    if manifest.parameters.len() > MAX_PARAMETERS {
        return Err(format!(
            "{} parameters, {MAX_PARAMETERS} is the most",
            manifest.parameters.len()
        ));
    }
    let mut seen = std::collections::BTreeSet::new();
    for parameter in &manifest.parameters {
        check_name("parameter", &parameter.name)?;
        if !seen.insert(parameter.name.as_str()) {
            return Err(format!(
                "parameter {} is there twice",
                quote(&parameter.name)
            ));
        }
        if parameter
            .default
            .as_ref()
            .is_some_and(|text| text.len() > MAX_TEXT)
        {
            return Err(format!(
                "the default of {} is over {MAX_TEXT} bytes",
                parameter.name
            ));
        }
    }
    if !DURATIONS.contains(&manifest.default_duration) {
        return Err(format!(
            "the default duration is {} ns: 1 ms to 24 h are possible",
            manifest.default_duration
        ));
    }
    check_request(&manifest.request)?;
    let clean = |text: &str| clean_line(text, MAX_TEXT);
    Ok(Manifest {
        version: clean(&manifest.version),
        summary: clean(&manifest.summary),
        parameters: manifest
            .parameters
            .into_iter()
            .map(|parameter| super::Parameter {
                help: clean(&parameter.help),
                ..parameter
            })
            .collect(),
        ..manifest
    })
}

/// Bounds on what it asks for; whether it may have it is for others to say.
fn check_request(request: &Request) -> Result<(), String> {
    let lists = [&request.work_types, &request.payloads, &request.schedulers];
    for names in lists.into_iter().flatten() {
        if names.len() > MAX_NAMES {
            let count = names.len();
            return Err(format!(
                "a list of {count} names in the request, {MAX_NAMES} is the most"
            ));
        }
        let wrong = |name: &&String| *name != ANY && !is_name(name);
        if let Some(name) = names.iter().find(wrong) {
            return Err(format!("{} in the request is not a name", quote(name)));
        }
    }
    if request
        .real_time
        .is_some_and(|priority| !(1..=99).contains(&priority))
    {
        return Err("the real-time priority of the request is not from 1 to 99".to_owned());
    }
    if request.nice.is_some_and(|nice| !(-20..=0).contains(&nice)) {
        return Err("the nice value of the request is not from -20 to 0".to_owned());
    }
    Ok(())
}

/// Lower-case letters, digits and dashes, 1 to 64 bytes.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(allowed) {
        return Err(format!(
            "{what} {} is not 1 to {MAX_NAME} lower-case letters, digits and dashes",
            quote(name)
        ));
    }
    Ok(())
}
