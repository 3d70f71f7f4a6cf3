//! One definition: a cgroup, its limits, its load, in the order of section 2.3.
//!
//! All limits are written before the first worker starts, and workers start
//! inside the cgroup, so no limit ever arrives late.

use super::crew;
use super::limits::{self, Extent, Text, Write1};
use super::payload_rules::{Origin, of_definition};
use super::requirements::{lacking, of_def};
use super::slot::Group;
use super::stage::Stage;
use super::step::StepId;
use super::{Error, Result, resolve};
use crate::bindings::types::{CgroupDef, CpusetSpec, PayloadRun, WorkerCount};
use crate::cpuset::CpuSet;
use crate::name::{components, quote};
use crate::world::{Controllers, GroupId, Knob, WorldError};

impl Stage {
    /// Carries definitions out, one after another.
    ///
    /// # Errors
    /// Of the first that fails; it names the cgroup.
    pub fn setup(&mut self, step: StepId, defs: &[CgroupDef]) -> Result<()> {
        let done = self.active(step).map(drop);
        let done = done.and_then(|()| self.apply_defs(defs));
        self.noted(done)
    }

    /// Definitions, after which all that they started runs.
    pub(super) fn apply_defs(&mut self, defs: &[CgroupDef]) -> Result<()> {
        let done = defs.iter().try_for_each(|def| {
            self.look()?;
            self.apply_def(def)
        });
        done.and(self.open_gates())
    }

    /// Lets the crews run that were started since the last call. All of a pass
    /// start to run together: one that ran would slow the start of the next.
    pub(super) fn open_gates(&mut self) -> Result<()> {
        if self.gated.is_empty() {
            return Ok(());
        }
        let gated = std::mem::take(&mut self.gated);
        Ok(self.world.open_gates(&gated)?)
    }

    pub(super) fn apply_def(&mut self, def: &CgroupDef) -> Result<()> {
        let payload = of_definition(def)?;
        self.granted(def, payload.as_ref())?;
        self.enable(of_def(def))?;
        let group = self.add_group(&def.name)?;
        let locate = |error: Error| error.context(format!("cgroup {}", quote(&def.name)));
        self.apply_limits(group, def).map_err(locate)?;
        self.start_work(def)?;
        payload.map_or(Ok(()), |run| {
            self.run_payload(&run, Origin::Definition).map(drop)
        })
    }

    /// What a definition starts is granted or denied before its cgroup is made.
    fn granted(&self, def: &CgroupDef, payload: Option<&PayloadRun>) -> Result<()> {
        let locate = |error: Error| error.context(format!("cgroup {}", quote(&def.name)));
        if let Some(run) = payload {
            self.permits.payload(&run.payload).map_err(locate)?;
        }
        let usual = def.work.is_empty().then(crew::default_spec);
        let mut works = usual.iter().chain(&def.work);
        works.try_for_each(|work| {
            crew::granted(work, self.own_work(), &self.permits).map_err(locate)
        })
    }

    fn apply_limits(&mut self, group: GroupId, def: &CgroupDef) -> Result<()> {
        if let Some(spec) = &def.cpuset {
            let cpus = self.definition_cpuset(def, spec)?;
            self.put_cpuset(&def.name, Some(cpus))?;
        }
        if let Some(nodes) = &def.cpuset_mems {
            let nodes = self.existing_nodes(nodes)?;
            self.write(group, Knob::CpusetMems, &nodes.to_string())?;
            self.group_mut(&def.name)?.mems = Some(nodes);
        }
        if let Some(cpu) = &def.cpu {
            self.write_all(group, &limits::cpu(cpu, Extent::Definition)?)?;
            self.doubt_cap(&def.name, cpu);
        }
        if let Some(memory) = &def.memory {
            self.write_all(group, &limits::memory(memory, Extent::Definition))?;
        }
        if let Some(weight) = def.io_weight {
            self.write_one(group, limits::io_weight(weight)?)?;
        }
        if let Some(max) = def.pids_max {
            self.write_one(group, limits::pids_max(max)?)?;
        }
        Ok(())
    }

    /// The three ways in which a definition's cpuset can be empty, told apart.
    pub(super) fn definition_cpuset(&self, def: &CgroupDef, spec: &CpusetSpec) -> Result<CpuSet> {
        let cpus = resolve::cpuset(spec, self.machine())?;
        if !cpus.is_empty() {
            return Ok(cpus);
        }
        let fractions: Vec<String> = def
            .work
            .iter()
            .filter_map(|work| match work.workers {
                WorkerCount::FractionOfCpuset(fraction) => Some(fraction.to_string()),
                _ => None,
            })
            .collect();
        let spec = resolve::words(spec);
        Err(Error::invalid(if fractions.is_empty() {
            format!("{spec} resolves to no CPU on this machine")
        } else {
            format!(
                "{spec} resolves to 0 CPUs, of which fraction-of-cpuset {} is 0 workers",
                fractions.join(", ")
            )
        })
        .remedy("widen it, take a larger topology, or leave the cpuset out"))
    }

    /// Nodes for `cpuset.mems`; not empty, all there.
    pub(super) fn existing_nodes(&self, nodes: &[u32]) -> Result<CpuSet> {
        let machine = self.machine();
        let wanted = CpuSet::from(nodes);
        let missing: Vec<u32> = wanted
            .iter()
            .filter(|n| !machine.nodes.contains(n))
            .collect();
        if wanted.is_empty() || !missing.is_empty() {
            return Err(Error::invalid(format!(
                "cpuset.mems needs nodes that exist: {missing:?} do not, the machine has {:?}",
                machine.nodes
            )));
        }
        Ok(wanted)
    }

    /// Creates and tracks a cgroup in the target slot, with the levels above
    /// it that its name needs.
    pub(super) fn add_group(&mut self, name: &str) -> Result<GroupId> {
        let parts = components(name)?;
        match self.find(name) {
            Some(group) if !group.implicit => {
                return Err(Error::declared_already(name));
            }
            Some(group) => {
                let id = group.id;
                self.group_mut(name)?.implicit = false;
                return Ok(id);
            }
            None => {}
        }
        let mut parent = GroupId::ROOT;
        let mut path = String::with_capacity(name.len());
        for (level, part) in parts.iter().enumerate() {
            if level > 0 {
                path.push('/');
            }
            path.push_str(part);
            let last = level + 1 == parts.len();
            parent = match self.find(&path) {
                Some(group) => group.id,
                None => self.create_group(parent, &path, part, !last)?,
            };
            if !last {
                self.enable_below(parent, &path)?;
            }
        }
        Ok(parent)
    }

    fn create_group(
        &mut self,
        parent: GroupId,
        path: &str,
        part: &str,
        implicit: bool,
    ) -> Result<GroupId> {
        let alive: usize = self.slots().map(|slot| slot.groups.len()).sum();
        if alive >= self.settings.limits.cgroups as usize {
            let most = self.settings.limits.cgroups as usize;
            return Err(Error::too_many_cgroups(path, most));
        }
        self.mediation.writes += 1;
        let id = self.world.create(parent, part)?;
        self.target()
            .groups
            .push(Group::new(path.to_owned(), id, implicit));
        Ok(id)
    }

    /// Enables controllers for the scenario's cgroups, and along the path of
    /// the nested ones. Nothing is written for a set that is enabled already.
    pub(super) fn enable(&mut self, needed: Controllers) -> Result<()> {
        self.permits.controllers(needed)?;
        let missing = needed - self.enabled;
        if missing.is_empty() {
            return Ok(());
        }
        lacking(missing, self.world.as_ref())?;
        self.mediation.writes += 1;
        self.world.enable(GroupId::ROOT, missing).map_err(|error| {
            Error::from(error).context(format!("enabling controllers {missing}"))
        })?;
        self.enabled |= missing;
        let parents: Vec<(GroupId, String)> = self
            .slots()
            .flat_map(|slot| &slot.groups)
            .filter(|parent| self.has_children(&parent.name))
            .map(|parent| (parent.id, parent.name.clone()))
            .collect();
        parents
            .iter()
            .try_for_each(|(id, name)| self.enable_below(*id, name))
    }

    fn enable_below(&mut self, group: GroupId, name: &str) -> Result<()> {
        if self.enabled.is_empty() {
            return Ok(());
        }
        self.mediation.writes += 1;
        self.world.enable(group, self.enabled).map_err(|error| {
            Error::from(error).context(format!(
                "cgroup {} cannot have both tasks and limited children: put its workers into a child",
                quote(name)
            ))
        })
    }

    pub(super) fn has_children(&self, name: &str) -> bool {
        let below = |other: &str| {
            other
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        self.slots()
            .flat_map(|slot| &slot.groups)
            .any(|group| below(&group.name))
    }

    /// Writes `cpuset.cpus` and records it; `None` clears it.
    pub(super) fn put_cpuset(&mut self, name: &str, cpus: Option<CpuSet>) -> Result<()> {
        let id = self.group(name)?.id;
        if cpus.is_some() {
            self.findings.seen.cpuset();
        }
        // The kernel takes a bare newline for "no set of its own".
        let text = cpus
            .as_ref()
            .map_or_else(|| "\n".to_owned(), CpuSet::to_string);
        self.write(id, Knob::CpusetCpus, &text)?;
        self.group_mut(name)?.record_cpuset(cpus);
        Ok(())
    }

    pub(super) fn write(&mut self, group: GroupId, knob: Knob, value: &str) -> Result<()> {
        self.mediation.writes += 1;
        Ok(self.world.write(group, knob, value)?)
    }

    pub(super) fn write_one(&mut self, group: GroupId, (knob, value): Write1) -> Result<()> {
        self.mediation.writes += 1;
        match self.world.write(group, knob, Text::of(value).as_str()) {
            // A kernel without swap accounting has no limit to lift.
            Err(WorldError::Write {
                errno: nix::errno::Errno::ENOENT,
                ..
            }) if knob == Knob::MemorySwapMax && value == limits::Value::Max => Ok(()),
            result => Ok(result?),
        }
    }

    pub(super) fn write_all(&mut self, group: GroupId, writes: &[Option<Write1>]) -> Result<()> {
        writes
            .iter()
            .flatten()
            .try_for_each(|write| self.write_one(group, *write))
    }
}
