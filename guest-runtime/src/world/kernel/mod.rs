//! The world of a real kernel: as PID 1 of a guest, or in a delegated cgroup
//! v2 subtree of any machine.
//!
//! ```text
//!   Kernel ─┬─ Groups   directory handles, kept descriptors      groups.rs, files.rs
//!           ├─ Crews    processes by pidfd, arenas      crew.rs, crews.rs, process.rs, spawn.rs
//!           ├─ Payloads processes by pidfd, their output      payload.rs, program.rs
//!           ├─ Schedulers loaders, what the kernel says of them         scheduler/
//!           └─ Reactor  one epoll: deadline, control port, children   reactor.rs
//!                                collect.rs: the end of crews, with all three
//!             Monitor  workers that do not run, in waits    stall.rs, task.rs, wait.rs
//!             Urgency  before the load while it waits or ends things   urgency.rs
//! ```
//!
//! Everything is owned from here: dropping a [`Kernel`] kills and reaps its
//! processes and then removes its cgroups, the last one first. It never
//! decides what a scenario may do and never reaches outside the cgroup that
//! it was given.

use std::time::Duration;

use cap_std::fs::Dir;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::utsname::uname;
use proscenium_wire::PayloadExit;

use super::{
    ABSENT_CONTROLLERS, Controllers, CrewId, CrewPlan, CrewReport, Down, GroupId, Interrupt, Knob,
    Moved, PayloadEnd, PayloadId, PinError, Printed, ProgramPlan, Remains, RootBounds, RootHits,
    SchedExt, SchedulerId, StallReport, Stopped, Wake, World, WorldError,
};
use crate::cpuset::CpuSet;
use crate::machine::Machine;

mod collect;
mod confine;
mod crew;
mod crews;
mod files;
mod groups;
mod interrupts;
mod machine;
mod parts;
mod payload;
mod process;
mod program;
mod reactor;
mod scheduler;
mod spawn;
mod stall;
mod start;
mod task;
mod told;
mod urgency;
mod wait;

pub use crew::ExportedWork;
pub use machine::{Discovery, discover, survey};
pub use parts::Parts;
pub use scheduler::SchedExtParts;

use crew::{Crew, Programs};
use crews::Crews;
use groups::Groups;
use payload::Payloads;
use reactor::Reactor;
use scheduler::Schedulers;
use stall::Monitor;
use urgency::Urgency;

/// See the module.
#[derive(Debug)]
pub struct Kernel {
    /// Monotonic time at which this world began.
    origin: Duration,
    urgency: Urgency,
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
    schedulers: Schedulers,
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
            sched_ext,
            component,
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
            urgency: Urgency::of_this_thread(),
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
            schedulers: Schedulers::new(sched_ext),
            groups,
            reactor: Reactor::new(control, children, component)?,
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

    fn confine(&mut self, bounds: RootBounds) -> Result<(), WorldError> {
        self.groups.confine(self.controllers, bounds)
    }

    fn root_hits(&mut self) -> RootHits {
        self.groups.root_hits()
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
        self.start_crew(group, plan)
    }

    fn spawn_threads(
        &mut self,
        group: GroupId,
        name: &str,
        plans: &[CrewPlan],
    ) -> Result<CrewId, WorldError> {
        self.start_threads(group, name, plans)
    }

    fn open_gates(&mut self, crews: &[CrewId]) -> Result<(), WorldError> {
        let _urgent = self.urgency.raise();
        self.crews.open_gates(crews)
    }

    fn pids(&self, crew: CrewId) -> &[u32] {
        self.crews.get(crew).map_or(&[], Crew::pids)
    }

    fn set_epoch(&mut self, crew: CrewId, epoch: u32) {
        if let Some(crew) = self.crews.get(crew) {
            crew.set_epoch(epoch);
        }
    }

    fn iterations(&self, crew: CrewId) -> u64 {
        self.crews.get(crew).map_or(0, Crew::iterations)
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
        self.move_crew(crew, to)
    }

    fn steer_irq(&mut self, irq: &Interrupt, cpu: u32) -> Result<(), WorldError> {
        interrupts::steer(self.proc.as_ref(), irq, cpu)
    }

    fn kill(&mut self, crews: &[CrewId]) {
        let _urgent = self.urgency.raise();
        for crew in crews {
            self.crews.kill(*crew);
        }
    }

    fn collect(&mut self, crews: &[CrewId], until: Duration) -> Vec<CrewReport> {
        let _urgent = self.urgency.raise();
        self.collect_crews(crews, self.absolute(until))
    }

    fn take_stalls(&mut self) -> Vec<StallReport> {
        self.stop_monitor()
    }

    fn wait(&mut self, until: Duration) -> Result<Wake, WorldError> {
        let _urgent = self.urgency.raise();
        self.wait_for(until, |_, _| None)
    }

    fn start_payload(
        &mut self,
        group: Option<GroupId>,
        plan: &ProgramPlan,
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
        let _urgent = self.urgency.raise();
        self.payloads.alive(payload)?;
        self.wait_for(until, |payloads, _| {
            payloads.has_ended(payload).then_some(Wake::Ended)
        })
    }

    fn end_payload(&mut self, payload: PayloadId) -> Result<PayloadEnd, WorldError> {
        let _urgent = self.urgency.raise();
        let mut taken = self.payloads.take(payload, &self.reactor)?;
        Ok(self.end(&mut taken))
    }

    fn sched_ext(&mut self) -> SchedExt {
        self.schedulers.sched_ext()
    }

    fn start_scheduler(&mut self, plan: &ProgramPlan) -> Result<SchedulerId, WorldError> {
        self.schedulers
            .start(plan, &self.reactor)
            .map_err(|errno| WorldError::Kernel {
                what: format!("start scheduler {:?} ({})", plan.name, plan.program),
                errno,
            })
    }

    fn await_scheduler(&mut self, id: SchedulerId, until: Duration) -> Result<Wake, WorldError> {
        let _urgent = self.urgency.raise();
        self.await_news(id, until)
    }

    fn watch_scheduler(&mut self, id: Option<SchedulerId>) {
        self.schedulers.watch(id);
    }

    fn scheduler_down(&mut self) -> Result<Option<Down>, WorldError> {
        Ok(self.schedulers.look_now(&self.reactor).cloned())
    }

    fn scheduler_exit(&mut self, id: SchedulerId) -> Option<PayloadExit> {
        self.schedulers.exit(id, &self.reactor)
    }

    fn take_scheduler_output(&mut self, id: SchedulerId) -> Printed {
        self.schedulers.take_printed(id)
    }

    fn scheduler_remains(&mut self, id: SchedulerId, until: Duration) -> Remains {
        let _urgent = self.urgency.raise();
        self.remains(id, self.absolute(until))
    }

    fn stop_scheduler(&mut self, id: SchedulerId, until: Duration) -> Result<Stopped, WorldError> {
        let _urgent = self.urgency.raise();
        self.end_scheduler(id, self.absolute(until))
    }

    fn pin_map(&mut self, name: &str) -> Result<(), PinError> {
        self.schedulers.pin_map(name)
    }

    fn release_maps(&mut self) {
        self.schedulers.release_maps();
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        let _urgent = self.urgency.raise();
        // First who might not let the others die.
        self.schedulers.clear();
        self.payloads.clear();
        self.crews.clear();
        self.groups.tear_down();
    }
}
