//! The runtime as a process of this machine, instead of PID 1 of a guest.
//!
//! Owns how the host hands over what a run is made of, as descriptors by
//! number, and what the process gives up before it talks. It mounts nothing,
//! loads nothing, powers nothing off, and opens nothing by name but the
//! kernel's description of the machine and of its processes, and its own program.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use cap_std::fs::Dir;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::prctl::{set_child_subreaper, set_no_new_privs};

use crate::init::{self, Guest, InitError};
use crate::sandbox::Ends;

/// First argument of such a process.
const COMMAND: &str = "local";
/// The standard descriptors are not handed over.
const FIRST: RawFd = 3;

/// What the host hands over: descriptors that the new process inherits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Runtime to host: a stream socket.
    pub events: RawFd,
    /// Host to runtime: a stream socket.
    pub control: RawFd,
    /// The directory of a cgroup without processes.
    pub cgroup: RawFd,
    /// The worker program.
    pub worker: RawFd,
    /// The encoded job, to be read from where the descriptor stands.
    pub job: RawFd,
    /// The precompiled plugin, likewise.
    pub plugin: RawFd,
    /// A stream socket to the component's process, see [`crate::sandbox`].
    pub component: RawFd,
    /// Memory that it has as well, see [`crate::sandbox::memory`].
    pub memory: RawFd,
    /// Why controllers are absent from the cgroup, if any are, and what to do.
    pub absent: String,
}

impl Handover {
    /// The arguments of the process to start, which must inherit all of
    /// [`Handover::descriptors`].
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let numbers = self.descriptors().map(|fd| fd.to_string());
        [COMMAND.to_owned()]
            .into_iter()
            .chain(numbers)
            .chain([self.absent.clone()])
            .collect()
    }

    /// In the order of the arguments.
    #[must_use]
    pub fn descriptors(&self) -> [RawFd; 8] {
        [
            self.events,
            self.control,
            self.cgroup,
            self.worker,
            self.job,
            self.plugin,
            self.component,
            self.memory,
        ]
    }

    /// The other way round. `None`: these are not such arguments, or they name
    /// a descriptor twice or a standard one.
    pub fn from_arguments(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter();
        if arguments.next()? != OsStr::new(COMMAND) {
            return None;
        }
        let mut next = || arguments.next()?.into_string().ok();
        let mut descriptor = || next()?.parse().ok();
        let handover = Self {
            events: descriptor()?,
            control: descriptor()?,
            cgroup: descriptor()?,
            worker: descriptor()?,
            job: descriptor()?,
            plugin: descriptor()?,
            component: descriptor()?,
            memory: descriptor()?,
            absent: next()?,
        };
        let mut sorted = handover.descriptors();
        sorted.sort_unstable();
        let distinct = sorted.windows(2).all(|pair| pair[0] < pair[1]);
        (distinct && sorted[0] >= FIRST && arguments.next().is_none()).then_some(handover)
    }
}

/// Takes over what was handed over. From here on the process, and whatever it
/// starts, cannot gain privileges, and orphans come to it.
///
/// # Errors
/// [`InitError::Other`], also for a descriptor that is not open.
pub fn adopt(handover: Handover) -> Result<Guest, InitError> {
    set_no_new_privs().map_err(InitError::other("give up new privileges"))?;
    set_child_subreaper(true).map_err(InitError::other("become a subreaper"))?;
    let [
        events,
        control,
        cgroup,
        worker,
        job,
        plugin,
        component,
        memory,
    ] = handover.descriptors();
    Ok(Guest {
        events: own(events)?.into(),
        control: own(control)?,
        cgroup: Dir::from_std_file(own(cgroup)?.into()),
        absent: Some(handover.absent).filter(|absent| !absent.is_empty()),
        system: init::open_dir(init::SYSTEM_PATH)?,
        // This machine's interrupts are not the scenario's to steer.
        proc: None,
        // The machine serves others as well, so its workers may starve.
        tasks: Some(init::open_dir(init::PROC_PATH)?),
        // Nor is what everything on this machine is scheduled by.
        sched_ext: None,
        worker: own(worker)?,
        program: init::open(init::OWN_PROGRAM)?.into(),
        job: own(job).map(File::from)?,
        plugin: own(plugin).map(File::from)?,
        component: Some(Ends {
            socket: own(component)?.into(),
            memory: own(memory)?,
        }),
        children: init::block_sigchld()?,
    })
}

/// Takes an inherited descriptor, which no child of ours is to inherit.
#[expect(unsafe_code, reason = "a descriptor by number has no other owner yet")]
fn own(number: RawFd) -> Result<OwnedFd, InitError> {
    // SAFETY: arguments name each descriptor once and no standard one, this
    // process has opened none below them, and `adopt` takes each once.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    match fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)) {
        Ok(_) => Ok(fd),
        Err(errno) => {
            // Not open, so not to be closed either.
            std::mem::forget(fd);
            Err(InitError::other(format!("take descriptor {number}"))(errno))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handover() -> Handover {
        Handover {
            events: 3,
            control: 4,
            cgroup: 5,
            worker: 9,
            job: 7,
            plugin: 8,
            component: 6,
            memory: 10,
            absent: "cpu is bound to v1".to_owned(),
        }
    }

    fn parsed(arguments: Vec<String>) -> Option<Handover> {
        Handover::from_arguments(arguments.into_iter().map(OsString::from))
    }

    #[test]
    fn what_is_handed_over_is_taken_over() {
        assert_eq!(parsed(handover().arguments()), Some(handover()));
    }

    #[test]
    fn arguments_that_hand_nothing_over_are_told_apart() {
        let change = |index: usize, value: &str| {
            let mut arguments = handover().arguments();
            arguments[index] = value.to_owned();
            parsed(arguments)
        };
        assert_eq!(change(0, "--help"), None);
        assert_eq!(change(1, "2"), None, "a standard descriptor");
        assert_eq!(change(1, "4"), None, "one descriptor twice");
        assert_eq!(change(7, "x"), None);
        let mut arguments = handover().arguments();
        arguments.push("more".to_owned());
        assert_eq!(parsed(arguments), None);
        assert_eq!(parsed(vec![]), None);
    }
}
