//! The worker program: one process of a crew.
//!
//! Started by the runtime inside its cgroup as
//! `proscenium-worker <arena descriptor> <worker index>`, with the memory and
//! its pipe ends inherited. Everything else it is told is in the memory, and
//! so is everything that it tells.
//!
//! ```text
//! attach ─▶ tie to parent ─▶ setup ─▶ prepare ─▶ gate ─▶ loop ─▶ wait for stop ─▶ final counts
//!   │            │             └─ failures are recorded, ─┘  │
//!   ▼            ▼                the worker carries on      └─ cannot go on: recorded
//! ARENA        ORPHAN
//! ```
#![deny(unsafe_code)]

use std::env;
use std::io::{self, Write};
use std::process::{self, ExitCode};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use proscenium_worker::{Seat, SetupStep, exit_code};

mod apply;
mod loops;
mod record;
mod schedstat;
#[expect(unsafe_code, reason = "system calls that no crate wraps safely")]
mod sys;

use loops::Tools;
use record::Recorder;
use schedstat::SchedstatFile;

fn main() -> ExitCode {
    let arguments: Option<Vec<usize>> = env::args().skip(1).map(|text| text.parse().ok()).collect();
    let code = match arguments.as_deref() {
        Some([arena, worker]) => work(*arena, *worker),
        _ => Err((
            exit_code::USAGE,
            io::Error::other("it is started by the runtime, not by hand"),
        )),
    };
    match code {
        Ok(()) => ExitCode::from(exit_code::STOPPED),
        Err((code, error)) => {
            // Nobody may be listening; the exit code says it too.
            let _ = writeln!(io::stderr(), "proscenium-worker: {error}");
            ExitCode::from(code)
        }
    }
}

fn work(arena: usize, worker: usize) -> Result<(), (u8, io::Error)> {
    let in_arena = |error| (exit_code::ARENA, error);
    let arena = sys::inherit(arena).map_err(in_arena)?;
    let seat = Seat::attach(&arena, worker).map_err(in_arena)?;
    sys::enter(seat.owner()).map_err(|error| (exit_code::ORPHAN, error))?;
    run(&seat).map_err(in_arena)
}

fn run(seat: &Seat) -> io::Result<()> {
    let view = seat.view()?;
    let facts = &view.slot.facts;
    facts.tid.store(process::id(), Relaxed);
    let schedstat = SchedstatFile::open();
    apply::apply(seat.setup()?, facts);
    // A change of user or group id has untied the worker from its parent.
    sys::die_with_parent()?;
    let failed = |error: &io::Error| apply::record(facts, SetupStep::Work, error);
    let tools = Tools::prepare(seat).inspect_err(failed).ok();
    seat.wait_for_gate()?;
    let before = schedstat.as_ref().and_then(SchedstatFile::read);
    let mut recorder = Recorder::start(seat, &view, seat.controls()?)?;
    if let Some(mut tools) = tools
        && !recorder.stopped()
        && let Err(error) = loops::run(seat, &mut tools, &mut recorder)
    {
        failed(&error);
    }
    while !recorder.stopped() {
        recorder.sleep(Duration::MAX)?;
    }
    let after = schedstat.as_ref().and_then(SchedstatFile::read);
    recorder.finish(before.zip(after));
    Ok(())
}
