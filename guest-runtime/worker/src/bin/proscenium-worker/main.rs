//! The worker program: one process of a crew that does a built-in type of work,
//! or one process whose threads are the workers of several crews.
//!
//! Started by the runtime inside its cgroup as
//! `proscenium-worker <arena descriptor> <worker index>`, or as
//! [`team`](proscenium_worker::process::team) has it, with the memory and
//! what else it needs inherited. Everything else it is told is in the memory,
//! and so is everything that it tells. Its life is in
//! [`proscenium_worker::process`]; here are the loops.
#![deny(unsafe_code)]

use std::process::ExitCode;

use loops::Loop;
use proscenium_worker::Seat;
use proscenium_worker::process::team::Team;
use proscenium_worker::process::{self, Recorder, Unfit};

mod loops;
#[expect(unsafe_code, reason = "system calls that no crate wraps safely")]
mod sys;

fn main() -> ExitCode {
    process::exit(live())
}

fn live() -> Result<(), Unfit> {
    let work = |seat: &Seat, work: &mut Loop, recorder: &mut Recorder<'_>| work(seat, recorder);
    if let Some(team) = Team::told()? {
        return team.live(loops::prepare, work);
    }
    let [arena, worker] = process::arguments()?;
    process::live(arena, worker, loops::prepare, work)
}
