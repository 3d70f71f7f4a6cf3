//! The gateway: the only way to cgroup files, processes and the clock.
//!
//! The executor decides, a [`World`] carries out. There are two: the kernel
//! itself ([`kernel`]), and a simulated one ([`simulated`]) with virtual time
//! that keeps the kernel's rules. Nothing outside a world touches a file, a
//! process or a clock, and a world never decides what a scenario may do.

use std::fmt::Debug;
use std::time::Duration;

use proscenium_wire::PayloadExit;
use proscenium_worker::{Report, Setup, Work};

use crate::cpuset::CpuSet;
use crate::machine::Machine;

mod bounds;
mod captured;
mod error;
mod interrupt;
#[cfg(feature = "kernel")]
pub mod kernel;
mod knob;
mod scheduler;
pub mod simulated;
mod stall;

pub use bounds::{RootBounds, RootHits};
pub use captured::Captured;
pub use error::WorldError;
pub use interrupt::Interrupt;
pub use knob::{Controllers, Knob};
pub use scheduler::{Down, ExtState, PinError, Printed, Remains, SchedExt, SchedulerId, Stopped};
pub use stall::{CounterSource, RunCounters, StallReport};

/// What to do about a controller that the kernel does not offer.
const ABSENT_CONTROLLERS: &str = "build the kernel with them, or leave out what needs them";

/// One cgroup. Ids are never reused within a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u32);

impl GroupId {
    /// The scenario's root: made on first use, removed when the world is dropped.
    pub const ROOT: Self = Self(0);
}

/// All workers of one handle. Ids are never reused within a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrewId(pub u32);

/// A crew to start.
#[derive(Clone, Debug)]
pub struct CrewPlan {
    /// What every worker does.
    pub work: Work,
    /// One for each worker.
    pub setups: Vec<Setup>,
    /// The cgroups whose directories the workers get, as
    /// [`Work::directories`] lists them.
    pub directories: Vec<GroupId>,
    /// Epoch under which the workers file what they do, see [`World::set_epoch`].
    pub epoch: u32,
}

/// What became of a crew.
#[derive(Clone, Debug)]
pub struct CrewReport {
    /// Which.
    pub crew: CrewId,
    /// One for each worker, in the order of its plans. A worker that did not end well has what
    /// it counted until then, `completed` false, and how it ended.
    pub reports: Vec<Report>,
}

/// One payload's process. Ids are never reused within a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PayloadId(pub u32);

/// A program to start: a payload, or a scheduler's loader. All of it is the
/// operator's word but the arguments of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramPlan {
    /// What it is called.
    pub name: String,
    /// Absolute path of the program.
    pub program: String,
    /// Absolute path of the folder that it starts in.
    pub folder: String,
    /// Arguments after the program's own name.
    pub arguments: Vec<String>,
    /// All of its environment.
    pub environment: Vec<(String, String)>,
}

/// What became of a payload.
#[derive(Clone, Debug)]
pub struct PayloadEnd {
    /// How its process ended.
    pub exit: PayloadExit,
    /// It ran until it was ended here.
    pub killed: bool,
    /// From its start to its end.
    pub elapsed: Duration,
    /// What it printed.
    pub stdout: Captured,
    /// What it printed as errors.
    pub stderr: Captured,
}

/// Why a wait returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The time is over.
    Elapsed,
    /// The payload that was waited for has ended.
    Ended,
    /// The watched scheduler is down, see [`World::watch_scheduler`]. Said by
    /// every wait until somebody else or nobody is watched.
    SchedulerDown(Down),
    /// Something happened to the scheduler that was waited for, or to
    /// sched_ext: look again.
    Scheduler,
    /// The run is to be ended; with the reason.
    Cancelled(String),
    /// The component's process is gone, so nobody waits for what is waited for.
    Deserted,
}

/// How a move of a crew's workers went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Workers now in the target.
    pub moved: u32,
    /// Workers that were gone already.
    pub gone: u32,
}

/// The gateway to one kernel. See the module.
///
/// A group or crew id that is not alive is answered with
/// [`WorldError::Gone`]; dropping a world kills its processes and removes its
/// cgroups.
pub trait World: Debug {
    /// Monotonic time since an origin of the world's own.
    fn now(&self) -> Duration;

    /// The machine, discovered once.
    fn machine(&self) -> &Machine;

    /// `uname -r`.
    fn kernel_release(&self) -> &str;

    /// Controllers that can be enabled for children of the scenario's root.
    fn controllers(&self) -> Controllers;

    /// What to do about a controller that is not among [`World::controllers`]:
    /// the end of a message.
    fn absent_controllers(&self) -> &str {
        ABSENT_CONTROLLERS
    }

    /// Adds to the `cgroup.subtree_control` of `group`. Idempotent.
    ///
    /// # Errors
    /// The kernel's own, `EBUSY` among them where `group` has tasks.
    fn enable(&mut self, group: GroupId, controllers: Controllers) -> Result<(), WorldError>;

    /// Bounds all that will be in the scenario's root, as far as the controllers
    /// for it are there. Enables nothing for the cgroups in it.
    ///
    /// # Errors
    /// The kernel's own.
    fn confine(&mut self, bounds: RootBounds) -> Result<(), WorldError>;

    /// How often these bounds were hit, as far as the kernel says.
    fn root_hits(&mut self) -> RootHits;

    /// Makes the child `name` (one path component, already checked).
    ///
    /// # Errors
    /// [`WorldError::Kernel`], `EEXIST` among them.
    fn create(&mut self, parent: GroupId, name: &str) -> Result<GroupId, WorldError>;

    /// Removes an empty cgroup. Waits a bounded time for tasks that are
    /// already dying. A directory that is gone is success.
    ///
    /// # Errors
    /// `EBUSY` where it has tasks or children.
    fn remove(&mut self, group: GroupId) -> Result<(), WorldError>;

    /// Writes one cgroup file.
    ///
    /// # Errors
    /// The kernel's own; names the cgroup, the file, the value and the controller.
    fn write(&mut self, group: GroupId, knob: Knob, value: &str) -> Result<(), WorldError>;

    /// Reads one cgroup file, at most 64 KiB of it.
    ///
    /// # Errors
    /// The kernel's own; names the cgroup and the file.
    fn read(&mut self, group: GroupId, knob: Knob) -> Result<&str, WorldError>;

    /// Starts a crew, every worker inside `group` from its first instruction
    /// (`None`: beside the runtime), set up as planned, waiting at the gate.
    ///
    /// # Errors
    /// The kernel's own, `EAGAIN` at `pids.max` among them. Workers that were
    /// started before the error are gone when this returns.
    fn spawn(&mut self, group: Option<GroupId>, plan: &CrewPlan) -> Result<CrewId, WorldError>;

    /// Starts one process, called `name`, inside `group` from its first
    /// instruction, of which the workers of all plans are threads, in order,
    /// each set up as planned and waiting at the gate. It has one thread more,
    /// which only waits. None of the work may need a process of its own.
    ///
    /// # Errors
    /// The kernel's own, `EAGAIN` at `pids.max` among them; the process is then
    /// gone when this returns.
    fn spawn_threads(
        &mut self,
        group: GroupId,
        name: &str,
        plans: &[CrewPlan],
    ) -> Result<CrewId, WorldError>;

    /// Lets crews run, once all of them are ready: one that ran before would
    /// take CPU time from the setup of the others.
    ///
    /// # Errors
    /// [`WorldError::Gone`]; none of them runs then.
    fn open_gates(&mut self, crews: &[CrewId]) -> Result<(), WorldError>;

    /// Process ids of a crew, in order, one if its workers are threads; empty if
    /// it is gone.
    fn pids(&self, crew: CrewId) -> &[u32];

    /// Tells a crew the phase under which it files what it does next.
    fn set_epoch(&mut self, crew: CrewId, epoch: u32);

    /// Sum of the crew's live iteration counters. Makes no system call.
    fn iterations(&self, crew: CrewId) -> u64;

    /// Pins worker `index` of a crew.
    ///
    /// # Errors
    /// The kernel's own.
    fn set_affinity(&mut self, crew: CrewId, index: usize, cpus: &CpuSet)
    -> Result<(), WorldError>;

    /// Moves a crew's workers to another cgroup.
    ///
    /// # Errors
    /// The kernel's own, on the first worker that is alive and cannot be moved.
    fn migrate(&mut self, crew: CrewId, to: GroupId) -> Result<Moved, WorldError>;

    /// Has an interrupt taken by one CPU.
    ///
    /// # Errors
    /// [`WorldError::Kernel`]: `ENOENT` for one that is not there, `EIO` for
    /// one that the kernel does not let go, `EOPNOTSUPP` where the machine's
    /// interrupts are not this world's.
    fn steer_irq(&mut self, irq: &Interrupt, cpu: u32) -> Result<(), WorldError>;

    /// Sends SIGKILL to every worker, reaps none.
    fn kill(&mut self, crews: &[CrewId]);

    /// Asks all workers to stop, waits for all of them together until `until`
    /// at the latest, kills and reaps the rest, and forgets the crews.
    /// Infallible: what cannot be had is missing from the reports.
    fn collect(&mut self, crews: &[CrewId], until: Duration) -> Vec<CrewReport>;

    /// Takes the workers that did not run for two seconds since the last
    /// taking, and looks afresh from then on. A worker is among them once.
    /// Nobody watches in a VM.
    fn take_stalls(&mut self) -> Vec<StallReport> {
        Vec::new()
    }

    /// Waits until `until` or until something happens.
    ///
    /// # Errors
    /// Only defects of the environment: [`WorldError::Environment`].
    fn wait(&mut self, until: Duration) -> Result<Wake, WorldError>;

    /// Starts a payload, inside `group` from its first instruction (`None`:
    /// beside the runtime), in a process group of its own. What it prints is
    /// taken in whenever this world waits for anything, so that it never
    /// blocks on us, and is bounded.
    ///
    /// # Errors
    /// The kernel's own; `ENOENT` where the program is not there.
    fn start_payload(
        &mut self,
        group: Option<GroupId>,
        plan: &ProgramPlan,
    ) -> Result<PayloadId, WorldError>;

    /// Waits until `until`, until the payload has ended, or until something
    /// else happens.
    ///
    /// # Errors
    /// [`WorldError::Gone`], [`WorldError::Environment`].
    fn await_payload(&mut self, payload: PayloadId, until: Duration) -> Result<Wake, WorldError>;

    /// Kills what is left of a payload and of its process group, takes in
    /// what it printed last, and forgets it.
    ///
    /// # Errors
    /// [`WorldError::Gone`], or the kernel's own; it is forgotten in any case.
    fn end_payload(&mut self, payload: PayloadId) -> Result<PayloadEnd, WorldError>;

    /// What the kernel says of sched_ext now. Waits for nothing.
    fn sched_ext(&mut self) -> SchedExt;

    /// Starts a scheduler's loader beside the runtime, in a process group of
    /// its own, held by a pidfd. Returns at once, long before it is attached.
    /// What it prints is taken in as a payload's is.
    ///
    /// # Errors
    /// The kernel's own: `ENOENT` where the program is not there, `EACCES`,
    /// `ENOEXEC`.
    fn start_scheduler(&mut self, plan: &ProgramPlan) -> Result<SchedulerId, WorldError>;

    /// Waits until `until`, or until something happens to this loader or to
    /// sched_ext ([`Wake::Scheduler`]). What happened since the last call
    /// counts, so nothing is missed between looking and waiting.
    ///
    /// # Errors
    /// [`WorldError::Gone`], [`WorldError::Environment`].
    fn await_scheduler(&mut self, id: SchedulerId, until: Duration) -> Result<Wake, WorldError>;

    /// Has every wait from now on end once this scheduler is down: its process
    /// has ended, sched_ext left `enabled`, or another one took its place.
    /// `None`: nobody is watched.
    fn watch_scheduler(&mut self, id: Option<SchedulerId>);

    /// Whether the watched scheduler is down, by a look at everything that
    /// says so. Waits for nothing.
    ///
    /// # Errors
    /// [`WorldError::Environment`].
    fn scheduler_down(&mut self) -> Result<Option<Down>, WorldError>;

    /// How its process ended, if it has.
    fn scheduler_exit(&mut self, id: SchedulerId) -> Option<PayloadExit>;

    /// What a loader printed since the last taking.
    fn take_scheduler_output(&mut self, id: SchedulerId) -> Printed;

    /// What is known of the end of a scheduler: waits, until `until` at the
    /// latest, for the kernel to have said all and its own scheduler to be back.
    fn scheduler_remains(&mut self, id: SchedulerId, until: Duration) -> Remains;

    /// Asks a loader to leave (SIGTERM) and waits until it has and the
    /// kernel's own scheduler is back; kills it at `until`, and then waits for
    /// the kernel a bounded time more. Its output can still be taken. It is
    /// watched no more.
    ///
    /// # Errors
    /// [`WorldError::Gone`], [`WorldError::Environment`].
    fn stop_scheduler(&mut self, id: SchedulerId, until: Duration) -> Result<Stopped, WorldError>;

    /// Holds the BPF map of this name with the lowest id, until
    /// [`World::release_maps`] or the end of the world. A second time changes
    /// nothing.
    ///
    /// # Errors
    /// [`PinError::NotFound`] with the names that exist; the kernel's own.
    fn pin_map(&mut self, name: &str) -> Result<(), PinError>;

    /// Lets go of all maps that are held.
    fn release_maps(&mut self);
}
