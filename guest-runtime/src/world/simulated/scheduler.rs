//! Simulated schedulers: their loaders, and the kernel's view of them. They
//! attach, die and leave when their script says so; load is shared out evenly
//! whoever is attached.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proscenium_wire::{PayloadExit, SchedulerSpec};

use super::{Death, Fate, Simulated};
use crate::world::{Down, ExtState, Printed, Remains, SchedExt, SchedulerId, Stopped, WorldError};

/// How a scheduler behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerScript {
    /// Name under which the kernel knows it; none: its own.
    pub ops: Option<String>,
    /// From the start of its process until loading is over, in whichever way.
    pub loads_in: Duration,
    /// In which way.
    pub loading: Loading,
    /// How long it is attached before it dies, and how; none: it behaves.
    pub dies: Option<(Duration, Death)>,
    /// It leaves only when it is killed.
    pub ignores_sigterm: bool,
    /// Once it leaves, the kernel never gets done with it.
    pub never_settles: bool,
    /// What it prints at its start.
    pub prints: String,
    /// BPF maps that are there while its process is.
    pub maps: Vec<String>,
}

/// How loading ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loading {
    /// The kernel enables it, unless another is.
    Attaches,
    /// Its process ends with this code.
    Refuses(i32),
    /// It does not.
    Hangs,
}

/// It attaches within 50 ms, and behaves.
impl Default for SchedulerScript {
    fn default() -> Self {
        Self {
            ops: None,
            loads_in: Duration::from_millis(50),
            loading: Loading::Attaches,
            dies: None,
            ignores_sigterm: false,
            never_settles: false,
            prints: String::new(),
            maps: Vec::new(),
        }
    }
}

/// One start.
#[derive(Debug)]
pub(super) struct Loader {
    pub(super) name: String,
    script: SchedulerScript,
    started: Duration,
    enabled: Option<Duration>,
    pub(super) exit: Option<PayloadExit>,
    /// The kernel's reason and message for its end.
    reason: Option<(&'static str, Option<String>)>,
    unread: Vec<u8>,
}

impl Loader {
    fn ops(&self) -> &str {
        self.script.ops.as_deref().unwrap_or(&self.name)
    }
}

/// The one that is enabled.
#[derive(Debug)]
struct Owner {
    /// None: one that this run did not start.
    id: Option<SchedulerId>,
    ops: String,
}

/// What a loader is about to do.
#[derive(Debug)]
enum Turn {
    Load,
    Die(Death),
}

/// All schedulers of a world, and what the kernel makes of them.
#[derive(Debug, Default)]
pub(super) struct Schedulers {
    without: bool,
    scripts: BTreeMap<String, SchedulerScript>,
    loaders: BTreeMap<SchedulerId, Loader>,
    next_id: u32,
    owner: Option<Owner>,
    /// The kernel is not done with the last one, and will not be.
    stuck: bool,
    pub(super) watched: Option<SchedulerId>,
    pub(super) fate: Fate,
    pub(super) pinned: BTreeSet<String>,
}

impl Simulated {
    /// Says how a scheduler behaves; one of which nothing is said attaches
    /// under its own name within 50 ms, and stays.
    #[must_use]
    pub fn with_scheduler(mut self, name: &str, script: SchedulerScript) -> Self {
        self.schedulers.scripts.insert(name.to_owned(), script);
        self
    }

    /// Declared schedulers that behave, and attach as the operator expects.
    #[must_use]
    pub fn with_schedulers(mut self, declared: &[SchedulerSpec]) -> Self {
        for spec in declared {
            let script = SchedulerScript {
                ops: spec.ops.clone(),
                ..SchedulerScript::default()
            };
            self = self.with_scheduler(&spec.name, script);
        }
        self
    }

    /// Leaves schedulers to a hand outside.
    #[must_use]
    pub fn with_fate(mut self, fate: Fate) -> Self {
        self.schedulers.fate = fate;
        self
    }

    /// A kernel that has no sched_ext.
    #[must_use]
    pub fn without_sched_ext(mut self) -> Self {
        self.schedulers.without = true;
        self
    }
}

impl Schedulers {
    pub(super) fn loader(&self, id: SchedulerId) -> Result<&Loader, WorldError> {
        self.loaders.get(&id).ok_or_else(|| gone(id))
    }

    pub(super) fn start(&mut self, name: &str, now: Duration) -> SchedulerId {
        let script = self.scripts.get(name).cloned().unwrap_or_default();
        let id = SchedulerId(self.next_id);
        self.next_id += 1;
        let loader = Loader {
            name: name.to_owned(),
            started: now,
            enabled: None,
            exit: None,
            reason: None,
            unread: script.prints.clone().into_bytes(),
            script,
        };
        self.loaders.insert(id, loader);
        id
    }

    /// When something will happen next by itself.
    pub(super) fn next(&self) -> Option<Duration> {
        let turn = self.turn().map(|(at, ..)| at);
        turn.into_iter().chain(self.fate.next()).min()
    }

    fn turn(&self) -> Option<(Duration, SchedulerId, Turn)> {
        let turns = self.loaders.iter().filter_map(|(id, loader)| {
            let script = &loader.script;
            match (loader.enabled, &script.dies) {
                _ if loader.exit.is_some() => None,
                (None, _) if script.loading == Loading::Hangs => None,
                (None, _) => Some((loader.started + script.loads_in, *id, Turn::Load)),
                (Some(at), Some((after, death))) if self.is_owner(*id) => {
                    Some((at + *after, *id, Turn::Die(death.clone())))
                }
                (Some(_), _) => None,
            }
        });
        turns.min_by_key(|(at, ..)| *at)
    }

    fn is_owner(&self, id: SchedulerId) -> bool {
        self.owner.as_ref().and_then(|owner| owner.id) == Some(id)
    }

    /// What is due at `now` happens.
    pub(super) fn happen(&mut self, now: Duration) {
        while let Some((at, id, turn)) = self.turn().filter(|(at, ..)| *at <= now) {
            match turn {
                Turn::Load => self.load(id, at),
                Turn::Die(death) => self.die(id, death),
            }
        }
        self.fate.happen(now);
        if let Some(id) = self.owner.as_ref().and_then(|owner| owner.id)
            && let Some(death) = self.fate.due()
        {
            self.die(id, death);
        }
    }

    fn load(&mut self, id: SchedulerId, at: Duration) {
        let taken = self.owner.is_some() || self.stuck || self.without;
        let Some(loader) = self.loaders.get_mut(&id) else {
            return;
        };
        match loader.script.loading {
            Loading::Refuses(code) => loader.exit = Some(PayloadExit::Code(code)),
            Loading::Attaches | Loading::Hangs if taken => {
                loader
                    .unread
                    .extend(b"attach failed: Device or resource busy\n");
                loader.exit = Some(PayloadExit::Code(1));
            }
            Loading::Attaches | Loading::Hangs => {
                loader.enabled = Some(at);
                self.owner = Some(Owner {
                    id: Some(id),
                    ops: loader.ops().to_owned(),
                });
            }
        }
    }

    fn die(&mut self, id: SchedulerId, death: Death) {
        const UNREGISTERED: &str = "unregistered from user space";
        let Some(loader) = self.loaders.get_mut(&id) else {
            return;
        };
        self.owner = None;
        // A loader that sees its scheduler thrown out ends, and says so.
        let noticed = Some(PayloadExit::Code(1));
        let (reason, exit) = match death {
            Death::Exits(code) => (Some((UNREGISTERED, None)), Some(PayloadExit::Code(code))),
            Death::Killed(by) => (Some((UNREGISTERED, None)), Some(PayloadExit::Signal(by))),
            Death::BpfError(message) => (Some(("scx_bpf_error", Some(message))), noticed),
            Death::Stalls => {
                let message = "watchdog failed to check in for 5.001s".to_owned();
                (Some(("runnable task stall", Some(message))), noticed)
            }
            Death::Thrown => (Some(("disabled by sysrq-S", None)), noticed),
            Death::Unregisters => (Some((UNREGISTERED, None)), None),
            Death::Replaced(ops) => {
                self.owner = Some(Owner { id: None, ops });
                (Some((UNREGISTERED, None)), None)
            }
            Death::Vanishes => (None, None),
        };
        loader.reason = reason;
        loader.exit = exit;
        self.stuck |= loader.script.never_settles;
    }

    /// What the kernel says.
    pub(super) fn kernel(&self) -> SchedExt {
        let state = match (&self.owner, self.stuck) {
            _ if self.without => ExtState::Absent,
            (Some(_), _) => ExtState::Enabled,
            (None, true) => ExtState::Disabling,
            (None, false) => ExtState::Disabled,
        };
        SchedExt {
            state: self.fate.forced().unwrap_or(state),
            ops: self.owner.as_ref().map(|owner| owner.ops.clone()),
        }
    }

    /// How the watched one is down, if it is.
    pub(super) fn down(&self) -> Option<Down> {
        let id = self.watched?;
        if let Some(exit) = self.loaders.get(&id)?.exit {
            return Some(Down::Exited(exit));
        }
        let said = self.kernel().state;
        match &self.owner {
            Some(owner) if owner.id != Some(id) => Some(Down::Replaced(owner.ops.clone())),
            _ if matches!(said, ExtState::Disabled | ExtState::Disabling) => Some(Down::Disabled),
            _ => None,
        }
    }

    pub(super) fn take_output(&mut self, id: SchedulerId) -> Printed {
        let loader = self.loaders.get_mut(&id);
        Printed {
            bytes: loader
                .map(|loader| std::mem::take(&mut loader.unread))
                .unwrap_or_default(),
            dropped: 0,
        }
    }

    pub(super) fn remains(&self, id: SchedulerId) -> Remains {
        let Some(loader) = self.loaders.get(&id) else {
            return Remains::default();
        };
        let (reason, message) = loader.reason.clone().unzip();
        let dump = reason.map_or_else(String::new, |reason| {
            format!(
                "sched_ext: BPF scheduler \"{}\" disabled ({reason})\n",
                loader.ops()
            )
        });
        Remains {
            exit: loader.exit,
            reason: reason.map(str::to_owned),
            message: message.flatten(),
            dump,
        }
    }

    /// Whether asking it to leave is of no use.
    pub(super) fn stays_until_killed(&self, id: SchedulerId) -> bool {
        self.loaders
            .get(&id)
            .is_some_and(|loader| loader.exit.is_none() && loader.script.ignores_sigterm)
    }

    pub(super) fn stop(&mut self, id: SchedulerId, took: Duration) -> Result<Stopped, WorldError> {
        let was_owner = self.is_owner(id);
        let loader = self.loaders.get_mut(&id).ok_or_else(|| gone(id))?;
        let killed = loader.exit.is_none() && loader.script.ignores_sigterm;
        let leaves = if killed {
            PayloadExit::Signal(libc::SIGKILL)
        } else {
            PayloadExit::Code(0)
        };
        let exit = *loader.exit.get_or_insert(leaves);
        if was_owner {
            self.stuck |= loader.script.never_settles;
            self.owner = None;
        }
        if self.watched == Some(id) {
            self.watched = None;
        }
        Ok(Stopped {
            exit,
            killed,
            took,
            restored: self.kernel().state == ExtState::Disabled,
        })
    }

    /// Names of the maps that are there.
    pub(super) fn maps(&self) -> Vec<String> {
        let alive = self.loaders.values().filter(|loader| loader.exit.is_none());
        let names: BTreeSet<&String> = alive
            .flat_map(|loader| &loader.script.maps)
            .chain(&self.pinned)
            .collect();
        names.into_iter().cloned().collect()
    }
}

fn gone(id: SchedulerId) -> WorldError {
    WorldError::Gone {
        what: format!("scheduler {}", id.0),
    }
}
