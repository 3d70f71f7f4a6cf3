//! Starts real workers natively and waits for them with deadlines.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test program uses its own part"
)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use proscenium_worker::{Arena, ArenaOptions, CrewSpec, Report, Setup, Work};

/// Longest that any wait of a test lasts: far beyond what a loaded machine needs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Workers of one arena; killed and reaped when dropped.
pub(crate) struct Crew {
    pub(crate) arena: Arena,
    pub(crate) children: Vec<Child>,
}

pub(crate) fn work(name: &str, parameters: &[(&str, u64)]) -> Work {
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .collect();
    Work::parse(name, &parameters).expect("the test's work is valid")
}

/// As many equal workers as the work's group.
pub(crate) fn spec(work: Work, setup: &Setup) -> CrewSpec {
    let workers = (0..work.group_size()).map(|_| setup.clone()).collect();
    CrewSpec {
        work,
        workers,
        io_dir: std::env::temp_dir().display().to_string(),
    }
}

impl Crew {
    /// Starts the workers; they stay at the gate.
    pub(crate) fn start(spec: &CrewSpec, options: &ArenaOptions) -> Self {
        Self::beside(spec, options, Vec::new())
    }

    /// With the directories of cgroups that the work needs.
    pub(crate) fn beside(
        spec: &CrewSpec,
        options: &ArenaOptions,
        directories: Vec<OwnedFd>,
    ) -> Self {
        let arena = Arena::with_directories(spec, options, directories).expect("an arena");
        let children = (0..arena.workers())
            .map(|worker| spawn(&arena, worker))
            .collect();
        Self { arena, children }
    }

    /// One group of the work with default setup and options.
    pub(crate) fn of(name: &str, parameters: &[(&str, u64)]) -> Self {
        Self::start(
            &spec(work(name, parameters), &Setup::default()),
            &ArenaOptions::default(),
        )
    }

    /// Waits until all are at the gate and opens it.
    pub(crate) fn go(&mut self) {
        assert!(
            self.arena.wait_ready(DEADLINE).expect("a futex wait"),
            "all workers reach the gate"
        );
        self.arena.open_gate();
    }

    /// Waits until every worker has done `more` iterations than now.
    pub(crate) fn progress(&self, more: u64) {
        let goals: Vec<_> = (0..self.arena.workers())
            .map(|w| self.arena.iterations(w) + more)
            .collect();
        until("every worker progresses", || {
            goals
                .iter()
                .enumerate()
                .all(|(worker, goal)| self.arena.iterations(worker) >= *goal)
        });
    }

    /// Requests the stop, signals, waits for all and gives reports and how
    /// long it took.
    pub(crate) fn stop(&mut self) -> (Vec<Report>, Duration) {
        let start = Instant::now();
        self.arena.request_stop();
        for child in &self.children {
            signal(child, libc::SIGTERM);
        }
        for child in &mut self.children {
            let status = wait(child);
            assert!(status.success(), "a stopped worker exits with 0: {status}");
        }
        (
            (0..self.arena.workers())
                .map(|worker| self.arena.report(worker))
                .collect(),
            start.elapsed(),
        )
    }

    /// Kills one worker and gives what it left.
    pub(crate) fn kill(&mut self, worker: usize) -> Report {
        signal(&self.children[worker], libc::SIGKILL);
        assert_eq!(
            wait(&mut self.children[worker]).signal(),
            Some(libc::SIGKILL)
        );
        self.arena.report(worker)
    }

    /// `/proc/<pid>/<file>` of one worker.
    pub(crate) fn proc(&self, worker: usize, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.children[worker].id()))
            .expect("it lives")
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn spawn(arena: &Arena, worker: usize) -> Child {
    let inherited = arena.inherited(worker);
    let arguments = arena.arguments(worker);
    let mut command = Command::new(env!("CARGO_BIN_EXE_proscenium-worker"));
    command.args(
        arguments
            .iter()
            .skip(1)
            .map(|text| text.to_str().expect("ASCII")),
    );
    command.stdin(Stdio::null());
    let clear = move || {
        for fd in &inherited {
            // SAFETY: changes a flag of a descriptor that is open here.
            if unsafe { libc::fcntl(*fd, libc::F_SETFD, 0) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec nothing but fcntl is called.
    unsafe { command.pre_exec(clear) };
    command.spawn().expect("a worker starts")
}

pub(crate) fn signal(child: &Child, number: i32) {
    let pid = i32::try_from(child.id()).expect("a pid");
    // SAFETY: the child is not reaped yet, so the number is still its own.
    assert_eq!(unsafe { libc::kill(pid, number) }, 0);
}

/// Waits on a pidfd, then reaps.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    // SAFETY: plain numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) };
    assert!(fd >= 0, "a pidfd: {}", io::Error::last_os_error());
    // SAFETY: just made, owned by nobody else.
    let pidfd = unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).expect("a descriptor")) };
    let mut poll = libc::pollfd {
        fd: pidfd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let timeout = i32::try_from(DEADLINE.as_millis()).expect("it fits");
    // SAFETY: one live pollfd.
    let ended = unsafe { libc::poll(&raw mut poll, 1, timeout) };
    assert_eq!(ended, 1, "the worker ends before the deadline");
    child.wait().expect("it is our child")
}

/// Looks again and again, with a deadline.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "in time: {what}");
        std::thread::yield_now();
    }
}
