//! A wait that is interrupted all the time is as long as any other. Needs a
//! cgroup v2 hierarchy only because a world is made in one.

#![expect(
    clippy::unwrap_used,
    unsafe_code,
    reason = "a test's helpers fail the test; a signal handler has no safe form"
)]

mod support;

use std::time::{Duration, Instant};

use nix::libc::c_int;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{
    SaFlags, SigAction, SigEvent, SigHandler, SigSet, SigevNotify, Signal, sigaction,
};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use nix::unistd::gettid;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{CrewPlan, World};
use proscenium_worker::{Setup, Work};
use support::place::Place;
use support::{collect, pass};

extern "C" fn interrupted(_: c_int) {}

/// Interrupts this thread every millisecond for as long as it is kept.
fn storm() -> Timer {
    let action = SigAction::new(
        SigHandler::Handler(interrupted),
        SaFlags::empty(),
        SigSet::empty(),
    );
    // SAFETY: the handler does nothing, so it may run anywhere.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
    let notify = SigevNotify::SigevThreadId {
        signal: Signal::SIGUSR1,
        thread_id: gettid().as_raw(),
        si_value: 0,
    };
    let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(notify)).unwrap();
    let every = Expiration::Interval(Duration::from_millis(1).into());
    timer.set(every, TimerSetTimeFlags::empty()).unwrap();
    timer
}

#[test]
fn s_107_interruptions_do_not_lengthen_a_hold() {
    const HOLD: Duration = Duration::from_millis(300);
    let Some(place) = Place::find("interruptions") else {
        return;
    };
    let mut world = Kernel::new(place.parts(None)).unwrap();
    let plan = CrewPlan {
        work: Work::parse("spin-wait", &[]).unwrap(),
        setups: vec![Setup::default()],
        epoch: 0,
    };
    let crew = world.spawn(None, &plan).unwrap();
    world.open_gate(crew).unwrap();
    let slept = || {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
        usage.voluntary_context_switches()
    };
    let (from, before) = (Instant::now(), slept());
    let storm = storm();
    pass(&mut world, HOLD);
    let (took, woken) = (from.elapsed(), slept() - before);
    assert!(woken > 20, "interrupted {woken} times only");
    assert!(took >= HOLD, "{took:?}");
    assert!(took < HOLD * 5, "{took:?}");
    // Waiting for workers to stop is interrupted as well.
    let reports = collect(&mut world, crew, Duration::from_secs(5));
    drop(storm);
    assert!(reports[0].completed);
}
