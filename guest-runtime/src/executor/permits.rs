//! What this run may do, as the executor asks for it: one rule each, shared by
//! the pre-flight and the calls, so that a plan handed over and a step driven by
//! hand are denied the same, in the same words, before any effect.
//!
//! How much it may do of something is not here but where it is counted.

use proscenium_wire::{KernelAccess, Permissions};
use proscenium_worker::work::Privilege;
use proscenium_worker::{Policy, Work};

use super::{Error, Result};
use crate::bindings::ops::Op;
use crate::bindings::types::ErrorCode;
use crate::capability::Capability;
use crate::name::quote;
use crate::world::Controllers;

/// The permissions of a run; what is asked for in tight loops is a bit set.
#[derive(Clone, Debug)]
pub(super) struct Permits {
    given: Permissions,
    controllers: Controllers,
}

impl Permits {
    pub(super) fn new(given: Permissions) -> Self {
        let controllers = Controllers::all()
            .iter()
            .filter(|one| one.names().all(|name| given.controllers.allows(name)))
            .collect();
        Self { given, controllers }
    }

    /// Controllers that are to be enabled or written through.
    pub(super) fn controllers(&self, wanted: Controllers) -> Result<()> {
        let denied = wanted - self.controllers;
        if denied.is_empty() {
            return Ok(());
        }
        let all = list((self.controllers | denied).names());
        Err(denial(
            &format!("controllers {denied}: the use of them"),
            &format!("controllers = {all}"),
        ))
    }

    /// Work, and the policy and nice value that its workers are started with.
    pub(super) fn work(&self, work: &Work, policy: Policy, nice: Option<i32>) -> Result<()> {
        self.work_type(work)?;
        let started = Privilege {
            nice: i8::try_from(nice.unwrap_or(0).min(0)).unwrap_or(i8::MIN),
            ..Privilege::of(policy)
        };
        self.privilege(work, started.with(work.privilege()))
    }

    fn work_type(&self, work: &Work) -> Result<()> {
        let name = work.name();
        if matches!(work, Work::Exported { .. }) {
            return allow(self.given.own_work, || {
                (
                    format!("work {}: work of the component's own", quote(name)),
                    "own-work = true".to_owned(),
                )
            });
        }
        allow(self.given.work_types.allows(name), || {
            (
                format!("work type {}: its use", quote(name)),
                format!(
                    "work-types = {}",
                    list(self.given.work_types.with([name]).iter())
                ),
            )
        })
    }

    fn privilege(&self, work: &Work, taken: Privilege) -> Result<()> {
        let name = work.name();
        allow(taken.real_time <= self.given.real_time, || {
            (
                format!("real-time priority {} for {name}: it", taken.real_time),
                format!("real-time = {}", taken.real_time),
            )
        })?;
        allow(!taken.deadline || self.given.deadline, || {
            (
                format!("the deadline policy for {name}: it"),
                "deadline = true".to_owned(),
            )
        })?;
        allow(taken.nice >= self.given.nice, || {
            (
                format!("nice {} for {name}: it", taken.nice),
                format!("nice = {}", taken.nice),
            )
        })
    }

    /// Load outside of the scenario's root.
    pub(super) fn beside_runtime(&self, what: &str) -> Result<()> {
        allow(self.given.runner, || {
            (
                format!("{what} beside the runtime: that place"),
                "runner = true".to_owned(),
            )
        })
    }

    /// A declared payload.
    pub(super) fn payload(&self, name: &str) -> Result<()> {
        allow(self.given.payloads.allows(name), || {
            (
                format!("payload {}: its start", quote(name)),
                format!(
                    "payloads = {}",
                    list(self.given.payloads.with([name]).iter())
                ),
            )
        })
    }

    /// A declared scheduler; none: whichever runs.
    pub(super) fn scheduler(&self, name: Option<&str>) -> Result<()> {
        let allowed = name.map_or(!self.given.schedulers.is_empty(), |name| {
            self.given.schedulers.allows(name)
        });
        allow(allowed, || {
            let shown = name.map_or_else(
                || "the scheduler under test".to_owned(),
                |name| format!("scheduler {}", quote(name)),
            );
            let names = self.given.schedulers.with([name.unwrap_or("*")]);
            (
                format!("{shown}: control of it"),
                format!("schedulers = {}", list(names.iter())),
            )
        })
    }

    fn kernel(&self, wanted: KernelAccess) -> Result<()> {
        allow(wanted <= self.given.kernel, || {
            (
                format!("{} access to kernel memory: it", wanted.as_str()),
                format!("kernel = \"{}\"", wanted.as_str()),
            )
        })
    }

    /// What one op does that others do not.
    pub(super) fn op(&self, op: &Op) -> Result<()> {
        match op {
            Op::CaptureSnapshot(_)
            | Op::WatchSnapshot(_)
            | Op::ReadKernelHot(_)
            | Op::ReadKernelCold(_) => self.kernel(KernelAccess::Read),
            Op::WriteKernelHot(_) | Op::WriteKernelCold(_) => self.kernel(KernelAccess::Write),
            Op::AttachScheduler(name) | Op::ReplaceScheduler(name) => self.scheduler(Some(name)),
            Op::DetachScheduler | Op::RestartScheduler | Op::PinBpfMap(_) => self.scheduler(None),
            Op::SteerIrq(_) => allow(self.given.interrupts, || {
                (
                    "an interrupt: steering it".to_owned(),
                    "interrupts = true".to_owned(),
                )
            }),
            _ => Ok(()),
        }
    }

    /// Whether what goes wrong here fails the run.
    pub(super) fn denial_fails(&self) -> bool {
        self.given.denied == proscenium_wire::OnDenied::Fail
    }
}

/// The capabilities that a component imports and does not have, as an error
/// that has the line that would allow them.
///
/// # Errors
/// `denied`, by name.
pub(crate) fn linkable(given: &Permissions, imported: &[Capability]) -> Result<()> {
    let names = || imported.iter().map(|one| one.interface());
    let denied: Vec<&str> = names()
        .filter(|name| !given.capabilities.allows(name))
        .collect();
    allow(denied.is_empty(), || {
        (
            format!(
                "the component imports {}: the use of that",
                denied.join(", ")
            ),
            format!(
                "capabilities = {}",
                list(given.capabilities.with(names()).iter())
            ),
        )
    })
}

/// Nothing is formatted where nothing is denied.
fn allow(allowed: bool, what: impl FnOnce() -> (String, String)) -> Result<()> {
    if allowed {
        return Ok(());
    }
    let (what, line) = what();
    Err(denial(&what, &line))
}

fn denial(what: &str, line: &str) -> Error {
    Error::new(ErrorCode::Denied, format!("{what} is not granted")).remedy(format!(
        "ask for it in describe, and have it granted: {line}"
    ))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(quote).collect();
    format!("[{}]", quoted.join(", "))
}
