//! One group of equal workers.

pub use crate::types::WorkSpec;
use crate::types::{Affinity, MemPolicy, MemPolicyFlags, Node, SchedPolicy, Work, WorkerCount};
use crate::work::SpinWait;

impl WorkSpec {
    /// Workers that do `work`: as many as the run's default, everything else
    /// inherited.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    ///
    /// let spec = WorkSpec::new(PipeIo::new()).workers(4).nice(10).comm("pinger");
    /// assert_eq!(spec.nice, Some(10));
    /// ```
    #[must_use]
    pub fn new(work: impl Into<Work>) -> Self {
        Self {
            work: work.into(),
            workers: WorkerCount::Default,
            policy: SchedPolicy::Normal,
            affinity: Affinity::Inherit,
            mem_policy: MemPolicy::Default,
            mem_policy_flags: MemPolicyFlags::empty(),
            nice: None,
            comm: None,
            pcomm: None,
            gid: None,
            uid: None,
            numa_node: None,
        }
    }

    /// So many workers: at least 1, and a multiple of the work type's group.
    #[must_use]
    pub fn workers(mut self, count: u32) -> Self {
        self.workers = WorkerCount::Exactly(count);
        self
    }

    /// So many workers for each CPU of the cgroup, rounded up in all; above 1
    /// there are more workers than CPUs.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let overcommitted = WorkSpec::default().workers_per_cpu(1.5);
    /// ```
    #[must_use]
    pub fn workers_per_cpu(mut self, fraction: f64) -> Self {
        self.workers = WorkerCount::FractionOfCpuset(fraction);
        self
    }

    /// The scheduling policy. All but normal, batch and idle want a grant.
    #[must_use]
    pub fn policy(mut self, policy: SchedPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Which CPUs of the cgroup's set each worker may run on.
    #[must_use]
    pub fn affinity(mut self, affinity: Affinity) -> Self {
        self.affinity = affinity;
        self
    }

    /// The memory policy and its flags.
    #[must_use]
    pub fn mem_policy(mut self, policy: MemPolicy, flags: MemPolicyFlags) -> Self {
        self.mem_policy = policy;
        self.mem_policy_flags = flags;
        self
    }

    /// -20 to 19. Zero counts as given.
    #[must_use]
    pub fn nice(mut self, nice: i32) -> Self {
        self.nice = Some(nice);
        self
    }

    /// Name of each worker's thread, and of its process if that is its own: 1
    /// to 15 bytes, no NUL.
    #[must_use]
    pub fn comm(mut self, comm: impl Into<String>) -> Self {
        self.comm = Some(comm.into());
        self
    }

    /// Name of the process of which these workers are threads, together with
    /// all other work of the same definition that says the same: 1 to 15 bytes,
    /// no NUL. They have the same user and group.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    ///
    /// // One process `server` with five threads that work.
    /// let def = CgroupDef::new("tenant")
    ///     .also(WorkSpec::new(SpinWait::new()).workers(4).comm("compute").pcomm("server"))
    ///     .also(WorkSpec::new(Bursty::new()).workers(1).comm("timer").pcomm("server"));
    /// ```
    #[must_use]
    pub fn pcomm(mut self, process: impl Into<String>) -> Self {
        self.pcomm = Some(process.into());
        self
    }

    /// User id, taken on last, after everything that needs a privilege.
    #[must_use]
    pub fn uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// Group id.
    #[must_use]
    pub fn gid(mut self, gid: u32) -> Self {
        self.gid = Some(gid);
        self
    }

    /// Only CPUs of this NUMA node: narrows the affinity.
    #[must_use]
    pub fn numa_node(mut self, node: Node) -> Self {
        self.numa_node = Some(node);
        self
    }
}

impl Default for WorkSpec {
    /// Spin-wait workers, as many as the run's default.
    fn default() -> Self {
        Self::new(SpinWait::new())
    }
}
