//! `cgroups` — create cgroups below the scenario's root, set and read them.
//! Never names a path: what has no handle cannot be reached.

use proscenium_wire::Budget;
use wasmtime::component::Resource;

use crate::bindings::cgroups::{CpuStat, Host, HostCgroup, Pressure, PressureResource};
use crate::bindings::types::{CountLimit, CpuLimits, CpusetSpec, MemoryLimits};
use crate::executor::{Error, Result};
use crate::plugin::State;
use crate::world::GroupId;

/// A plugin's handle to one cgroup. It may outlive the cgroup.
#[derive(Debug)]
pub struct Handle {
    group: GroupId,
    /// There may be a million handles.
    name: Box<str>,
}

impl State {
    fn open_handle(&mut self, group: GroupId, name: String) -> Result<Resource<Handle>> {
        let name = name.into_boxed_str();
        self.table
            .push(Handle { group, name })
            .map_err(|_| Error::limit(Budget::Handles, "no more handles: drop some"))
    }

    #[inline]
    fn cgroup(&self, handle: &Resource<Handle>) -> Result<GroupId> {
        self.table
            .get(handle)
            .map(|handle| handle.group)
            .map_err(|_| Error::not_found("no such handle"))
    }
}

impl Host for State {}

impl HostCgroup for State {
    fn create(&mut self, name: String) -> Result<Resource<Handle>> {
        let group = self.stage.create_cgroup(&name)?;
        self.open_handle(group, name)
    }

    fn open(&mut self, name: String) -> Result<Resource<Handle>> {
        let group = self.stage.open_cgroup(&name)?;
        self.open_handle(group, name)
    }

    fn name(&mut self, this: Resource<Handle>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.name.to_string())
    }

    fn set_cpuset(&mut self, this: Resource<Handle>, spec: CpusetSpec) -> Result<()> {
        let group = self.cgroup(&this)?;
        self.stage.set_cgroup_cpuset(group, &spec)
    }

    fn clear_cpuset(&mut self, this: Resource<Handle>) -> Result<()> {
        let group = self.cgroup(&this)?;
        self.stage.clear_cgroup_cpuset(group)
    }

    fn set_cpu(&mut self, this: Resource<Handle>, limits: CpuLimits) -> Result<()> {
        let group = self.cgroup(&this)?;
        self.stage.set_cgroup_cpu(group, &limits)
    }

    fn set_memory(&mut self, this: Resource<Handle>, limits: MemoryLimits) -> Result<()> {
        let group = self.cgroup(&this)?;
        self.stage.set_cgroup_memory(group, &limits)
    }

    fn set_io_weight(&mut self, this: Resource<Handle>, weight: u32) -> Result<()> {
        let group = self.cgroup(&this)?;
        self.stage.set_cgroup_io_weight(group, weight)
    }

    fn set_pids_max(&mut self, this: Resource<Handle>, max: CountLimit) -> Result<()> {
        let group = self.cgroup(&this)?;
        self.stage.set_cgroup_pids_max(group, max)
    }

    fn freeze(&mut self, this: Resource<Handle>) -> Result<()> {
        let group = self.cgroup(&this)?;
        self.stage.freeze_cgroup(group, true)
    }

    fn thaw(&mut self, this: Resource<Handle>) -> Result<()> {
        let group = self.cgroup(&this)?;
        self.stage.freeze_cgroup(group, false)
    }

    fn move_all_tasks(&mut self, this: Resource<Handle>, to: Resource<Handle>) -> Result<u32> {
        let (from, to) = (self.cgroup(&this)?, self.cgroup(&to)?);
        self.stage.move_cgroup_tasks(from, to)
    }

    fn tasks(&mut self, this: Resource<Handle>) -> Result<Vec<u32>> {
        let group = self.cgroup(&this)?;
        self.stage.cgroup_tasks(group)
    }

    fn cpu_stat(&mut self, this: Resource<Handle>) -> Result<CpuStat> {
        let group = self.cgroup(&this)?;
        self.stage.cgroup_cpu_stat(group)
    }

    fn memory_current(&mut self, this: Resource<Handle>) -> Result<u64> {
        let group = self.cgroup(&this)?;
        self.stage.cgroup_memory_current(group)
    }

    fn pressure(&mut self, this: Resource<Handle>, of: PressureResource) -> Result<Pressure> {
        let group = self.cgroup(&this)?;
        self.stage.cgroup_pressure(group, of)
    }

    fn remove(&mut self, this: Resource<Handle>) -> Result<()> {
        let group = self.cgroup(&this)?;
        // The handle is the caller's no more, whatever comes of the removal.
        let _ = self.table.delete(this);
        self.blocking(|stage| stage.remove_cgroup(group))
    }

    fn drop(&mut self, this: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
