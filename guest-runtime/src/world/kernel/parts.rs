//! What a kernel world is made of. Handles only: opening them is the business
//! of whoever makes the guest, or the process of a local run, ready.

use std::os::fd::OwnedFd;

use cap_std::fs::Dir;
use nix::sys::signalfd::SignalFd;

use super::scheduler::SchedExtParts;
use crate::link::Control;

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
    /// Where the machine's scheduler is the scenario's to choose, and its
    /// kernel has sched_ext.
    pub sched_ext: Option<SchedExtParts>,
    /// The socket to the component's process, where it has one: no wait outlives
    /// that process.
    pub component: Option<OwnedFd>,
    /// Where cancellations come from.
    pub control: Option<Control>,
    /// Only for a process that is handed orphans (PID 1, a subreaper) and has
    /// no other children than this world's: a signalfd for a SIGCHLD that all
    /// its threads block. Orphans are then reaped.
    pub children: Option<SignalFd>,
}
