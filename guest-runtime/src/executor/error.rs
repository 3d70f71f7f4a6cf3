//! What a scenario is told when something does not work, and what ends it.

use nix::errno::Errno;

use crate::bindings::types::{self, ErrorCode};
use crate::world::WorldError;

/// An answer to the plugin that a correct plugin may meet, or a fault of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Goes to the plugin as the contract's `error`.
    #[error("{}", .0.message)]
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
    /// The kernel's answer, where there was one.
    pub errno: Option<Errno>,
}

/// Shorthand of the executor.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An answer with a code and a message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused(Refusal {
            code,
            message: message.into(),
            errno: None,
        })
    }

    /// A value out of its range or form.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }

    /// A name that nothing answers to.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    /// A bound of this run.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::LimitExceeded, message)
    }

    /// Something that this runtime, kernel or machine does not offer.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    /// Says where it happened; keeps code and errno.
    #[must_use]
    pub fn context(self, place: impl std::fmt::Display) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(Refusal {
                message: format!("{place}: {}", refusal.message),
                ..refusal
            }),
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
        let errno = error.errno();
        Self::Refused(Refusal {
            code,
            message: error.to_string(),
            errno,
        })
    }
}

impl From<Refusal> for types::Error {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code,
            message: refusal.message,
            errno: refusal.errno.map(|errno| errno as i32),
        }
    }
}
