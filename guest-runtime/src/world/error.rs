//! What a world could not do, with everything needed to replay it by hand.

use nix::errno::Errno;

use super::Knob;

/// A failed effect. Says verb, cgroup, file and value; never decides what the
/// scenario is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// The kernel refused a write.
    #[error("failed to write {value:?} to {} of cgroup {group:?}: {}{}", knob.file_name(), errno.desc(), hint(*knob, *errno))]
    Write {
        /// Name of the cgroup below the scenario's root.
        group: String,
        /// Which file.
        knob: Knob,
        /// What was written.
        value: String,
        /// The kernel's answer.
        errno: Errno,
    },
    /// The kernel refused a read.
    #[error("failed to read {} of cgroup {group:?}: {}{}", knob.file_name(), errno.desc(), hint(*knob, *errno))]
    Read {
        /// Name of the cgroup.
        group: String,
        /// Which file.
        knob: Knob,
        /// The kernel's answer.
        errno: Errno,
    },
    /// The kernel refused something else.
    #[error("failed to {what}: {}", errno.desc())]
    Kernel {
        /// Verb and object, such as `create cgroup "a"`.
        what: String,
        /// The kernel's answer.
        errno: Errno,
    },
    /// The cgroup or crew is not alive.
    #[error("{what} is gone")]
    Gone {
        /// Which.
        what: String,
    },
    /// The runtime's own environment is broken; not the scenario's fault.
    #[error("failed to {what}: {}: this is a defect of the guest or of Proscenium, not of the scenario; please report it", errno.desc())]
    Environment {
        /// Primitive and object, such as `wait on epoll`.
        what: String,
        /// The kernel's answer.
        errno: Errno,
    },
}

impl WorldError {
    /// The kernel's answer, where there was one.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Write { errno, .. }
            | Self::Read { errno, .. }
            | Self::Kernel { errno, .. }
            | Self::Environment { errno, .. } => Some(*errno),
            Self::Gone { .. } => None,
        }
    }
}

/// Why a file may be missing, and what to do about it.
fn hint(knob: Knob, errno: Errno) -> String {
    match (errno, knob.controller()) {
        (Errno::ENOENT, Some(controller)) => {
            format!(": enable {controller:?} in the parent's cgroup.subtree_control")
        }
        (_, Some(controller)) => format!(" (controller {controller:?})"),
        (_, None) => String::new(),
    }
}
