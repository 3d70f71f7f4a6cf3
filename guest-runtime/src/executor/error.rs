//! What a scenario is told when something does not work, and what ends it.

use std::fmt;

use nix::errno::Errno;
use proscenium_wire::Budget;

use crate::bindings::types::{self, ErrorCode};
use crate::name::{clean_line, quote};
use crate::world::WorldError;

/// Longest message, in bytes.
const MAX_MESSAGE: usize = 2_048;

/// An answer to the plugin that a correct plugin may meet, or a fault of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Goes to the plugin as the contract's `error`.
    #[error("{0}")]
    Refused(Refusal),
    /// The runtime's environment is broken: ends the plugin, and the run is
    /// reported as not runnable rather than failed.
    #[error(transparent)]
    Fault(WorldError),
}

/// The contract's `error`, built here and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: ErrorCode,
    /// For people; names what is at fault.
    pub message: String,
    /// For people: what to do, where the message does not end with it.
    pub remedy: Option<String>,
    /// The kernel's answer, where there was one.
    pub errno: Option<Errno>,
    /// What of the run's is used up, if that is the matter.
    pub budget: Option<Budget>,
}

impl Refusal {
    /// A message may quote the plugin, which may have said a lot.
    fn new(code: ErrorCode, message: &str, errno: Option<Errno>) -> Self {
        Self {
            code,
            message: clean_line(message, MAX_MESSAGE),
            remedy: None,
            errno,
            budget: None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, ": {remedy}"),
            None => Ok(()),
        }
    }
}

/// Shorthand of the executor.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An answer with a code and a message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused(Refusal::new(code, &message.into(), None))
    }

    /// A value out of its range or form.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }

    /// A name that nothing answers to.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    /// A bound of this run, which its grant can move as far as the plugin asks.
    pub fn limit(budget: Budget, message: impl Into<String>) -> Self {
        let refusal = Refusal::new(ErrorCode::LimitExceeded, &message.into(), None);
        let key = budget.key();
        Self::Refused(Refusal {
            budget: Some(budget),
            ..refusal
        })
        .remedy(match budget {
            Budget::Cgroups | Budget::Workers | Budget::Marks => {
                format!("ask for more in describe, and have limits.{key} granted")
            }
            _ => format!("do with less, or have more of limits.{key} granted"),
        })
    }

    /// One more cgroup than there may be at a time.
    pub(super) fn too_many_cgroups(name: &str, most: usize) -> Self {
        let message = format!("cgroup {}: this run allows {most} at a time", quote(name));
        Self::limit(Budget::Cgroups, message)
    }

    /// The name of a cgroup that is tracked.
    pub(super) fn declared_already(name: &str) -> Self {
        Self::new(
            ErrorCode::AlreadyExists,
            format!("cgroup {} is declared already", quote(name)),
        )
        .remedy("declare it in exactly one place, the backdrop or a step")
    }

    /// A removal from the top down.
    pub(super) fn has_children(name: &str) -> Self {
        Self::invalid(format!("cgroup {} has cgroups below it", quote(name)))
            .remedy("remove those first")
    }

    /// Something that this runtime, kernel or machine does not offer.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    /// Says what to do.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(Refusal {
                remedy: Some(remedy.into()),
                ..refusal
            }),
            fault @ Self::Fault(_) => fault,
        }
    }

    /// Says where it happened; keeps code and errno.
    #[must_use]
    pub fn context(self, place: impl std::fmt::Display) -> Self {
        match self {
            Self::Refused(refusal) => {
                let message = format!("{place}: {}", refusal.message);
                Self::Refused(Refusal {
                    message: clean_line(&message, MAX_MESSAGE),
                    ..refusal
                })
            }
            fault @ Self::Fault(_) => fault,
        }
    }

    /// The contract's code, if the plugin is to see this.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Fault(_) => None,
        }
    }
}

impl From<WorldError> for Error {
    fn from(error: WorldError) -> Self {
        let code = match &error {
            WorldError::Environment { .. } => return Self::Fault(error),
            WorldError::Gone { .. } => ErrorCode::NotFound,
            WorldError::Read {
                errno: Errno::ENOENT | Errno::EOPNOTSUPP,
                ..
            } => ErrorCode::Unavailable,
            WorldError::Write { .. } | WorldError::Read { .. } | WorldError::Kernel { .. } => {
                ErrorCode::Kernel
            }
        };
        Self::Refused(Refusal::new(code, &error.to_string(), error.errno()))
    }
}

impl From<Refusal> for types::Error {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code,
            message: refusal.to_string(),
            errno: refusal.errno.map(|errno| errno as i32),
        }
    }
}
