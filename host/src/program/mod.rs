//! Programs of this machine that run in the guest, whatever for: payloads and
//! the loaders of schedulers under test.
//!
//! ```text
//!   command line, TOML file ─► Declared ─► locate ─► Files ─► image, job
//!        declare.rs                      locate.rs  files.rs, place.rs, script.rs, tree.rs
//!                                                   linker.rs, elf.rs, ld_cache.rs
//! ```
//!
//! The operator declares them, so they are trusted as the operator's own; a
//! scenario sees names only. In the guest a program and its libraries lie
//! beneath [`GUEST_ROOT`] under the paths that they have here, so that what a
//! program looks for beside itself is there; only interpreters, and what the
//! operator says is to come along, lie where they lie here. Files are read when
//! the image is written, so there is nothing to keep between runs. Never runs a
//! program of this machine.

mod declare;
mod elf;
mod files;
mod ld_cache;
mod linker;
mod locate;
mod place;
mod script;
#[cfg(test)]
pub(crate) mod testing;
mod tree;

use std::fmt;
use std::io;
use std::path::PathBuf;

pub use declare::Declared;
pub(crate) use declare::{
    beneath, check_all, check_names, parse_document, parts, read_document, read_text, resolve,
    shortened,
};
pub use files::{Files, PackedFile, Placed, Wanted};
pub use linker::Linker;
pub(crate) use locate::{executable, locate};

/// What lies beneath it in the guest comes from this machine.
pub const GUEST_ROOT: &str = "/programs";

/// What a declared program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A scenario may start it.
    Payload,
    /// It loads a scheduler under test.
    Scheduler,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Payload => "payload",
            Self::Scheduler => "scheduler",
        })
    }
}

/// Why a program cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A declaration is not in order.
    #[error("{role} {name:?}: {why}")]
    Declaration {
        /// What it was declared as.
        role: Role,
        /// As it was given.
        name: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The file of declarations cannot be used.
    #[error("{role}s file {path} not read")]
    Toml {
        /// What it declares.
        role: Role,
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A file cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No such program.
    #[error("{role} {name:?}: there is no program {program}: name it by its path")]
    NoProgram {
        /// What it was declared as.
        role: Role,
        /// Under which name.
        name: String,
        /// As it was declared.
        program: PathBuf,
    },
    /// A file that cannot run in the guest.
    #[error("{path} cannot run in the guest: {why}")]
    NotRunnable {
        /// The file.
        path: PathBuf,
        /// Why not, and what to do.
        why: String,
    },
    /// A library is missing.
    #[error(
        "library {library} is missing: {needed_by} needs it, and it is in none of {searched}: install it"
    )]
    MissingLibrary {
        /// Its name.
        library: String,
        /// The file that asks for it.
        needed_by: PathBuf,
        /// Where it was looked for.
        searched: String,
    },
}

impl ProgramError {
    pub(crate) fn not_runnable(path: impl Into<PathBuf>, why: impl Into<String>) -> Self {
        Self::NotRunnable {
            path: path.into(),
            why: why.into(),
        }
    }
}
