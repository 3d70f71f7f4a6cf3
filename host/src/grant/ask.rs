//! What a plugin asks for: its imports, the request in its manifest, and how
//! long it is to run.
//!
//! Owns what goes without saying for a plugin that does not say. That is never
//! beyond a grant: it shrinks to what is granted.

use proscenium_guest_runtime::capability::Capability;
use proscenium_guest_runtime::plugin::{Controllers, KernelAccess as Access, Request};
use proscenium_wire::{Budget, KernelAccess, Names, Permissions};

use super::{Excess, Grant, excess};

/// Cgroups of a plugin that does not say how many.
const CGROUPS: u64 = 16;
/// Workers of a plugin that does not say how many.
const WORKERS: u64 = 64;
/// Payloads at a time, where a plugin starts any.
const PAYLOADS: u32 = 64;
/// Marks of a plugin that does not say how many.
const MARKS: u64 = 1_000;
/// Controllers of a plugin that does not say which.
const CONTROLLERS: [&str; 2] = ["cpu", "cpuset"];

/// See the module. `None`: the plugin does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub(super) capabilities: Names,
    pub(super) controllers: Option<Names>,
    pub(super) work_types: Option<Names>,
    pub(super) own_work: bool,
    pub(super) runner: bool,
    pub(super) real_time: u8,
    pub(super) deadline: bool,
    pub(super) nice: i8,
    pub(super) payloads: Option<Names>,
    pub(super) schedulers: Option<Names>,
    pub(super) kernel: KernelAccess,
    pub(super) interrupts: bool,
    cgroups: Option<u32>,
    workers: Option<u32>,
    payload_count: Option<u32>,
    marks: Option<u32>,
    duration_ms: u64,
}

impl Ask {
    /// Of a plugin with these imports and this request, to run for so long.
    #[must_use]
    pub fn new(
        imports: &[Capability],
        exports_work: bool,
        request: &Request,
        duration_ns: u64,
    ) -> Self {
        let names = |names: &Vec<String>| names.iter().cloned().collect::<Names>();
        // Who can ask which were declared may use them all.
        let declared = |wanted: &Option<Vec<String>>, interface| match wanted {
            Some(wanted) => Some(names(wanted)),
            None if imports.contains(&interface) => None,
            None => Some(Names::default()),
        };
        Self {
            capabilities: imports.iter().map(|one| one.interface()).collect(),
            controllers: request.controllers.map(controllers),
            work_types: request.work_types.as_ref().map(names),
            own_work: exports_work,
            runner: request.runner,
            real_time: request
                .real_time
                .map_or(0, |priority| u8::try_from(priority).unwrap_or(u8::MAX)),
            deadline: request.deadline,
            nice: request
                .nice
                .map_or(0, |nice| i8::try_from(nice).unwrap_or(i8::MIN)),
            payloads: declared(&request.payloads, Capability::Payloads),
            schedulers: declared(&request.schedulers, Capability::Scheduler),
            kernel: match request.kernel {
                None => KernelAccess::None,
                Some(Access::Read) => KernelAccess::Read,
                Some(Access::Write) => KernelAccess::Write,
            },
            interrupts: request.interrupts,
            cgroups: request.cgroups,
            workers: request.workers,
            payload_count: None,
            marks: request.marks,
            duration_ms: duration_ns.div_ceil(1_000_000),
        }
    }

    /// Everything that it asks for, that included which goes without saying, as
    /// what goes beyond a grant of nothing.
    #[must_use]
    pub fn whole(&self) -> Vec<Excess> {
        let usual = CONTROLLERS.into_iter().collect();
        let starts = self.workers != Some(0) && self.capabilities.allows("stage");
        let payloads = self.payloads.clone().unwrap_or_else(Names::any);
        let says = |interface| self.capabilities.allows(interface);
        let or = |said: Option<u32>, usual: u64| said.or_else(|| u32::try_from(usual).ok());
        let complete = Self {
            controllers: self.controllers.clone().or(Some(usual)),
            work_types: self.work_types.clone().or(starts.then(Names::any)),
            payload_count: (!payloads.is_empty()).then_some(PAYLOADS),
            payloads: Some(payloads),
            schedulers: Some(self.schedulers.clone().unwrap_or_else(Names::any)),
            cgroups: or(self.cgroups, CGROUPS),
            workers: or(self.workers, WORKERS).filter(|_| starts),
            marks: or(self.marks, MARKS).filter(|_| says("stimulus")),
            ..self.clone()
        };
        excess::all(&Grant::nothing(), &complete)
    }

    /// The amounts that it says, which a grant has to cover.
    pub(super) fn said(&self) -> impl Iterator<Item = (Budget, u64)> {
        let said = [
            (Budget::Cgroups, self.cgroups),
            (Budget::Workers, self.workers),
            (Budget::Payloads, self.payload_count),
            (Budget::Marks, self.marks),
        ];
        said.into_iter()
            .filter_map(|(budget, amount)| Some((budget, u64::from(amount?))))
            .chain([(Budget::Duration, self.duration_ms)])
    }

    /// All of its amounts, those included that go without saying.
    pub(super) fn amounts(&self) -> [(Budget, u64); 3] {
        let or = |said: Option<u32>, default| said.map_or(default, u64::from);
        [
            (Budget::Cgroups, or(self.cgroups, CGROUPS)),
            (Budget::Workers, or(self.workers, WORKERS)),
            (Budget::Marks, or(self.marks, MARKS)),
        ]
    }

    /// What it may do where `granted` covers what it says.
    pub(super) fn within(&self, granted: &Permissions) -> Permissions {
        let shared = |wanted: &Names, granted: &Names| -> Names {
            if wanted.is_any() {
                granted.clone()
            } else {
                wanted.iter().filter(|name| granted.allows(name)).collect()
            }
        };
        let or = |said: &Option<Names>, default: Names, granted: &Names| {
            shared(said.as_ref().unwrap_or(&default), granted)
        };
        let usual = CONTROLLERS.into_iter().collect();
        Permissions {
            capabilities: shared(&self.capabilities, &granted.capabilities),
            controllers: or(&self.controllers, usual, &granted.controllers),
            work_types: or(&self.work_types, Names::any(), &granted.work_types),
            own_work: self.own_work && granted.own_work,
            runner: self.runner && granted.runner,
            real_time: self.real_time.min(granted.real_time),
            deadline: self.deadline && granted.deadline,
            nice: self.nice.max(granted.nice),
            payloads: or(&self.payloads, Names::any(), &granted.payloads),
            schedulers: or(&self.schedulers, Names::any(), &granted.schedulers),
            kernel: self.kernel.min(granted.kernel),
            interrupts: self.interrupts && granted.interrupts,
            denied: granted.denied,
        }
    }
}

/// The kernel's names of controllers.
pub(crate) fn controllers(wanted: Controllers) -> Names {
    [
        (Controllers::CPU, "cpu"),
        (Controllers::CPUSET, "cpuset"),
        (Controllers::MEMORY, "memory"),
        (Controllers::IO, "io"),
        (Controllers::PIDS, "pids"),
    ]
    .into_iter()
    .filter_map(|(one, name)| wanted.contains(one).then_some(name))
    .collect()
}
