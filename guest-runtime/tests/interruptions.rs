//! A wait that is interrupted all the time is as long as any other. Needs a
//! cgroup v2 hierarchy only because a world is made in one.

#![expect(
    clippy::unwrap_used,
    unsafe_code,
    reason = "a test's helpers fail the test; a signal handler has no safe form"
)]

mod support;

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use libc::c_int;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{getpid, gettid};
use proscenium_guest_runtime::world::World;
use proscenium_guest_runtime::world::kernel::Kernel;
use support::place::Place;
use support::{collect, crew, pass};

extern "C" fn interrupted(_: c_int) {}

/// Interrupts this thread every millisecond until the sender is dropped. By a
/// thread, since not every C library has timers that are directed at one.
fn storm() -> Sender<()> {
    let action = SigAction::new(
        SigHandler::Handler(interrupted),
        SaFlags::empty(),
        SigSet::empty(),
    );
    // SAFETY: the handler does nothing, so it may run anywhere.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
    let (process, target) = (getpid().as_raw(), gettid().as_raw());
    let (storm, over) = channel();
    thread::spawn(move || {
        let pause = Duration::from_millis(1);
        while over.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            // SAFETY: the call takes three numbers; a thread that is gone is an error.
            unsafe { libc::syscall(libc::SYS_tgkill, process, target, libc::SIGUSR1) };
        }
    });
    storm
}

#[test]
fn s_107_interruptions_do_not_lengthen_a_hold() {
    const HOLD: Duration = Duration::from_millis(300);
    let Some(place) = Place::find("interruptions") else {
        return;
    };
    let mut world = Kernel::new(place.parts(None)).unwrap();
    let crew = world.spawn(None, &crew("spin-wait", 1)).unwrap();
    world.open_gates(&[crew]).unwrap();
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
