//! Which changes of the scheduler are in order: names, and whether one is
//! attached. Pure; pre-flight and calls refuse in the same words.

use proscenium_wire::SchedulerSpec;

use super::payload_rules::those_declared;
use super::{Error, Result};
use crate::bindings::ops::Op;
use crate::bindings::types::ErrorCode;
use crate::name::{clean_line, quote};
use crate::world::{ExtState, SchedExt};

/// Names that a message lists.
const SHOWN: usize = 20;
/// Longest name of a BPF map, in bytes: the kernel's `BPF_OBJ_NAME_LEN` less
/// its NUL.
const MAX_MAP_NAME: usize = 15;

/// The declaration of a scheduler.
pub(super) fn declared<'a>(declared: &'a [SchedulerSpec], name: &str) -> Result<&'a SchedulerSpec> {
    let found = declared.iter().find(|spec| spec.name == name);
    found.ok_or_else(|| {
        let there_are = those_declared(declared.iter().map(|spec| spec.name.as_str()));
        Error::not_found(format!(
            "scheduler {} is not declared: {there_are}",
            quote(name)
        ))
        .remedy("the operator declares it with --scheduler NAME=PATH")
    })
}

/// Refuses to attach one beside another.
pub(super) fn none_attached(name: &str, current: Option<&str>) -> Result<()> {
    match current {
        None => Ok(()),
        Some(current) => Err(Error::invalid(format!(
            "scheduler {} cannot be attached: {} is",
            quote(name),
            quote(current)
        ))
        .remedy("detach that one first, or replace it")),
    }
}

/// The one that is attached.
pub(super) fn attached(current: Option<&str>) -> Result<&str> {
    current.ok_or_else(|| {
        Error::invalid("no scheduler is attached: the kernel's own runs").remedy("attach one first")
    })
}

/// Refuses to attach where the kernel is not free to take one.
pub(super) fn settled(name: &str, kernel: &SchedExt) -> Result<()> {
    let name = quote(name);
    match kernel.state {
        ExtState::Disabled => Ok(()),
        ExtState::Absent => Err(absent()),
        ExtState::Enabled => Err(Error::invalid(format!(
            "scheduler {name} cannot be attached: the kernel has {} enabled, which this run did not attach",
            quote(kernel.ops.as_deref().unwrap_or("another"))
        ))
        .remedy("see what else loads schedulers")),
        ExtState::Enabling | ExtState::Disabling => Err(Error::new(
            ErrorCode::TimedOut,
            format!("scheduler {name} cannot be attached: the kernel is still busy with another"),
        )
        .remedy("see the kernel's log for what it waits for")),
    }
}

fn absent() -> Error {
    Error::unavailable("this kernel has no sched_ext")
        .remedy("run it on one that has: `proscenium kernel fetch` gets one")
}

/// Refuses what cannot be the name of a BPF map.
pub(super) fn map_name(name: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
    if (1..=MAX_MAP_NAME).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{} is not the name of a BPF map: 1 to {MAX_MAP_NAME} letters, digits, _ and .",
        quote(name)
    )))
}

/// The answer for a map that is not there.
pub(super) fn no_such_map(name: &str, there_are: &[String]) -> Error {
    let names: Vec<String> = there_are
        .iter()
        .take(SHOWN)
        .map(|name| clean_line(name, MAX_MAP_NAME))
        .collect();
    let more = if there_are.len() > SHOWN { ", …" } else { "" };
    let there_are = if names.is_empty() {
        "there is none".to_owned()
    } else {
        format!("there are {}{more}", names.join(", "))
    };
    Error::not_found(format!("no BPF map {}: {there_are}", quote(name)))
        .remedy("pin it while its scheduler is attached")
}

/// Which scheduler would be attached at a point of a plan.
#[derive(Debug)]
pub(super) struct Attached<'a> {
    declared: &'a [SchedulerSpec],
    /// The kernel can take one.
    possible: bool,
    pub(super) name: Option<String>,
}

impl<'a> Attached<'a> {
    pub(super) fn new(
        declared: &'a [SchedulerSpec],
        kernel: ExtState,
        current: Option<&str>,
    ) -> Self {
        Self {
            declared,
            possible: kernel != ExtState::Absent,
            name: current.map(str::to_owned),
        }
    }

    /// Follows one op. After an error it is taken for what was meant.
    pub(super) fn op(&mut self, op: &Op) -> Result<()> {
        let before = self.name.clone();
        let current = before.as_deref();
        match op {
            Op::AttachScheduler(name) => {
                self.name = Some(name.clone());
                self.can_take(name)?;
                none_attached(name, current)
            }
            Op::ReplaceScheduler(name) => {
                self.name = Some(name.clone());
                self.can_take(name)?;
                attached(current).map(drop)
            }
            Op::RestartScheduler => attached(current).map(drop),
            Op::DetachScheduler => {
                self.name = None;
                attached(current).map(drop)
            }
            Op::PinBpfMap(name) => map_name(name),
            _ => Ok(()),
        }
    }

    fn can_take(&self, name: &str) -> Result<()> {
        declared(self.declared, name)?;
        if self.possible { Ok(()) } else { Err(absent()) }
    }
}
