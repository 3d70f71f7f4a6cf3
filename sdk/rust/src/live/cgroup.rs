//! A live cgroup: read it, change it. Capability: `cgroups`.

use std::time::Duration;

use crate::bindings::proscenium::scenario::cgroups;
pub use crate::bindings::proscenium::scenario::cgroups::PressureResource;
use crate::error::Error;
use crate::time::{from_nanos, to_nanos};
use crate::types::{
    ByteLimit, CountLimit, CpuBandwidth, CpuLimits, CpusetSpec, MemoryLimits, Quota,
};

/// `cpu.stat`, since the cgroup was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuStat {
    /// CPU time, user and system.
    pub usage: Duration,
    /// CPU time in user mode.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// Periods of `cpu.max` that passed; 0 without the cpu controller.
    pub nr_periods: u64,
    /// Those in which the cgroup was throttled.
    pub nr_throttled: u64,
    /// How long it was throttled.
    pub throttled: Duration,
}

/// Pressure stall information. *Some* is time in which at least one task
/// waited, *full* time in which all did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    /// Share of the last 10 s, in percent.
    pub some_avg10: f64,
    /// In all, since the cgroup was made.
    pub some_total: Duration,
    /// Share of the last 10 s, in percent.
    pub full_avg10: f64,
    /// In all, since the cgroup was made.
    pub full_total: Duration,
}

/// A handle to one cgroup. It outlives the cgroup: once that is gone, every
/// call fails with `not-found`.
#[derive(Debug)]
pub struct Cgroup(cgroups::Cgroup);

/// Every method fails with what the grant forbids or the kernel refuses; the
/// error names the cgroup, the file and the value.
impl Cgroup {
    /// An empty cgroup that belongs to the running step, between steps to the
    /// whole scenario.
    pub fn create(name: &str) -> Result<Self, Error> {
        cgroups::Cgroup::create(name).map(Self)
    }

    /// One that the running step or the backdrop has.
    pub fn open(name: &str) -> Result<Self, Error> {
        cgroups::Cgroup::open(name).map(Self)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// Writes `cpuset.cpus`.
    pub fn set_cpuset(&self, cpus: &CpusetSpec) -> Result<(), Error> {
        self.0.set_cpuset(cpus)
    }

    /// Gives it the parent's cpuset.
    pub fn clear_cpuset(&self) -> Result<(), Error> {
        self.0.clear_cpuset()
    }

    /// Writes `cpu.max`, in percent of one CPU, period 100 ms.
    pub fn set_cpu_percent(&self, percent: u32) -> Result<(), Error> {
        self.set_bandwidth(CpuBandwidth::Percent(percent))
    }

    /// Writes `cpu.max`: CPU time per period, each at least 1 µs.
    pub fn set_cpu_quota(&self, runtime: Duration, period: Duration) -> Result<(), Error> {
        let quota = Quota {
            runtime: to_nanos(runtime),
            period: to_nanos(period),
        };
        self.set_bandwidth(CpuBandwidth::Quota(quota))
    }

    /// Lifts `cpu.max`.
    pub fn set_cpu_unlimited(&self) -> Result<(), Error> {
        self.set_bandwidth(CpuBandwidth::Unlimited)
    }

    /// Writes `cpu.weight`: 1 to 10000.
    pub fn set_cpu_weight(&self, weight: u32) -> Result<(), Error> {
        self.0.set_cpu(CpuLimits {
            max: None,
            weight: Some(weight),
        })
    }

    /// Writes those memory limits that are given.
    pub fn set_memory(&self, limits: MemoryLimits) -> Result<(), Error> {
        self.0.set_memory(limits)
    }

    /// Writes `memory.max`, in bytes.
    pub fn set_memory_max(&self, bytes: u64) -> Result<(), Error> {
        let max = Some(ByteLimit::Bytes(bytes));
        self.0.set_memory(MemoryLimits {
            max,
            high: None,
            low: None,
            swap_max: None,
        })
    }

    /// Writes `io.weight`: 1 to 10000.
    pub fn set_io_weight(&self, weight: u32) -> Result<(), Error> {
        self.0.set_io_weight(weight)
    }

    /// Writes `pids.max`; `None` lifts it.
    pub fn set_pids_max(&self, max: Option<u64>) -> Result<(), Error> {
        self.0
            .set_pids_max(max.map_or(CountLimit::Unlimited, CountLimit::Count))
    }

    /// Freezes it; does not wait until every task is.
    pub fn freeze(&self) -> Result<(), Error> {
        self.0.freeze()
    }

    /// Thaws it.
    pub fn thaw(&self) -> Result<(), Error> {
        self.0.thaw()
    }

    /// Moves its workers; says how many they were.
    pub fn move_all_tasks(&self, to: &Self) -> Result<u32, Error> {
        self.0.move_all_tasks(&to.0)
    }

    /// Process ids in `cgroup.procs`.
    pub fn tasks(&self) -> Result<Vec<u32>, Error> {
        self.0.tasks()
    }

    /// Reads `cpu.stat`.
    pub fn cpu_stat(&self) -> Result<CpuStat, Error> {
        self.0.cpu_stat().map(|raw| CpuStat {
            usage: from_nanos(raw.usage),
            user: from_nanos(raw.user),
            system: from_nanos(raw.system),
            nr_periods: raw.nr_periods,
            nr_throttled: raw.nr_throttled,
            throttled: from_nanos(raw.throttled),
        })
    }

    /// Reads `memory.current`, in bytes.
    pub fn memory_current(&self) -> Result<u64, Error> {
        self.0.memory_current()
    }

    /// Reads `cpu.pressure`, `memory.pressure` or `io.pressure`; `unavailable`
    /// on a kernel without PSI.
    pub fn pressure(&self, of: PressureResource) -> Result<Pressure, Error> {
        self.0.pressure(of).map(|raw| Pressure {
            some_avg10: raw.some_avg10,
            some_total: from_nanos(raw.some_total),
            full_avg10: raw.full_avg10,
            full_total: from_nanos(raw.full_total),
        })
    }

    /// Stops what runs in it and removes it.
    pub fn remove(self) -> Result<(), Error> {
        cgroups::Cgroup::remove(self.0)
    }

    fn set_bandwidth(&self, max: CpuBandwidth) -> Result<(), Error> {
        self.0.set_cpu(CpuLimits {
            max: Some(max),
            weight: None,
        })
    }
}
