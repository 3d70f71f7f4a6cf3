//! The worker program: one process of a crew that does a built-in type of work.
//!
//! Started by the runtime inside its cgroup as
//! `proscenium-worker <arena descriptor> <worker index>`, with the memory and
//! its pipe ends inherited. Everything else it is told is in the memory, and
//! so is everything that it tells. Its life is in [`proscenium_worker::process`];
//! here are the loops.
#![deny(unsafe_code)]

use std::process::ExitCode;

use proscenium_worker::process;

mod loops;

use loops::Tools;

fn main() -> ExitCode {
    let lived = process::arguments()
        .and_then(|[arena, worker]| process::live(arena, worker, Tools::prepare, loops::run));
    process::exit(lived)
}
