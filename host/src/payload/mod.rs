//! Payloads: programs of this machine that a scenario may start in the guest.
//!
//! ```text
//!   --payload, --payloads FILE ─► Declared ─► locate ─► Pack ─► image, job
//!      declare.rs                             linker.rs, elf.rs, ld_cache.rs
//! ```
//!
//! The operator declares them, so they are trusted as the operator's own; a
//! scenario sees names only. In the guest a program and its libraries lie
//! beneath [`GUEST_ROOT`] under the paths that they have here, so that what a
//! program looks for beside itself is there; only a program's interpreter lies
//! where the kernel looks for it. Never runs a program of this machine.

mod declare;
mod elf;
mod ld_cache;
mod linker;
mod pack;

use std::io;
use std::path::PathBuf;

pub use declare::{Declared, from_argument, from_toml, read_file};
pub use pack::{Pack, PackedFile};

/// What lies beneath it in the guest comes from this machine.
pub const GUEST_ROOT: &str = "/payloads";

/// Why a payload cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// A declaration is not in order.
    #[error("payload {name:?}: {why}")]
    Declaration {
        /// As it was given.
        name: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The file of declarations cannot be used.
    #[error("payloads file {path} not read")]
    Toml {
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
    #[error("payload {name:?}: there is no program {program}: name it by its path")]
    NoProgram {
        /// The payload.
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
