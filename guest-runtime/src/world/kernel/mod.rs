//! The world of a real kernel: as PID 1 of a guest, or in a delegated cgroup
//! v2 subtree of any machine.
//!
//! ```text
//!   Kernel ─┬─ Groups   directory handles, kept descriptors      groups.rs, files.rs
//!           ├─ Crews    processes by pidfd, arenas      crew.rs, process.rs, spawn.rs
//!           ├─ Payloads processes by pidfd, their output                  payload.rs
//!           └─ Reactor  one epoll: deadline, control port, children   reactor.rs
//!                                collect.rs: the end of crews, with all three
//!             Monitor  workers that do not run, in waits    stall.rs, task.rs, wait.rs
//! ```
//!
//! Everything is owned from here: dropping a [`Kernel`] kills and reaps its
//! processes and then removes its cgroups, the last one first. It never
//! decides what a scenario may do and never reaches outside the cgroup that
//! it was given.

use std::os::fd::OwnedFd;
use std::time::Duration;

use cap_std::fs::Dir;
use nix::errno::Errno;
use nix::sched::sched_getaffinity;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signalfd::SignalFd;
use nix::sys::utsname::uname;
use nix::unistd::Pid;

use super::{
    ABSENT_CONTROLLERS, Controllers, CrewId, CrewPlan, CrewReport, GroupId, Interrupt, Knob, Moved,
    PayloadEnd, PayloadId, PayloadPlan, StallReport, Wake, World, WorldError,
};
use crate::cpuset::CpuSet;
use crate::link::Control;
use crate::machine::Machine;

mod collect;
mod crew;
mod files;
mod groups;
mod interrupts;
mod machine;
mod payload;
mod process;
mod reactor;
mod spawn;
mod stall;
mod task;
mod wait;

pub use crew::ExportedWork;
pub use machine::{Discovery, discover};

use crew::{Crew, Crews, Programs};
use groups::Groups;
use payload::Payloads;
use reactor::Reactor;
use stall::Monitor;

/// What a kernel world is made of.
#[derive(Debug)]
pub struct Parts {
    /// The cgroup v2 directory beneath which everything happens. Where it is
    /// not the hierarchy's root, no process may be in it.
    pub cgroup: Dir,
    /// Name of the scenario's root in there; must not exist.
    pub root_name: String,
    /// The worker program, open for execution.
    pub worker: OwnedFd,
    /// `/sys/devices/system`.
    pub system: Dir,
    /// `/proc`, where the machine's interrupts are the scenario's to steer.
    pub proc: Option<Dir>,
    /// `/proc`, where workers are to be watched for stalls: outside of a VM.
    pub tasks: Option<Dir>,
    /// Where cancellations come from.
    pub control: Option<Control>,
    /// Only for a process that is handed orphans (PID 1, a subreaper) and has
    /// no other children than this world's: a signalfd for a SIGCHLD that all
    /// its threads block. Orphans are then reaped.
    pub children: Option<SignalFd>,
}

/// See the module.
#[derive(Debug)]
pub struct Kernel {
    /// Monotonic time at which this world began.
    origin: Duration,
    discovery: Discovery,
    release: String,
    controllers: Controllers,
    /// What to do about controllers that are absent; `None`: the usual.
    absent: Option<String>,
    programs: Programs,
    proc: Option<Dir>,
    monitor: Option<Monitor>,
    // Processes go before the cgroups they are in; see `Drop`.
    crews: Crews,
    payloads: Payloads,
    groups: Groups,
    reactor: Reactor,
}

impl Kernel {
    /// A world made of these parts. Touches nothing yet but for the process's
    /// own limit on open files, which it raises as far as it may: every
    /// worker and every used cgroup file is one.
    ///
    /// # Errors
    /// [`WorldError::Environment`].
    pub fn new(parts: Parts) -> Result<Self, WorldError> {
        let Parts {
            cgroup,
            root_name,
            worker,
            system,
            proc,
            tasks,
            control,
            children,
        } = parts;
        let environment = |what: &'static str| {
            move |errno| WorldError::Environment {
                what: what.into(),
                errno,
            }
        };
        if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE)
            && let Err(errno) = setrlimit(Resource::RLIMIT_NOFILE, most, most)
        {
            tracing::warn!("failed to raise the limit on open files: {errno}");
        }
        let release = uname().map_err(environment("read the kernel's release"))?;
        let groups = Groups::new(cgroup, root_name);
        Ok(Self {
            origin: Reactor::monotonic(),
            discovery: survey(&system),
            release: release.release().to_string_lossy().into_owned(),
            controllers: groups.controllers()?,
            absent: None,
            programs: Programs {
                worker,
                exported: None,
            },
            proc,
            monitor: tasks.map(Monitor::new),
            crews: Crews::default(),
            payloads: Payloads::default(),
            groups,
            reactor: Reactor::new(control, children)?,
        })
    }

    /// With loops that the component exports; without, starting workers with
    /// such a loop fails with `ENOEXEC`.
    #[must_use]
    pub fn with_exported_work(mut self, work: ExportedWork) -> Self {
        self.programs.exported = Some(work);
        self
    }

    /// Says why controllers are absent and what to do, where more is known
    /// than that the kernel does not offer them.
    #[must_use]
    pub fn explaining_absence(mut self, absent: String) -> Self {
        self.absent = Some(absent);
        self
    }

    /// What had to be guessed about the machine, one line each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.discovery.warnings
    }

    /// Monotonic time of a time of this world.
    fn absolute(&self, time: Duration) -> Duration {
        self.origin.saturating_add(time)
    }
}

/// What this process may use of the machine that `system`
/// (`/sys/devices/system`) describes.
#[must_use]
pub fn survey(system: &Dir) -> Discovery {
    discover(system, &allowed_cpus())
}

/// CPUs that this process may run on.
fn allowed_cpus() -> CpuSet {
    let Ok(set) = sched_getaffinity(Pid::from_raw(0)) else {
        return CpuSet::new();
    };
    let count = u32::try_from(nix::sched::CpuSet::count()).unwrap_or(0);
    (0..count)
        .filter(|cpu| set.is_set(*cpu as usize).unwrap_or(false))
        .collect()
}

impl World for Kernel {
    fn now(&self) -> Duration {
        Reactor::monotonic().saturating_sub(self.origin)
    }

    fn machine(&self) -> &Machine {
        &self.discovery.machine
    }

    fn kernel_release(&self) -> &str {
        &self.release
    }

    fn controllers(&self) -> Controllers {
        self.controllers
    }

    fn absent_controllers(&self) -> &str {
        self.absent.as_deref().unwrap_or(ABSENT_CONTROLLERS)
    }

    fn enable(&mut self, group: GroupId, controllers: Controllers) -> Result<(), WorldError> {
        self.groups.enable(group, controllers)
    }

    fn create(&mut self, parent: GroupId, name: &str) -> Result<GroupId, WorldError> {
        self.groups.create(parent, name)
    }

    fn remove(&mut self, group: GroupId) -> Result<(), WorldError> {
        self.groups.remove(group)
    }

    fn write(&mut self, group: GroupId, knob: Knob, value: &str) -> Result<(), WorldError> {
        self.groups.write(group, knob, value)
    }

    fn read(&mut self, group: GroupId, knob: Knob) -> Result<&str, WorldError> {
        self.groups.read(group, knob)
    }

    fn spawn(&mut self, group: Option<GroupId>, plan: &CrewPlan) -> Result<CrewId, WorldError> {
        let directories = self.groups.directories(&plan.directories)?;
        let cgroup = group
            .map(|group| self.groups.directory(group))
            .transpose()?;
        let started = Crew::start(plan, &self.programs, cgroup, directories);
        started
            .and_then(|crew| self.crews.add(crew))
            .map_err(|errno| {
                let place = group.map_or_else(
                    || "beside the runtime".to_owned(),
                    |group| format!("in cgroup {:?}", self.groups.name(group)),
                );
                let what = format!("start {} workers {place}", plan.setups.len());
                WorldError::Kernel { what, errno }
            })
    }

    fn open_gates(&mut self, crews: &[CrewId]) -> Result<(), WorldError> {
        self.crews.open_gates(crews)
    }

    fn pids(&self, crew: CrewId) -> &[u32] {
        self.crews.get(crew).map_or(&[], Crew::pids)
    }

    fn set_epoch(&mut self, crew: CrewId, epoch: u32) {
        if let Some(crew) = self.crews.get(crew) {
            crew.arena().set_epoch(epoch);
        }
    }

    fn iterations(&self, crew: CrewId) -> u64 {
        self.crews
            .get(crew)
            .map_or(0, |crew| crew.arena().total_iterations())
    }

    fn set_affinity(
        &mut self,
        crew: CrewId,
        index: usize,
        cpus: &CpuSet,
    ) -> Result<(), WorldError> {
        self.crews
            .alive(crew)?
            .set_affinity(index, cpus)
            .map_err(|errno| WorldError::Kernel {
                what: format!("pin worker {index} to CPUs {cpus}"),
                errno,
            })
    }

    fn migrate(&mut self, crew: CrewId, to: GroupId) -> Result<Moved, WorldError> {
        let mut moved = Moved::default();
        for worker in self.crews.alive(crew)?.workers_mut() {
            if worker.reap() {
                moved.gone += 1;
                continue;
            }
            match self
                .groups
                .write(to, Knob::Procs, &worker.pid().to_string())
            {
                Ok(()) => moved.moved += 1,
                Err(error) if error.errno() == Some(Errno::ESRCH) => moved.gone += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }

    fn steer_irq(&mut self, irq: &Interrupt, cpu: u32) -> Result<(), WorldError> {
        interrupts::steer(self.proc.as_ref(), irq, cpu)
    }

    fn kill(&mut self, crews: &[CrewId]) {
        for crew in crews.iter().filter_map(|crew| self.crews.get(*crew)) {
            crew.kill();
        }
    }

    fn collect(&mut self, crews: &[CrewId], until: Duration) -> Vec<CrewReport> {
        self.collect_crews(crews, self.absolute(until))
    }

    fn take_stalls(&mut self) -> Vec<StallReport> {
        self.stop_monitor()
    }

    fn wait(&mut self, until: Duration) -> Result<Wake, WorldError> {
        self.wait_for(until, |_| false)
    }

    fn start_payload(
        &mut self,
        group: Option<GroupId>,
        plan: &PayloadPlan,
    ) -> Result<PayloadId, WorldError> {
        let cgroup = group
            .map(|group| self.groups.directory(group))
            .transpose()?;
        self.payloads
            .start(plan, cgroup, &self.reactor)
            .map_err(|errno| WorldError::Kernel {
                what: format!("start payload {:?} ({})", plan.name, plan.program),
                errno,
            })
    }

    fn await_payload(&mut self, payload: PayloadId, until: Duration) -> Result<Wake, WorldError> {
        self.payloads.alive(payload)?;
        self.wait_for(until, |payloads| payloads.has_ended(payload))
    }

    fn end_payload(&mut self, payload: PayloadId) -> Result<PayloadEnd, WorldError> {
        let mut taken = self.payloads.take(payload, &self.reactor)?;
        Ok(self.end(&mut taken))
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.payloads.clear();
        self.crews.clear();
        self.groups.tear_down();
    }
}
