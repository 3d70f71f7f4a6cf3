//! The cgroup v2 files that Proscenium knows, and their controllers.
//!
//! A closed list: a file that is not here cannot be reached by any scenario.
//! Source: the kernel's Documentation/admin-guide/cgroup-v2.rst.

use std::fmt;

bitflags::bitflags! {
    /// A set of cgroup v2 controllers.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Controllers: u8 {
        /// CPU time.
        const CPU = 1;
        /// CPU and memory placement.
        const CPUSET = 1 << 1;
        /// Memory.
        const MEMORY = 1 << 2;
        /// Block I/O.
        const IO = 1 << 3;
        /// Number of tasks.
        const PIDS = 1 << 4;
    }
}

impl Controllers {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::CPU, "cpu"),
        (Self::CPUSET, "cpuset"),
        (Self::MEMORY, "memory"),
        (Self::IO, "io"),
        (Self::PIDS, "pids"),
    ];

    /// The kernel's names of the members.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(one, _)| self.contains(*one))
            .map(|(_, name)| name)
    }

    /// Parses `cgroup.controllers`; unknown names are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::NAMES
            .into_iter()
            .filter(|(_, name)| text.split_whitespace().any(|word| word == *name))
            .map(|(one, _)| one)
            .collect()
    }
}

impl fmt::Display for Controllers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for name in self.names() {
            write!(f, "{separator}{name}")?;
            separator = " ";
        }
        Ok(())
    }
}

/// One cgroup file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Knob {
    /// `cpuset.cpus`
    CpusetCpus,
    /// `cpuset.cpus.effective`
    CpusetCpusEffective,
    /// `cpuset.mems`
    CpusetMems,
    /// `cpu.weight`
    CpuWeight,
    /// `cpu.max`
    CpuMax,
    /// `cpu.stat`
    CpuStat,
    /// `cpu.pressure`
    CpuPressure,
    /// `memory.max`
    MemoryMax,
    /// `memory.high`
    MemoryHigh,
    /// `memory.low`
    MemoryLow,
    /// `memory.swap.max`
    MemorySwapMax,
    /// `memory.current`
    MemoryCurrent,
    /// `memory.pressure`
    MemoryPressure,
    /// `io.weight`
    IoWeight,
    /// `io.pressure`
    IoPressure,
    /// `pids.max`
    PidsMax,
    /// `cgroup.freeze`
    Freeze,
    /// `cgroup.kill`, since Linux 5.14
    Kill,
    /// `cgroup.procs`
    Procs,
    /// `cgroup.subtree_control`
    SubtreeControl,
}

impl Knob {
    /// Number of knobs; `self as usize` is below it.
    pub const COUNT: usize = 20;

    /// Name of the file in the cgroup's directory.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::CpusetCpus => "cpuset.cpus",
            Self::CpusetCpusEffective => "cpuset.cpus.effective",
            Self::CpusetMems => "cpuset.mems",
            Self::CpuWeight => "cpu.weight",
            Self::CpuMax => "cpu.max",
            Self::CpuStat => "cpu.stat",
            Self::CpuPressure => "cpu.pressure",
            Self::MemoryMax => "memory.max",
            Self::MemoryHigh => "memory.high",
            Self::MemoryLow => "memory.low",
            Self::MemorySwapMax => "memory.swap.max",
            Self::MemoryCurrent => "memory.current",
            Self::MemoryPressure => "memory.pressure",
            Self::IoWeight => "io.weight",
            Self::IoPressure => "io.pressure",
            Self::PidsMax => "pids.max",
            Self::Freeze => "cgroup.freeze",
            Self::Kill => "cgroup.kill",
            Self::Procs => "cgroup.procs",
            Self::SubtreeControl => "cgroup.subtree_control",
        }
    }

    /// The controller without which the file does not exist.
    #[must_use]
    pub fn controller(self) -> Option<&'static str> {
        match self {
            Self::CpusetCpus | Self::CpusetCpusEffective | Self::CpusetMems => Some("cpuset"),
            Self::CpuWeight | Self::CpuMax => Some("cpu"),
            Self::MemoryMax
            | Self::MemoryHigh
            | Self::MemoryLow
            | Self::MemorySwapMax
            | Self::MemoryCurrent => Some("memory"),
            Self::IoWeight => Some("io"),
            Self::PidsMax => Some("pids"),
            Self::CpuStat
            | Self::CpuPressure
            | Self::MemoryPressure
            | Self::IoPressure
            | Self::Freeze
            | Self::Kill
            | Self::Procs
            | Self::SubtreeControl => None,
        }
    }
}
