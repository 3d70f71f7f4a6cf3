//! A cgroup, its limits and its load, said in one place.
//!
//! Owns how calls add up; what a value may be is for the runtime to say, which
//! knows the machine and names the cgroup and the value in its error. An
//! attribute that no call touched is not written at all.

use std::time::Duration;

use crate::time::to_nanos;
use crate::types::{
    Affinity, ByteLimit, CgroupDef as RawCgroupDef, CountLimit, CpuBandwidth, CpuLimits,
    CpusetSpec, MemPolicy, MemPolicyFlags, MemoryLimits, Node, PayloadRun, Quota, SchedPolicy,
    Work, WorkSpec,
};

/// Builds a cgroup definition.
///
/// * Limits: the last call for a limit wins, so a definition can be derived
///   from another and rewound with an `*_unlimited` call.
/// * `work`, `workers`, `workers_per_cpu`, `policy`, `affinity`, `mem_policy`
///   set the *first* group of workers and make it where there is none.
///   [`also`](Self::also) appends a group.
/// * `pcomm` makes one process of all groups that are there when it is called.
/// * `nice`, `comm`, `uid`, `gid` and `numa_node` are defaults for every group
///   that left them open, whenever they are called.
///
/// ```
/// use proscenium_sdk::prelude::*;
///
/// let def = CgroupDef::new("tenant/batch")
///     .cpuset(llc(0))
///     .cpu_percent(50)
///     .cpu_weight(250)
///     .memory_max(64 << 20)
///     .workers(2)
///     .work(Mixed::new().spins(2048))
///     .also(WorkSpec::new(PipeIo::new()).workers(2).nice(0))
///     .nice(5);
/// # let raw = proscenium_sdk::types::CgroupDef::from(def.clone());
/// # assert_eq!((raw.work[0].nice, raw.work[1].nice), (Some(5), Some(0)));
///
/// let unlimited = def.cpu_unlimited(); // The weight stays.
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CgroupDef {
    def: RawCgroupDef,
    defaults: Defaults,
}

/// What fills the fields that groups of workers left open.
#[derive(Clone, Debug, Default, PartialEq)]
struct Defaults {
    nice: Option<i32>,
    comm: Option<String>,
    uid: Option<u32>,
    gid: Option<u32>,
    numa_node: Option<Node>,
}

impl CgroupDef {
    /// A cgroup `a` or `a/b` below the scenario's own root: no part empty or
    /// starting with a dot, at most 255 bytes in all.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let def = RawCgroupDef {
            name: name.into(),
            cpuset: None,
            cpuset_mems: None,
            cpu: None,
            memory: None,
            io_weight: None,
            pids_max: None,
            work: Vec::new(),
            swappable: false,
            payload: None,
        };
        Self {
            def,
            defaults: Defaults::default(),
        }
    }

    /// `cpuset.cpus`.
    #[must_use]
    pub fn cpuset(mut self, cpus: CpusetSpec) -> Self {
        self.def.cpuset = Some(cpus);
        self
    }

    /// `cpuset.mems`: NUMA node ids.
    #[must_use]
    pub fn cpuset_mems(mut self, nodes: impl IntoIterator<Item = Node>) -> Self {
        self.def.cpuset_mems = Some(nodes.into_iter().collect());
        self
    }

    /// `cpu.max` in percent of one CPU, period 100 ms: 200 is two CPUs.
    #[must_use]
    pub fn cpu_percent(mut self, percent: u32) -> Self {
        self.cpu().max = Some(CpuBandwidth::Percent(percent));
        self
    }

    /// `cpu.max`: CPU time per period, each at least 1 µs.
    #[must_use]
    pub fn cpu_quota(mut self, runtime: Duration, period: Duration) -> Self {
        let quota = Quota {
            runtime: to_nanos(runtime),
            period: to_nanos(period),
        };
        self.cpu().max = Some(CpuBandwidth::Quota(quota));
        self
    }

    /// `cpu.max` without a limit. Keeps the weight.
    #[must_use]
    pub fn cpu_unlimited(mut self) -> Self {
        self.cpu().max = Some(CpuBandwidth::Unlimited);
        self
    }

    /// `cpu.weight`: 1 to 10000, the kernel's default is 100.
    #[must_use]
    pub fn cpu_weight(mut self, weight: u32) -> Self {
        self.cpu().weight = Some(weight);
        self
    }

    /// `memory.max` in bytes.
    #[must_use]
    pub fn memory_max(mut self, bytes: u64) -> Self {
        self.memory().max = Some(ByteLimit::Bytes(bytes));
        self
    }

    /// `memory.high` in bytes.
    #[must_use]
    pub fn memory_high(mut self, bytes: u64) -> Self {
        self.memory().high = Some(ByteLimit::Bytes(bytes));
        self
    }

    /// `memory.low` in bytes.
    #[must_use]
    pub fn memory_low(mut self, bytes: u64) -> Self {
        self.memory().low = Some(bytes);
        self
    }

    /// `memory.swap.max` in bytes; 0 forbids swapping.
    #[must_use]
    pub fn memory_swap_max(mut self, bytes: u64) -> Self {
        self.memory().swap_max = Some(ByteLimit::Bytes(bytes));
        self
    }

    /// `memory.swap.max` without a limit.
    #[must_use]
    pub fn memory_swap_unlimited(mut self) -> Self {
        self.memory().swap_max = Some(ByteLimit::Unlimited);
        self
    }

    /// Forgets every memory limit set so far; `memory.max` and `.high` are
    /// written as unlimited, `.low` as 0.
    #[must_use]
    pub fn memory_unlimited(mut self) -> Self {
        self.def.memory = Some(MemoryLimits {
            max: Some(ByteLimit::Unlimited),
            high: Some(ByteLimit::Unlimited),
            low: Some(0),
            swap_max: None,
        });
        self
    }

    /// `io.weight`: 1 to 10000.
    #[must_use]
    pub fn io_weight(mut self, weight: u32) -> Self {
        self.def.io_weight = Some(weight);
        self
    }

    /// `pids.max`: at least 1.
    #[must_use]
    pub fn pids_max(mut self, count: u64) -> Self {
        self.def.pids_max = Some(CountLimit::Count(count));
        self
    }

    /// `pids.max` without a limit.
    #[must_use]
    pub fn pids_unlimited(mut self) -> Self {
        self.def.pids_max = Some(CountLimit::Unlimited);
        self
    }

    /// What the first group of workers does. Without any call there is one
    /// group of spin-wait.
    #[must_use]
    pub fn work(self, work: impl Into<Work>) -> Self {
        let work = work.into();
        self.first(|spec| WorkSpec { work, ..spec })
    }

    /// Size of the first group: at least 1, a multiple of the type's group.
    #[must_use]
    pub fn workers(self, count: u32) -> Self {
        self.first(|spec| spec.workers(count))
    }

    /// Size of the first group as a share of the cgroup's CPUs, rounded up.
    #[must_use]
    pub fn workers_per_cpu(self, fraction: f64) -> Self {
        self.first(|spec| spec.workers_per_cpu(fraction))
    }

    /// Scheduling policy of the first group.
    #[must_use]
    pub fn policy(self, policy: SchedPolicy) -> Self {
        self.first(|spec| spec.policy(policy))
    }

    /// Affinity of the first group.
    #[must_use]
    pub fn affinity(self, affinity: Affinity) -> Self {
        self.first(|spec| spec.affinity(affinity))
    }

    /// Memory policy of the first group.
    #[must_use]
    pub fn mem_policy(self, policy: MemPolicy, flags: MemPolicyFlags) -> Self {
        self.first(|spec| spec.mem_policy(policy, flags))
    }

    /// Appends a group of workers.
    #[must_use]
    pub fn also(mut self, spec: WorkSpec) -> Self {
        self.def.work.push(spec);
        self
    }

    /// Makes all groups so far one process of this name, each worker a thread of
    /// it; a group has another process if it says so later. Makes the first
    /// group where there is none. See [`WorkSpec::pcomm`].
    #[must_use]
    pub fn pcomm(self, process: impl Into<String>) -> Self {
        let process = process.into();
        let mut stamped = self.first(|spec| spec);
        for spec in &mut stamped.def.work {
            spec.pcomm = Some(process.clone());
        }
        stamped
    }

    /// -20 to 19, for every group that does not say.
    #[must_use]
    pub fn nice(mut self, nice: i32) -> Self {
        self.defaults.nice = Some(nice);
        self
    }

    /// Name of threads, for every group that does not say: 1 to 15 bytes.
    #[must_use]
    pub fn comm(mut self, comm: impl Into<String>) -> Self {
        self.defaults.comm = Some(comm.into());
        self
    }

    /// User id, for every group that does not say.
    #[must_use]
    pub fn uid(mut self, uid: u32) -> Self {
        self.defaults.uid = Some(uid);
        self
    }

    /// Group id, for every group that does not say.
    #[must_use]
    pub fn gid(mut self, gid: u32) -> Self {
        self.defaults.gid = Some(gid);
        self
    }

    /// Only CPUs of this NUMA node, for every group that does not say.
    #[must_use]
    pub fn numa_node(mut self, node: Node) -> Self {
        self.defaults.numa_node = Some(node);
        self
    }

    /// Whether the operator may have all its groups do another work type
    /// (`--swap-work`), those whose size is a multiple of that type's group.
    #[must_use]
    pub fn swappable(mut self, swappable: bool) -> Self {
        self.def.swappable = swappable;
        self
    }

    /// One payload that the operator declared, started last, inside the cgroup.
    #[must_use]
    pub fn payload<A: Into<String>>(
        mut self,
        name: impl Into<String>,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        self.def.payload = Some(PayloadRun {
            payload: name.into(),
            args,
            cgroup: None,
        });
        self
    }

    fn cpu(&mut self) -> &mut CpuLimits {
        self.def.cpu.get_or_insert(CpuLimits {
            max: None,
            weight: None,
        })
    }

    fn memory(&mut self) -> &mut MemoryLimits {
        let open = MemoryLimits {
            max: None,
            high: None,
            low: None,
            swap_max: None,
        };
        self.def.memory.get_or_insert(open)
    }

    /// Changes the first group, which is spin-wait where there was none.
    fn first(mut self, change: impl FnOnce(WorkSpec) -> WorkSpec) -> Self {
        match self.def.work.first_mut() {
            Some(first) => *first = change(first.clone()),
            None => self.def.work.push(change(WorkSpec::default())),
        }
        self
    }
}

impl From<CgroupDef> for RawCgroupDef {
    fn from(CgroupDef { mut def, defaults }: CgroupDef) -> Self {
        // The runtime's own default group could not carry them.
        if def.work.is_empty() && defaults != Defaults::default() {
            def.work.push(WorkSpec::default());
        }
        for spec in &mut def.work {
            defaults.fill(spec);
        }
        def
    }
}

impl Defaults {
    fn fill(&self, spec: &mut WorkSpec) {
        spec.nice = spec.nice.or(self.nice);
        spec.comm = spec.comm.take().or_else(|| self.comm.clone());
        spec.uid = spec.uid.or(self.uid);
        spec.gid = spec.gid.or(self.gid);
        spec.numa_node = spec.numa_node.or(self.numa_node);
    }
}
