//! Cgroups by handle: what the `cgroups` interface offers, on the same slots,
//! with the same rules and the same teardown as definitions and ops.

use std::time::Duration;

use super::collect::parse_cpu_stat;
use super::limits::{self, Extent};
use super::stage::Stage;
use super::{Error, Result};
use crate::bindings::cgroups::{CpuStat, Pressure, PressureResource};
use crate::bindings::types::{CountLimit, CpuLimits, CpusetSpec, MemoryLimits};
use crate::time::nanos;
use crate::world::{Controllers, GroupId, Knob};

impl Stage {
    /// An empty cgroup in the running step, or the backdrop between steps.
    ///
    /// # Errors
    /// `invalid` name, `already-exists`, `limit-exceeded`, the kernel's own.
    pub fn create_cgroup(&mut self, name: &str) -> Result<GroupId> {
        self.proceed()?;
        self.start();
        self.add_group(name)
    }

    /// A tracked cgroup by name.
    ///
    /// # Errors
    /// `not-found`, listing what there is.
    pub fn open_cgroup(&mut self, name: &str) -> Result<GroupId> {
        Ok(self.group(name)?.id)
    }

    /// The name of a cgroup that is alive.
    ///
    /// # Errors
    /// `not-found` once it was removed, with its step or by hand.
    pub fn cgroup_name(&self, id: GroupId) -> Result<String> {
        self.slots()
            .flat_map(|slot| &slot.groups)
            .find(|group| group.id == id)
            .map(|group| group.name.clone())
            .ok_or_else(|| {
                Error::not_found("this cgroup is gone: it was removed, or ended with its step")
            })
    }

    /// `set-cpuset`.
    ///
    /// # Errors
    /// As for the op.
    pub fn set_cgroup_cpuset(&mut self, id: GroupId, spec: &CpusetSpec) -> Result<()> {
        self.enable_for(Controllers::CPUSET)?;
        let name = self.cgroup_name(id)?;
        self.set_cpuset(&name, spec)
    }

    /// `clear-cpuset`.
    ///
    /// # Errors
    /// As for the op.
    pub fn clear_cgroup_cpuset(&mut self, id: GroupId) -> Result<()> {
        self.enable_for(Controllers::CPUSET)?;
        let name = self.cgroup_name(id)?;
        self.put_cpuset(&name, None)
    }

    /// `cpu.weight` and `cpu.max`, as far as given.
    ///
    /// # Errors
    /// `invalid` out of range, the kernel's own.
    pub fn set_cgroup_cpu(&mut self, id: GroupId, limits: &CpuLimits) -> Result<()> {
        self.enable_for(Controllers::CPU)?;
        self.write_all(id, &limits::cpu(limits, Extent::Change)?)?;
        if limits.max.is_some() {
            let name = self.cgroup_name(id)?;
            self.doubt_cap(&name, limits);
        }
        Ok(())
    }

    /// `memory.*`, as far as given.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn set_cgroup_memory(&mut self, id: GroupId, limits: &MemoryLimits) -> Result<()> {
        self.enable_for(Controllers::MEMORY)?;
        self.write_all(id, &limits::memory(limits, Extent::Change))
    }

    /// `io.weight`.
    ///
    /// # Errors
    /// `invalid` out of range, the kernel's own.
    pub fn set_cgroup_io_weight(&mut self, id: GroupId, weight: u32) -> Result<()> {
        self.enable_for(Controllers::IO)?;
        self.write_one(id, limits::io_weight(weight)?)
    }

    /// `pids.max`.
    ///
    /// # Errors
    /// `invalid` for 0, the kernel's own.
    pub fn set_cgroup_pids_max(&mut self, id: GroupId, max: CountLimit) -> Result<()> {
        self.enable_for(Controllers::PIDS)?;
        self.write_one(id, limits::pids_max(max)?)
    }

    /// Freezes or thaws.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn freeze_cgroup(&mut self, id: GroupId, frozen: bool) -> Result<()> {
        self.proceed()?;
        let name = self.cgroup_name(id)?;
        self.set_frozen(&name, frozen)
    }

    /// `move-all-tasks`; says how many workers moved.
    ///
    /// # Errors
    /// As for the op.
    pub fn move_cgroup_tasks(&mut self, from: GroupId, to: GroupId) -> Result<u32> {
        self.proceed()?;
        let (from, to) = (self.cgroup_name(from)?, self.cgroup_name(to)?);
        self.move_all(&from, &to)
    }

    /// Process ids in `cgroup.procs`.
    ///
    /// # Errors
    /// `limit-exceeded` beyond 16,384, the kernel's own.
    pub fn cgroup_tasks(&mut self, id: GroupId) -> Result<Vec<u32>> {
        let name = self.cgroup_name(id)?;
        self.read_procs(id, &name)
    }

    /// `cpu.stat`.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn cgroup_cpu_stat(&mut self, id: GroupId) -> Result<CpuStat> {
        let time = parse_cpu_stat(self.read(id, Knob::CpuStat)?);
        let ns = |us: u64| us.saturating_mul(1_000);
        Ok(CpuStat {
            usage: ns(time.usage_us),
            user: ns(time.user_us),
            system: ns(time.system_us),
            nr_periods: time.nr_periods,
            nr_throttled: time.nr_throttled,
            throttled: ns(time.throttled_us),
        })
    }

    /// `memory.current`, in bytes.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn cgroup_memory_current(&mut self, id: GroupId) -> Result<u64> {
        self.enable_for(Controllers::MEMORY)?;
        let text = self.read(id, Knob::MemoryCurrent)?.trim();
        text.parse()
            .map_err(|_| Error::unavailable("memory.current is not a number"))
    }

    /// Pressure stall information.
    ///
    /// # Errors
    /// `unavailable` on a kernel without it.
    pub fn cgroup_pressure(&mut self, id: GroupId, of: PressureResource) -> Result<Pressure> {
        let knob = match of {
            PressureResource::Cpu => Knob::CpuPressure,
            PressureResource::Memory => Knob::MemoryPressure,
            PressureResource::Io => Knob::IoPressure,
        };
        Ok(parse_pressure(self.read(id, knob)?))
    }

    /// Stops what runs in it and removes it.
    ///
    /// # Errors
    /// As for the op.
    pub fn remove_cgroup(&mut self, id: GroupId) -> Result<()> {
        self.proceed()?;
        let name = self.cgroup_name(id)?;
        self.remove_group(&name)
    }

    pub(super) fn read(&mut self, id: GroupId, knob: Knob) -> Result<&str> {
        self.under_way()?;
        self.mediation.reads += 1;
        Ok(self.world.read(id, knob)?)
    }
}

/// Parses a PSI file: `some avg10=0.00 avg60=… avg300=… total=0`, then `full`.
/// Totals are in microseconds there.
fn parse_pressure(text: &str) -> Pressure {
    let mut pressure = Pressure {
        some_avg10: 0.0,
        some_total: 0,
        full_avg10: 0.0,
        full_total: 0,
    };
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let kind = words.next();
        let (avg10, total) = match kind {
            Some("some") => (&mut pressure.some_avg10, &mut pressure.some_total),
            Some("full") => (&mut pressure.full_avg10, &mut pressure.full_total),
            _ => continue,
        };
        for word in words {
            match word.split_once('=') {
                Some(("avg10", value)) => *avg10 = value.parse().unwrap_or(0.0),
                Some(("total", value)) => {
                    let total_us = Duration::from_micros(value.parse().unwrap_or(0));
                    *total = nanos(total_us);
                }
                _ => {}
            }
        }
    }
    pressure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_parsed_from_the_kernels_text() {
        let text = "some avg10=12.50 avg60=1.00 avg300=0.10 total=1500\n\
                    full avg10=0.25 avg60=0.00 avg300=0.00 total=20\n";
        let pressure = parse_pressure(text);
        assert!((pressure.some_avg10 - 12.5).abs() < 1e-9);
        assert_eq!(
            (pressure.some_total, pressure.full_total),
            (1_500_000, 20_000)
        );
        assert_eq!(parse_pressure("garbage\n").some_total, 0);
    }
}
