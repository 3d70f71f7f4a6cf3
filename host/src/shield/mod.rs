//! Foreign bytes are taken apart, and foreign code runs, in a process that can
//! do nothing else.
//!
//! ```text
//!   this process                       child: the same program, started anew
//!   ────────────                       ─────────────────────────────────────
//!   bytes, in memory ── stdin ───────► limits, no files, no network, no programs
//!                    ◄─ stdout ─────── machine code and facts, or events
//!   deadline, size limit,              nothing else is open
//!   checks what was said
//! ```
//!
//! - `confine` is what the child gives up before it reads the first byte.
//! - `prepare` has a plugin compiled and described, `simulate` has a scenario
//!   run in the simulated world; each file has both sides of it.
//! - `listen` starts a child and says how it ended.
//!
//! While a plugin is prepared, the machine code is complete and here before any
//! of it runs there: a plugin that broke out of WebAssembly could lie about its
//! name, and no more. What is a folder of sources is not shielded: cargo runs
//! its build scripts with the rights of the user, see `SECURITY.md`.

mod child;
mod confine;
mod listen;
mod prepare;
mod reply;
mod simulate;

use std::path::PathBuf;
use std::time::Duration;

pub use child::main;
pub use listen::ShieldError;
pub use prepare::Prepared;
pub use reply::Refusal;
pub use simulate::Simulation;

/// By this name as its zeroth argument the program knows that it is the child.
pub const CHILD: &str = "proscenium-shield";

/// What the child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Computing time of all its threads, in whole seconds; at least one. The
    /// largest component that a language needs (33 MB of code) takes about 10.
    pub cpu: Duration,
    /// Time until its last word.
    pub wall: Duration,
    /// Memory that it may write to, in bytes.
    pub memory_bytes: u64,
    /// Machine code that it may send, in bytes.
    pub code_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(60),
            wall: Duration::from_secs(300),
            memory_bytes: 4 << 30,
            code_bytes: 256 << 20,
        }
    }
}

/// Starts children and listens to them.
#[derive(Clone, Debug)]
pub struct Shield {
    program: PathBuf,
    bounds: Bounds,
}

impl Shield {
    /// Children of the program that runs now, with the usual bounds.
    #[must_use]
    pub fn of_this_program() -> Self {
        // What is running, even if an update has put another file in its place.
        Self::of("/proc/self/exe", Bounds::default())
    }

    /// Children of another build of this program.
    #[must_use]
    pub fn of(program: impl Into<PathBuf>, bounds: Bounds) -> Self {
        Self {
            program: program.into(),
            bounds,
        }
    }
}
