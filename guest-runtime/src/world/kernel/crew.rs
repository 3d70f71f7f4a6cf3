//! Crews: the workers of one handle, processes or the threads of one, and the
//! memory they share with us.
//!
//! Owns processes and arenas from the first `clone3` until the crew is
//! collected or dropped; dropping kills and reaps. Never decides when.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CpuSet as KernelCpuSet, sched_setaffinity};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use proscenium_worker::process::team;
use proscenium_worker::{Arena, ArenaOptions, CrewSpec, ExitInfo, Report, Work};

use super::process::Process;
use super::spawn::{Image, Program, spawn};
use super::told::Told;
use crate::cpuset::CpuSet;
use crate::world::{CrewId, CrewPlan, CrewReport};

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
    /// One, or those of the kinds of workers that are threads of one process.
    arenas: Vec<Arena>,
    /// One for each worker, or one of which all workers are threads.
    pub(super) processes: Vec<Process>,
    /// The processes' ids, in order.
    pids: Vec<u32>,
    /// All workers are threads of one process.
    together: bool,
    /// How long the workers' setup is waited for.
    patience: Duration,
    /// The gate is open.
    pub(super) running: bool,
    /// There is nobody left to ask for anything.
    killed: bool,
}

/// One worker as the kernel numbers it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    /// Its process.
    pub(super) pid: u32,
    /// Itself.
    pub(super) tid: u32,
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

/// The memory of the workers of one plan.
fn arena(plan: &CrewPlan, directories: Vec<OwnedFd>) -> Result<Arena, Errno> {
    let spec = CrewSpec {
        work: plan.work.clone(),
        workers: plan.setups.clone(),
        io_dir: IO_DIR.into(),
    };
    let arena = Arena::with_directories(&spec, &ArenaOptions::default(), directories)
        .map_err(|error| error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw))?;
    arena.set_epoch(plan.epoch);
    Ok(arena)
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
        let arena = arena(plan, directories)?;
        let mut crew = Self::waiting(component.map_or(SETUP, |_| EXPORTED_SETUP));
        for index in 0..arena.workers() {
            let mut arguments = arena.arguments(index).to_vec();
            let mut inherited = arena.inherited(index);
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
            crew.add(worker);
        }
        crew.arenas.push(arena);
        Ok(crew)
    }

    /// Starts one process, called `name`, of which the workers of all plans are
    /// threads; they wait at the gate.
    pub(super) fn start_threads(
        name: &str,
        plans: &[CrewPlan],
        programs: &Programs,
        cgroup: BorrowedFd<'_>,
        directories: Vec<Vec<OwnedFd>>,
    ) -> Result<Self, Errno> {
        let mut crew = Self::waiting(SETUP);
        crew.together = true;
        for (plan, directories) in plans.iter().zip(directories) {
            crew.arenas.push(arena(plan, directories)?);
        }
        let (told, tells) = Told::new()?;
        let arguments = team::arguments(name, tells.as_fd(), &crew.arenas);
        let arguments = arguments.map_err(|_| Errno::EINVAL)?;
        let process = spawn(&Image {
            program: Program::File(programs.worker.as_fd()),
            arguments: &arguments,
            environment: &[],
            standard: None,
            inherited: &team::inherited(tells.as_fd(), &crew.arenas),
            cgroup: Some(cgroup),
            holds_term: true,
        })?;
        drop(tells);
        crew.add(process);
        // On an error, dropping the crew kills and reaps it.
        told.all_there(crew.patience)?;
        Ok(crew)
    }

    fn waiting(patience: Duration) -> Self {
        Self {
            arenas: Vec::new(),
            processes: Vec::new(),
            pids: Vec::new(),
            together: false,
            patience,
            running: false,
            killed: false,
        }
    }

    fn add(&mut self, process: Process) {
        self.pids.push(process.pid().as_raw().unsigned_abs());
        self.processes.push(process);
    }

    /// Lets the workers run.
    pub(super) fn open_gate(&mut self) {
        for arena in &mut self.arenas {
            arena.open_gate();
        }
        self.running = true;
    }

    /// Waits until all have finished their setup, which would undo what is
    /// changed about them before. One that died in it, or that its cgroup does
    /// not let run, is not waited for any longer than the crew's patience,
    /// which counts from `since`.
    pub(super) fn await_ready(&self, since: Instant) {
        for arena in &self.arenas {
            let left = self.patience.saturating_sub(since.elapsed());
            match arena.wait_ready(left) {
                Ok(true) => {}
                Ok(false) => {
                    let (ready, all) = (arena.ready(), arena.workers());
                    tracing::warn!("{ready} of {all} workers were ready in time");
                }
                Err(error) => tracing::warn!("failed to wait for the workers' setup: {error}"),
            }
        }
    }

    pub(super) fn set_epoch(&self, epoch: u32) {
        for arena in &self.arenas {
            arena.set_epoch(epoch);
        }
    }

    pub(super) fn iterations(&self) -> u64 {
        let arenas = self.arenas.iter().map(Arena::total_iterations);
        arenas.fold(0, u64::saturating_add)
    }

    /// Asks all workers to stop and interrupts what they wait for.
    pub(super) fn request_stop(&mut self) {
        if self.killed {
            return;
        }
        for arena in &mut self.arenas {
            arena.request_stop();
        }
        for process in &self.processes {
            process.signal(Signal::SIGTERM);
        }
    }

    pub(super) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// All processes, with the number of workers in each.
    pub(super) fn processes_mut(&mut self) -> impl Iterator<Item = (&mut Process, usize)> {
        let each = self.workers() / self.processes.len().max(1);
        self.processes.iter_mut().map(move |one| (one, each))
    }

    /// Kills every worker, reaps none.
    pub(super) fn kill(&mut self) {
        self.killed = true;
        for process in &self.processes {
            process.signal(Signal::SIGKILL);
        }
    }

    /// Thread id of one worker, once it has begun: of one with a process of its
    /// own that process's.
    fn tid(&self, index: usize) -> Option<Pid> {
        if !self.together {
            return self.processes.get(index).map(Process::pid);
        }
        let mut left = index;
        for arena in &self.arenas {
            match left.checked_sub(arena.workers()) {
                Some(behind) => left = behind,
                None => {
                    let tid = i32::try_from(arena.tid(left)).ok();
                    return tid.filter(|tid| *tid > 0).map(Pid::from_raw);
                }
            }
        }
        None
    }

    /// The process of one worker.
    fn process_mut(&mut self, index: usize) -> Option<&mut Process> {
        let index = if self.together { 0 } else { index };
        self.processes.get_mut(index)
    }

    /// Pins one worker that is alive. Its number is its own: a process is not
    /// reaped, and a thread ends with its process.
    pub(super) fn set_affinity(&mut self, index: usize, cpus: &CpuSet) -> Result<(), Errno> {
        self.await_ready(Instant::now());
        if self.process_mut(index).ok_or(Errno::ESRCH)?.reap() {
            return Err(Errno::ESRCH);
        }
        let mut set = KernelCpuSet::new();
        for cpu in cpus.iter() {
            set.set(cpu as usize)?;
        }
        sched_setaffinity(self.tid(index).ok_or(Errno::ESRCH)?, &set)
    }

    /// Workers that are alive: process and thread id of each.
    pub(super) fn tasks(&mut self) -> Vec<Task> {
        let number = |pid: Pid| pid.as_raw().unsigned_abs();
        let mut tasks = Vec::new();
        for index in 0..self.workers() {
            let process = self.process_mut(index);
            let pid = process.and_then(|process| (!process.reap()).then(|| process.pid()));
            if let Some((pid, tid)) = pid.zip(self.tid(index)) {
                let (pid, tid) = (number(pid), number(tid));
                tasks.push(Task { pid, tid });
            }
        }
        tasks
    }

    fn workers(&self) -> usize {
        self.arenas.iter().map(Arena::workers).sum()
    }

    /// What the workers did and how they ended. Drops their memory.
    pub(super) fn into_report(mut self, crew: CrewId, undead: &mut Vec<Process>) -> CrewReport {
        let of_arena = |arena: &Arena| -> Vec<Report> {
            (0..arena.workers())
                .map(|worker| arena.report(worker))
                .collect()
        };
        let reports = self.arenas.iter().flat_map(of_arena).enumerate();
        let reports = reports.map(|(index, report)| {
            let index = if self.together { 0 } else { index };
            let exit = self.processes.get(index).and_then(Process::exit);
            Report {
                exit: exit.or(Some(ExitInfo::TimedOut)),
                ..report
            }
        });
        let reports = reports.collect();
        undead.extend(self.processes.extract_if(.., |process| !process.reap()));
        CrewReport { crew, reports }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // All first, so that no reaping waits for a worker that still runs.
        self.kill();
        let deadline = Instant::now() + DYING;
        for process in &mut self.processes {
            if !process.await_end(deadline) {
                tracing::error!("process {} was killed and does not die", process.pid());
            }
        }
    }
}
