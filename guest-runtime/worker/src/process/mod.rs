//! The life of a worker process, whatever its loop: the runtime's side is in
//! [`arena`](crate::arena).
//!
//! ```text
//! attach ─▶ tie to parent ─▶ setup ─▶ prepare ─▶ gate ─▶ loop ─▶ wait for stop ─▶ final counts
//!   │            │             └─ failures are recorded, ─┘  │
//!   ▼            ▼                the worker carries on      └─ cannot go on: recorded
//! ARENA        ORPHAN
//! ```
//!
//! Owns the order and the counting. What is prepared and looped is the
//! program's: there is one of built-in loops, and one that runs components.
//! A worker is a process, or with others a thread of one: see [`team`].

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::Duration;

mod apply;
mod record;
mod schedstat;
#[expect(unsafe_code, reason = "system calls that no crate wraps safely")]
pub mod sys;
pub mod team;

pub use apply::record as record_failure;
pub use record::{Recorder, UNIT};

use nix::unistd::gettid;

use crate::arena::Seat;
use crate::arena::layout::MAX_TEXT;
use crate::exit_code;
use crate::report::{Breakdown, BreakdownKind};
use crate::setup::SetupStep;
use schedstat::SchedstatFile;

/// Why a process could not become a worker: its exit code, and what to say.
pub type Unfit = (u8, io::Error);

/// The numbers that the runtime gave this process as arguments, `N` of them.
///
/// # Errors
/// [`USAGE`](exit_code::USAGE) for anything else.
pub fn arguments<const N: usize>() -> Result<[usize; N], Unfit> {
    let numbers: Option<Vec<usize>> = env::args().skip(1).map(|text| text.parse().ok()).collect();
    numbers
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| {
            let text = "it is started by the runtime, not by hand";
            (exit_code::USAGE, io::Error::other(text))
        })
}

/// The exit code of a worker that came to its end, or could not become one.
#[must_use]
pub fn exit(ended: Result<(), Unfit>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::from(exit_code::STOPPED),
        Err((code, error)) => {
            // Nobody may be listening; the exit code says it too.
            let _ = writeln!(io::stderr(), "proscenium-worker: {error}");
            ExitCode::from(code)
        }
    }
}

/// Takes the place `worker` in the arena that this process inherited as
/// descriptor `arena`, and lives the life of a worker.
///
/// `prepare` is called before the gate and `work` behind it; `work` returns
/// when its [`Recorder`] says stop, and with an error when it cannot go on.
///
/// # Errors
/// Only if this process cannot be that worker at all.
pub fn live<T>(
    arena: usize,
    worker: usize,
    prepare: impl FnOnce(&Seat) -> io::Result<T>,
    work: impl FnOnce(&Seat, &mut T, &mut Recorder<'_>) -> io::Result<()>,
) -> Result<(), Unfit> {
    let in_arena = |error| (exit_code::ARENA, error);
    let arena = sys::inherit(arena).map_err(in_arena)?;
    let seat = Seat::attach(&arena, worker).map_err(in_arena)?;
    sys::enter(seat.owner()).map_err(|error| (exit_code::ORPHAN, error))?;
    run(&seat, prepare, work).map_err(in_arena)
}

/// Files why the loop came to an end of its own.
///
/// # Errors
/// `InvalidData` if the seat has no slot, which [`Seat::attach`] refuses.
pub fn record_breakdown(seat: &Seat, breakdown: &Breakdown) -> io::Result<()> {
    let place = &seat.view()?.slot.breakdown;
    let text = &breakdown.message;
    let text = &text.as_bytes()[..text.floor_char_boundary(MAX_TEXT)];
    for (to, from) in place.text.iter().zip(text) {
        to.store(*from, Relaxed);
    }
    let number = BreakdownKind::ALL
        .iter()
        .position(|kind| *kind == breakdown.kind)
        .map_or(0, |place| place + 1);
    let word = |value: usize| u32::try_from(value).unwrap_or(0);
    place.len.store(word(text.len()), Relaxed);
    place.kind.store(word(number), Release);
    Ok(())
}

fn run<T>(
    seat: &Seat,
    prepare: impl FnOnce(&Seat) -> io::Result<T>,
    work: impl FnOnce(&Seat, &mut T, &mut Recorder<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let view = seat.view()?;
    let facts = &view.slot.facts;
    facts.tid.store(gettid().as_raw().unsigned_abs(), Relaxed);
    let schedstat = SchedstatFile::open();
    apply::apply(seat.setup()?, facts);
    // A change of user or group id has untied the worker from its parent.
    sys::die_with_parent()?;
    let failed = |error: &io::Error| apply::record(facts, SetupStep::Work, error);
    let tools = prepare(seat).inspect_err(failed).ok();
    seat.wait_for_gate()?;
    let before = schedstat.as_ref().and_then(SchedstatFile::read);
    let mut recorder = Recorder::start(seat, &view, seat.controls()?)?;
    if let Some(mut tools) = tools
        && !recorder.stopped()
        && let Err(error) = work(seat, &mut tools, &mut recorder)
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
