//! Crews: the worker processes of one handle and the memory they share with us.
//!
//! Owns processes and arena from the first `clone3` until the crew is
//! collected or dropped; dropping kills and reaps. Never decides when.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CpuSet as KernelCpuSet, sched_setaffinity};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use proscenium_worker::{Arena, ArenaOptions, CrewSpec, ExitInfo, Report, Work};

use super::process::Process;
use super::spawn::{Image, Program, spawn};
use crate::cpuset::CpuSet;
use crate::world::{CrewId, CrewPlan, CrewReport, WorldError};

/// Directory for the unnamed files of work types that write.
const IO_DIR: &str = "/tmp";
/// How long the workers' setup is waited for.
const SETUP: Duration = Duration::from_secs(2);
/// The same where each worker loads a component first: a quarter of a second
/// of CPU time under emulation.
const EXPORTED_SETUP: Duration = Duration::from_secs(10);
/// How long killed workers may take to die. Longer takes only what is stuck
/// in the kernel.
pub(super) const DYING: Duration = Duration::from_secs(3);

/// What workers run whose loop the component exports.
#[derive(Debug)]
pub struct ExportedWork {
    /// A program that takes an arena, an index and the component, open for
    /// execution; see [`exported::run`](crate::exported::run).
    pub program: OwnedFd,
    /// The precompiled component, see [`exported::seal`](crate::exported::seal).
    pub component: OwnedFd,
}

/// What workers run.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) worker: OwnedFd,
    pub(super) exported: Option<ExportedWork>,
}

/// One crew.
#[derive(Debug)]
pub(super) struct Crew {
    arena: Arena,
    workers: Vec<Process>,
    /// The workers' process ids, in order.
    pids: Vec<u32>,
    /// How long the workers' setup is waited for.
    patience: Duration,
    /// The gate is open.
    running: bool,
    /// There is nobody left to ask for anything.
    killed: bool,
}

/// All crews of one world.
#[derive(Debug, Default)]
pub(super) struct Crews {
    /// By id; ids are not reused.
    slots: Vec<Option<Box<Crew>>>,
    /// Killed, but not yet dead when they had to be forgotten: in the middle
    /// of a system call that does not end.
    undead: Vec<Process>,
}

impl Programs {
    /// The program for a type of work, and the component that it is to run.
    fn for_work(&self, work: &Work) -> Result<(BorrowedFd<'_>, Option<BorrowedFd<'_>>), Errno> {
        match (work, &self.exported) {
            (Work::Exported { .. }, None) => Err(Errno::ENOEXEC),
            (Work::Exported { .. }, Some(own)) => {
                Ok((own.program.as_fd(), Some(own.component.as_fd())))
            }
            _ => Ok((self.worker.as_fd(), None)),
        }
    }
}

impl Crew {
    /// Starts all workers; they wait at the gate.
    pub(super) fn start(
        plan: &CrewPlan,
        programs: &Programs,
        cgroup: Option<BorrowedFd<'_>>,
        directories: Vec<OwnedFd>,
    ) -> Result<Self, Errno> {
        let (program, component) = programs.for_work(&plan.work)?;
        let spec = CrewSpec {
            work: plan.work.clone(),
            workers: plan.setups.clone(),
            io_dir: IO_DIR.into(),
        };
        let arena = Arena::with_directories(&spec, &ArenaOptions::default(), directories)
            .map_err(|error| error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw))?;
        arena.set_epoch(plan.epoch);
        let count = arena.workers();
        let mut crew = Self {
            arena,
            workers: Vec::with_capacity(count),
            pids: Vec::with_capacity(count),
            patience: if component.is_some() {
                EXPORTED_SETUP
            } else {
                SETUP
            },
            running: false,
            killed: false,
        };
        for index in 0..count {
            let mut arguments = crew.arena.arguments(index).to_vec();
            let mut inherited = crew.arena.inherited(index);
            if let Some(component) = component.map(|component| component.as_raw_fd()) {
                arguments.push(CString::new(component.to_string()).map_err(|_| Errno::EINVAL)?);
                inherited.push(component);
            }
            // On an error, dropping the crew kills and reaps those before it.
            let worker = spawn(&Image {
                program: Program::File(program),
                arguments: &arguments,
                environment: &[],
                standard: None,
                inherited: &inherited,
                cgroup,
                holds_term: true,
            })?;
            crew.pids.push(worker.pid().as_raw().unsigned_abs());
            crew.workers.push(worker);
        }
        Ok(crew)
    }

    /// Lets the workers run.
    fn open_gate(&mut self) {
        self.arena.open_gate();
        self.running = true;
    }

    /// Waits until all have finished their setup, which would undo what is
    /// changed about them before. One that died in it, or that its cgroup does
    /// not let run, is not waited for any longer than the crew's patience,
    /// which counts from `since`.
    fn await_ready(&self, since: Instant) {
        let left = self.patience.saturating_sub(since.elapsed());
        match self.arena.wait_ready(left) {
            Ok(true) => {}
            Ok(false) => {
                let (ready, all) = (self.arena.ready(), self.arena.workers());
                tracing::warn!("{ready} of {all} workers were ready in time");
            }
            Err(error) => tracing::warn!("failed to wait for the workers' setup: {error}"),
        }
    }

    pub(super) fn arena(&self) -> &Arena {
        &self.arena
    }

    /// Asks all workers to stop and interrupts what they wait for.
    pub(super) fn request_stop(&mut self) {
        if self.killed {
            return;
        }
        self.arena.request_stop();
        for worker in &self.workers {
            worker.signal(Signal::SIGTERM);
        }
    }

    pub(super) fn pids(&self) -> &[u32] {
        &self.pids
    }

    pub(super) fn workers_mut(&mut self) -> &mut [Process] {
        &mut self.workers
    }

    /// Kills every worker, reaps none.
    pub(super) fn kill(&mut self) {
        self.killed = true;
        for worker in &self.workers {
            worker.signal(Signal::SIGKILL);
        }
    }

    /// Pins one worker that is alive.
    pub(super) fn set_affinity(&mut self, index: usize, cpus: &CpuSet) -> Result<(), Errno> {
        self.await_ready(Instant::now());
        let worker = self.workers.get_mut(index).ok_or(Errno::ESRCH)?;
        if worker.reap() {
            return Err(Errno::ESRCH);
        }
        let mut set = KernelCpuSet::new();
        for cpu in cpus.iter() {
            set.set(cpu as usize)?;
        }
        sched_setaffinity(worker.pid(), &set)
    }

    /// What the workers did and how they ended. Drops their memory.
    pub(super) fn into_report(mut self, crew: CrewId, undead: &mut Vec<Process>) -> CrewReport {
        let reports = self
            .workers
            .iter()
            .enumerate()
            .map(|(index, worker)| Report {
                exit: worker.exit().or(Some(ExitInfo::TimedOut)),
                ..self.arena.report(index)
            })
            .collect();
        undead.extend(self.workers.extract_if(.., |worker| !worker.reap()));
        CrewReport { crew, reports }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // All first, so that no reaping waits for a worker that still runs.
        self.kill();
        let deadline = Instant::now() + DYING;
        for worker in &mut self.workers {
            if !worker.await_end(deadline) {
                tracing::error!("process {} was killed and does not die", worker.pid());
            }
        }
    }
}

impl Crews {
    /// Keeps a crew.
    pub(super) fn add(&mut self, crew: Crew) -> Result<CrewId, Errno> {
        let id = u32::try_from(self.slots.len()).map_err(|_| Errno::EOVERFLOW)?;
        self.slots.push(Some(Box::new(crew)));
        Ok(CrewId(id))
    }

    pub(super) fn get(&self, id: CrewId) -> Option<&Crew> {
        self.slots.get(id.0 as usize)?.as_deref()
    }

    pub(super) fn alive(&mut self, id: CrewId) -> Result<&mut Crew, WorldError> {
        self.slots
            .get_mut(id.0 as usize)
            .and_then(Option::as_deref_mut)
            .ok_or_else(|| WorldError::Gone {
                what: format!("crew {}", id.0),
            })
    }

    /// Kills every worker of one; one that is gone has none.
    pub(super) fn kill(&mut self, id: CrewId) {
        let slot = self.slots.get_mut(id.0 as usize);
        if let Some(crew) = slot.and_then(Option::as_deref_mut) {
            crew.kill();
        }
    }

    /// Opens the gates of crews that are alive once all their workers reached
    /// them, or their time for it is over.
    pub(super) fn open_gates(&mut self, ids: &[CrewId]) -> Result<(), WorldError> {
        let since = Instant::now();
        for id in ids {
            self.alive(*id)?.await_ready(since);
        }
        ids.iter()
            .try_for_each(|id| self.alive(*id).map(Crew::open_gate))
    }

    /// Whether the gate of any crew is open.
    pub(super) fn any_running(&self) -> bool {
        self.slots.iter().flatten().any(|crew| crew.running)
    }

    /// Workers that went through their gate.
    pub(super) fn running_workers(&mut self) -> impl Iterator<Item = &mut Process> {
        let crews = self.slots.iter_mut().flatten();
        crews
            .filter(|crew| crew.running)
            .flat_map(|crew| &mut crew.workers)
    }

    /// Hands a crew over; its id is gone.
    pub(super) fn take(&mut self, id: CrewId) -> Option<Box<Crew>> {
        self.slots.get_mut(id.0 as usize)?.take()
    }

    /// Where processes are left that did not die in time.
    pub(super) fn undead(&mut self) -> &mut Vec<Process> {
        &mut self.undead
    }

    /// Reaps `pid` if it is one of ours. False: it is nobody's.
    pub(super) fn reap(&mut self, pid: Pid) -> bool {
        let crews = self
            .slots
            .iter_mut()
            .flatten()
            .flat_map(|crew| &mut crew.workers);
        match crews
            .chain(&mut self.undead)
            .find(|worker| worker.pid() == pid && worker.exit().is_none())
        {
            Some(worker) => worker.reap(),
            None => false,
        }
    }

    /// Drops every crew: kills all, then reaps all.
    pub(super) fn clear(&mut self) {
        for crew in self.slots.iter_mut().flatten() {
            crew.kill();
        }
        self.slots.clear();
        self.undead.retain_mut(|worker| !worker.reap());
    }
}
