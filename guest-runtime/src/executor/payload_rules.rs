//! What may be said of payloads: pure rules that the pre-flight and the stage
//! share, so that a plan which passes the one passes the other.
//!
//! A payload's identity is its name and its cgroup.

use std::fmt;

use proscenium_wire::{PayloadKind, PayloadSpec};

use super::permits::Permits;
use super::{Error, Result};
use crate::bindings::ops::Op;
use crate::bindings::stage::Backdrop;
use crate::bindings::types::{CgroupDef, ErrorCode, PayloadRef, PayloadRun};
use crate::name::quote;

/// Key of payloads beside the runtime.
pub(super) const NO_CGROUP: &str = "";
/// Most arguments of one start.
const MAX_ARGS: usize = 128;
/// Most bytes of them in all.
const MAX_ARG_BYTES: usize = 16 << 10;
/// Names that a message lists.
const SHOWN: usize = 20;

/// How a payload came to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A cgroup's definition.
    Definition,
    /// An op.
    Op,
    /// The backdrop's list.
    Backdrop,
    /// The plugin's own call.
    Call,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Definition => "the definition of its cgroup (cgroup-def.payload)",
            Self::Op => "an op (run-payload)",
            Self::Backdrop => "the backdrop's list (backdrop.payloads)",
            Self::Call => "a call (payload.run)",
        })
    }
}

/// One that is alive, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: String,
    /// [`NO_CGROUP`] beside the runtime.
    pub(super) cgroup: String,
    pub(super) origin: Origin,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "payload {} {}", quote(&self.name), place(&self.cgroup))
    }
}

/// Where, for messages: a payload beside the runtime has a place too.
fn place(cgroup: &str) -> String {
    if cgroup == NO_CGROUP {
        "(no cgroup)".to_owned()
    } else {
        format!("in cgroup {}", quote(cgroup))
    }
}

/// The declaration that a start is about, if the start is in order.
pub(super) fn admit<'a>(
    declared: &'a [PayloadSpec],
    permits: &Permits,
    run: &PayloadRun,
    origin: Origin,
) -> Result<&'a PayloadSpec> {
    let spec = declared
        .iter()
        .find(|spec| spec.name == run.payload)
        .ok_or_else(|| undeclared(declared, &run.payload))?;
    refuse_scheduler(spec, origin)?;
    check_args(run)?;
    check_flags(spec, run)?;
    permits.payload(&spec.name)?;
    if run.cgroup.is_none() {
        permits.beside_runtime("a payload")?;
    }
    Ok(spec)
}

fn undeclared(declared: &[PayloadSpec], name: &str) -> Error {
    let there_are = those_declared(declared.iter().map(|spec| spec.name.as_str()));
    Error::not_found(format!(
        "payload {} is not declared: {there_are}: the operator declares it with --payload NAME=PATH",
        quote(name)
    ))
}

/// The end of a message about a name that the operator did not declare.
pub(super) fn those_declared<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.take(SHOWN).collect();
    if names.is_empty() {
        "none is".to_owned()
    } else {
        format!("there are {}", names.join(", "))
    }
}

fn refuse_scheduler(spec: &PayloadSpec, origin: Origin) -> Result<()> {
    match spec.kind {
        PayloadKind::Binary => Ok(()),
        PayloadKind::Scheduler => Err(Error::invalid(format!(
            "payload {} is declared as a scheduler and cannot run through {origin}: \
             only payloads of kind binary run inside a scenario",
            quote(&spec.name)
        ))),
    }
}

/// Refuses schedulers among the backdrop's payloads before anything else is
/// looked at.
pub(super) fn check_backdrop(declared: &[PayloadSpec], backdrop: &Backdrop) -> Result<()> {
    let check = |run: &PayloadRun, origin| {
        declared
            .iter()
            .filter(|spec| spec.name == run.payload)
            .try_for_each(|spec| refuse_scheduler(spec, origin))
    };
    for run in &backdrop.payloads {
        check(run, Origin::Backdrop)?;
    }
    for op in &backdrop.ops {
        if let Op::RunPayload(run) = op {
            check(run, Origin::Op)?;
        }
    }
    Ok(())
}

fn check_args(run: &PayloadRun) -> Result<()> {
    let refuse = |why: String| {
        Err(Error::invalid(format!(
            "arguments of payload {}: {why}",
            quote(&run.payload)
        )))
    };
    if run.args.len() > MAX_ARGS {
        return refuse(format!(
            "{} of them, {MAX_ARGS} is the most",
            run.args.len()
        ));
    }
    let bytes: usize = run.args.iter().map(String::len).sum();
    if bytes > MAX_ARG_BYTES {
        return refuse(format!("{bytes} bytes, {MAX_ARG_BYTES} is the most"));
    }
    match run.args.iter().find(|argument| argument.contains('\0')) {
        Some(argument) => refuse(format!("{} has a NUL in it", quote(argument))),
        None => Ok(()),
    }
}

/// Only arguments that begin with two dashes and go on are looked at.
fn check_flags(spec: &PayloadSpec, run: &PayloadRun) -> Result<()> {
    let Some(known) = &spec.known_flags else {
        return Ok(());
    };
    let flags = run
        .args
        .iter()
        .filter(|argument| argument.starts_with("--") && argument.len() > 2)
        .map(|argument| {
            argument
                .split_once('=')
                .map_or(argument.as_str(), |(flag, _)| flag)
        });
    for flag in flags {
        if !known.iter().any(|one| one == flag) {
            return Err(Error::invalid(format!(
                "payload {} does not take {}: its known flags are [{}]",
                quote(&spec.name),
                quote(flag),
                known.join(", ")
            )));
        }
    }
    Ok(())
}

/// The cgroup that a definition's payload runs in, which is its own.
pub(super) fn of_definition(def: &CgroupDef) -> Result<Option<PayloadRun>> {
    let Some(run) = &def.payload else {
        return Ok(None);
    };
    if run
        .cgroup
        .as_ref()
        .is_some_and(|cgroup| *cgroup != def.name)
    {
        return Err(Error::invalid(format!(
            "payload {} of a definition runs in the cgroup that is defined: leave its cgroup out",
            quote(&run.payload)
        )));
    }
    Ok(Some(PayloadRun {
        cgroup: Some(def.name.clone()),
        ..run.clone()
    }))
}

/// The identity of a start, if it is not taken.
pub(super) fn identify<'a>(
    live: impl IntoIterator<Item = &'a Identity>,
    run: &PayloadRun,
    origin: Origin,
) -> Result<Identity> {
    let identity = Identity {
        name: run.payload.clone(),
        cgroup: run.cgroup.clone().unwrap_or_else(|| NO_CGROUP.to_owned()),
        origin,
    };
    let same = |one: &&Identity| one.name == identity.name && one.cgroup == identity.cgroup;
    match live.into_iter().find(same) {
        None => Ok(identity),
        Some(first) => Err(Error::new(
            ErrorCode::AlreadyExists,
            format!(
                "{identity} runs already, started by {}: wait for it or kill it first, \
                 or run it in another cgroup",
                first.origin
            ),
        )),
    }
}

/// Which of those that are alive, the step's before the backdrop's, a
/// reference means.
pub(super) fn choose<'a>(
    live: impl IntoIterator<Item = &'a Identity>,
    which: &PayloadRef,
) -> Result<usize> {
    let candidates: Vec<(usize, &Identity)> = live
        .into_iter()
        .enumerate()
        .filter(|(_, one)| {
            let here = which
                .cgroup
                .as_ref()
                .is_none_or(|cgroup| *cgroup == one.cgroup);
            one.name == which.payload && here
        })
        .collect();
    match candidates[..] {
        [] => {
            let place = which.cgroup.as_deref().map(place).unwrap_or_default();
            Err(Error::not_found(format!(
                "no payload {} {place} is running: it was not started, or was waited for or killed already",
                quote(&which.payload)
            )))
        }
        [(index, _), ..] if candidates.len() == 1 || which.cgroup.is_some() => Ok(index),
        _ => {
            let places: Vec<String> = candidates
                .iter()
                .take(SHOWN)
                .map(|(_, one)| place(&one.cgroup))
                .collect();
            Err(Error::new(
                ErrorCode::Ambiguous,
                format!(
                    "payload {} runs {}: say in which cgroup you mean it",
                    quote(&which.payload),
                    places.join(" and ")
                ),
            ))
        }
    }
}
