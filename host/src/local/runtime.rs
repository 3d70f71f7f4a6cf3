//! The guest runtime as a child of ours, in a subtree of its own, and beside
//! it the process in which the component's code runs.
//!
//! Owns processes, channels and subtree: dropping it kills and reaps both
//! and then removes the subtree. Never reads what they say.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};

use proscenium_guest_runtime::local::Handover;
use proscenium_guest_runtime::sandbox;

use super::subtree::{Subtree, SubtreeError};
use crate::child::{self, Owned, in_memory};
use crate::vm::initramfs::GuestBinaries;

/// See the module. Fields are dropped in this order.
#[derive(Debug)]
pub struct Runtime {
    pub(crate) child: Owned,
    /// Ends by itself when the runtime is gone.
    _component: Owned,
    pub(crate) events: UnixStream,
    pub(crate) control: UnixStream,
    /// Its standard error, on which it says what a guest says on its console.
    pub(crate) console: UnixStream,
    /// Its standard output, on which it says nothing.
    pub(crate) stdout: ChildStdout,
    _subtree: Subtree,
}

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The program.
    #[error("failed to start {program}: {source}")]
    Start {
        /// Its file.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A descriptor.
    #[error("failed to {what}: {source}")]
    System {
        /// A verb and its object.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Its cgroup.
    #[error(transparent)]
    Subtree(#[from] SubtreeError),
}

impl Runtime {
    /// Starts the runtime on an encoded `job` with a precompiled plugin.
    /// `absent` says why controllers are not to be had in `subtree`, if any.
    ///
    /// # Errors
    ///
    /// What the system said; nothing is left running then.
    pub fn start(
        binaries: &GuestBinaries,
        subtree: Subtree,
        (job, plugin): (&[u8], &[u8]),
        absent: Option<String>,
    ) -> Result<Self, RuntimeError> {
        let (events, their_events) =
            child::channel().map_err(system("make a channel to the runtime"))?;
        let (control, their_control) =
            child::channel().map_err(system("make a channel to the runtime"))?;
        let (console, their_console) =
            child::channel().map_err(system("make a channel to the runtime"))?;
        let cgroup = File::open(subtree.path()).map_err(system("open the run's cgroup"))?;
        let worker = File::open(&binaries.worker).map_err(system("open the worker program"))?;
        let job = in_memory(job).map_err(system("hand the job over"))?;
        let plugin = in_memory(plugin).map_err(system("hand the plugin over"))?;
        let (to_component, to_runtime) =
            UnixStream::pair().map_err(system("make a channel to the component"))?;
        let memory = sandbox::memory().map_err(system("make memory for the component"))?;
        let component = start_component(
            binaries,
            [to_runtime.as_fd(), memory.as_fd(), plugin.as_fd()],
        )?;
        subtree.place_runtime(component.pid())?;
        let handover = Handover {
            events: their_events.as_raw_fd(),
            control: their_control.as_raw_fd(),
            cgroup: cgroup.as_raw_fd(),
            worker: worker.as_raw_fd(),
            job: job.as_raw_fd(),
            plugin: plugin.as_raw_fd(),
            component: to_component.as_raw_fd(),
            memory: memory.as_raw_fd(),
            absent: absent.unwrap_or_default(),
        };
        let mut command = Command::new(&binaries.init);
        command
            .args(handover.arguments())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(OwnedFd::from(their_console));
        let inherited = handover.descriptors().to_vec();
        let mut child = Owned::start(command, inherited).map_err(|source| RuntimeError::Start {
            program: binaries.init.clone(),
            source,
        })?;
        // It starts nothing before it was greeted, so it is placed in time.
        subtree.place_runtime(child.pid())?;
        let stdout = child
            .take_stdout()
            .map_err(system("hold the runtime's standard output"))?;
        Ok(Self {
            child,
            _component: component,
            events,
            control,
            console,
            stdout,
            _subtree: subtree,
        })
    }
}

/// The process of the component, which does nothing until the runtime speaks.
fn start_component(
    binaries: &GuestBinaries,
    handed: [BorrowedFd<'_>; 3],
) -> Result<Owned, RuntimeError> {
    let descriptors = handed.map(|fd| fd.as_raw_fd());
    let mut command = Command::new(&binaries.init);
    command
        .args(sandbox::arguments(descriptors))
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Owned::start(command, descriptors.to_vec()).map_err(|source| RuntimeError::Start {
        program: binaries.init.clone(),
        source,
    })
}

fn system(what: &'static str) -> impl Fn(io::Error) -> RuntimeError {
    move |source| RuntimeError::System { what, source }
}
