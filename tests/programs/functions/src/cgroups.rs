//! Calls of `cgroups`.

use proscenium_sdk::bindings::proscenium::scenario::cgroups::{Cgroup, PressureResource};
use proscenium_sdk::prelude::*;
use proscenium_sdk::types::{CountLimit, CpuLimits, MemoryLimits};

use crate::{Call, loaded};

pub(crate) const CALLS: [(&str, Call); 18] = [
    ("cgroups.cgroup.create", || with(|_| Ok(()))),
    ("cgroups.cgroup.open", || {
        with(|_| Cgroup::open("made").map(drop))
    }),
    ("cgroups.cgroup.name", || {
        with(|made| {
            let name = made.name();
            check(name == "made", || format!("its name is {name}"));
            Ok(())
        })
    }),
    ("cgroups.cgroup.set-cpuset", || {
        with(|made| made.set_cpuset(&disjoint(0, 1)))
    }),
    ("cgroups.cgroup.clear-cpuset", || {
        with(|made| made.clear_cpuset())
    }),
    ("cgroups.cgroup.set-cpu", || {
        with(|made| {
            made.set_cpu(CpuLimits {
                max: None,
                weight: Some(200),
            })
        })
    }),
    ("cgroups.cgroup.set-memory", || {
        with(|made| {
            made.set_memory(MemoryLimits {
                max: None,
                high: None,
                low: Some(0),
                swap_max: None,
            })
        })
    }),
    ("cgroups.cgroup.set-io-weight", || {
        with(|made| made.set_io_weight(200))
    }),
    ("cgroups.cgroup.set-pids-max", || {
        with(|made| made.set_pids_max(CountLimit::Count(50)))
    }),
    ("cgroups.cgroup.freeze", || with(|made| made.freeze())),
    ("cgroups.cgroup.thaw", || with(|made| made.thaw())),
    ("cgroups.cgroup.move-all-tasks", || {
        let _step = loaded()?;
        let (load, other) = (Cgroup::open("load")?, Cgroup::create("other")?);
        let moved = load.move_all_tasks(&other)?;
        check(moved == 2, || format!("{moved} workers moved"));
        Ok(())
    }),
    ("cgroups.cgroup.tasks", || {
        let _step = loaded()?;
        let tasks = Cgroup::open("load")?.tasks()?;
        check(tasks.len() == 2, || format!("tasks are {tasks:?}"));
        Ok(())
    }),
    ("cgroups.cgroup.cpu-stat", || {
        with(|made| made.cpu_stat().map(drop))
    }),
    ("cgroups.cgroup.memory-current", || {
        with(|made| made.memory_current().map(drop))
    }),
    ("cgroups.cgroup.pressure", || {
        with(|made| made.pressure(PressureResource::Cpu).map(drop))
    }),
    ("cgroups.cgroup.remove", || with(|_| Ok(()))),
    ("cgroups.cgroup.drop", || {
        with(|_| {
            drop(Cgroup::open("made")?);
            Ok(())
        })
    }),
];

/// Makes a cgroup, does something with it, and removes it.
fn with(call: impl FnOnce(&Cgroup) -> Result<(), Error>) -> Result<(), Error> {
    let made = Cgroup::create("made")?;
    let done = call(&made);
    Cgroup::remove(made)?;
    done
}
