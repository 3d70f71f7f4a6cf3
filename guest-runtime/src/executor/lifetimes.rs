//! Which cgroups would be alive at a point of a plan, who owns them and how
//! many workers are in them. Keeps the executor's rules for names and moves,
//! on paper.

use std::collections::BTreeMap;

use super::moves;
use super::slot::RUNNER;
use super::{Error, Result};
use crate::bindings::types::{CgroupDef, ErrorCode};
use crate::cpuset::CpuSet;
use crate::name::{components, quote};

/// Most names that a message lists.
const SHOWN: usize = 20;

/// A cgroup that would be alive.
#[derive(Clone, Debug, Default)]
pub(super) struct Alive {
    /// Step that owns it; `None`: the backdrop.
    owner: Option<usize>,
    pub(super) cpuset: Option<CpuSet>,
    pub(super) mems: Option<CpuSet>,
    workers: Workers,
    /// There only because a nested name needs it.
    implicit: bool,
}

/// How many, by who owns them.
#[derive(Clone, Copy, Debug, Default)]
struct Workers {
    backdrop: u32,
    step: u32,
}

impl Workers {
    fn all(self) -> u32 {
        self.backdrop.saturating_add(self.step)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Lifetimes<'a> {
    alive: BTreeMap<String, Alive>,
    runner: Workers,
    /// Names that a step had and took with it.
    ended: BTreeMap<String, usize>,
    /// What this step's setup will make after its ops.
    pub(super) coming: &'a [CgroupDef],
    step: Option<usize>,
    most: usize,
}

impl<'a> Lifetimes<'a> {
    /// Nothing is alive; at most `most` cgroups may be at a time.
    pub(super) fn new(most: u32) -> Self {
        Self {
            alive: BTreeMap::new(),
            runner: Workers::default(),
            ended: BTreeMap::new(),
            coming: &[],
            step: None,
            most: most as usize,
        }
    }

    pub(super) fn begin_step(&mut self, index: usize) {
        self.step = Some(index);
    }

    /// Takes what the step made.
    pub(super) fn end_step(&mut self, index: usize) {
        let ended = &mut self.ended;
        self.alive.retain(|name, group| {
            let stays = group.owner.is_none();
            if !stays {
                ended.insert(name.clone(), index);
            }
            stays
        });
        for workers in self
            .alive
            .values_mut()
            .map(|group| &mut group.workers)
            .chain([&mut self.runner])
        {
            workers.step = 0;
        }
    }

    /// A new cgroup, with the levels above it that its name needs.
    pub(super) fn add(&mut self, name: &str) -> Result<()> {
        components(name)?;
        if let Some(group) = self.alive.get_mut(name) {
            if std::mem::take(&mut group.implicit) {
                return Ok(());
            }
            return Err(Error::declared_already(name));
        }
        let ends = name.match_indices('/').map(|(at, _)| (at, true));
        for (end, implicit) in ends.chain([(name.len(), false)]) {
            let Some(path) = name
                .get(..end)
                .filter(|path| !self.alive.contains_key(*path))
            else {
                continue;
            };
            if self.alive.len() >= self.most {
                return Err(Error::too_many_cgroups(path, self.most));
            }
            let group = Alive {
                owner: self.step,
                implicit,
                ..Alive::default()
            };
            self.alive.insert(path.to_owned(), group);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<()> {
        self.known(name)?;
        let has_children = self.alive.keys().any(|other| {
            other
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('/'))
        });
        if has_children {
            return Err(Error::has_children(name));
        }
        self.alive.remove(name);
        Ok(())
    }

    pub(super) fn stop(&mut self, name: &str) -> Result<()> {
        self.known_mut(name)?.workers = Workers::default();
        Ok(())
    }

    /// Workers that the running step, or the backdrop, starts in a cgroup or
    /// beside the runtime.
    pub(super) fn start(&mut self, name: Option<&str>, workers: u32) {
        let step = self.step.is_some();
        let place = match name {
            None => Some(&mut self.runner),
            Some(name) => self.alive.get_mut(name).map(|group| &mut group.workers),
        };
        if let Some(place) = place {
            let of_owner = if step {
                &mut place.step
            } else {
                &mut place.backdrop
            };
            *of_owner = of_owner.saturating_add(workers);
        }
    }

    /// Moves all workers; says whether there were any.
    pub(super) fn move_all(&mut self, from: &str, to: &str) -> Result<bool> {
        moves::different(from, to)?;
        let moved = if from == RUNNER {
            self.runner
        } else {
            self.known(from)?.workers
        };
        let to_backdrop = self.known(to)?.owner.is_none();
        if moved.backdrop > 0 && !to_backdrop {
            return Err(moves::from_backdrop(from, to));
        }
        if let Some(group) = self.alive.get_mut(to) {
            let of_owner = if to_backdrop {
                &mut group.workers.backdrop
            } else {
                &mut group.workers.step
            };
            *of_owner = of_owner.saturating_add(moved.all());
        }
        match self.alive.get_mut(from) {
            Some(group) => group.workers = Workers::default(),
            None => self.runner = Workers::default(),
        }
        Ok(moved.all() > 0)
    }

    /// Workers alive in all.
    pub(super) fn workers(&self) -> u32 {
        self.alive
            .values()
            .map(|group| group.workers)
            .chain([self.runner])
            .fold(0, |all, workers| all.saturating_add(workers.all()))
    }

    /// Whether a cgroup lasts for the scenario.
    pub(super) fn is_backdrop(&self, name: &str) -> bool {
        self.alive
            .get(name)
            .is_some_and(|group| group.owner.is_none())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Alive> {
        self.alive.get(name)
    }

    pub(super) fn known(&self, name: &str) -> Result<&Alive> {
        self.alive.get(name).ok_or_else(|| self.unknown(name))
    }

    pub(super) fn known_mut(&mut self, name: &str) -> Result<&mut Alive> {
        self.known(name)?;
        self.alive
            .get_mut(name)
            .ok_or_else(|| Error::not_found(quote(name)))
    }

    fn unknown(&self, name: &str) -> Error {
        let shown = quote(name);
        if self.coming.iter().any(|def| def.name == name) {
            return Error::not_found(format!(
                "cgroup {shown} is made by this step's setup, which comes after its ops"
            ))
            .remedy("declare it in the backdrop, or with add-cgroup-def earlier in these ops");
        }
        if let (Some(ended), Some(step)) = (self.ended.get(name), self.step) {
            return Error::not_found(format!(
                "cgroup {shown} ended with step {ended}; step {step} has no such cgroup"
            ))
            .remedy("declare it in the backdrop to have it in both");
        }
        if self.alive.is_empty() {
            return Error::new(
                ErrorCode::NotFound,
                format!("no cgroup {shown}: there is none at all here"),
            )
            .remedy("declare it in the backdrop, or add it earlier in this step");
        }
        let names: Vec<&str> = self.alive.keys().map(String::as_str).take(SHOWN).collect();
        Error::not_found(format!("no cgroup {shown}: there are {}", names.join(", ")))
            .remedy("correct the name, or add the cgroup first")
    }
}
