//! Moves an engine's epoch with the CPU time of the calling thread.
//!
//! CPU time, because a worker that is starved, throttled or frozen has done
//! nothing wrong. A signal, because the thread that a timer would otherwise
//! need would be one more task in the cgroup under test. It costs one signal
//! per tick of CPU time, and nothing in between.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::time::Duration;

use nix::sys::signal::{
    SaFlags, SigAction, SigEvent, SigHandler, SigSet, SigevNotify, Signal, sigaction,
};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use wasmtime::Engine;

const SIGNAL: Signal = Signal::SIGALRM;

/// See the module. There can be one in a process.
#[derive(Debug)]
pub(super) struct CpuClock {
    /// Deleted before the engine that its signals point to goes.
    _timer: Timer,
    _engine: Box<Engine>,
}

impl CpuClock {
    /// Moves the epoch of `engine` each time this thread has had `tick` of CPU
    /// time.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(super) fn start(engine: &Engine, tick: Duration) -> nix::Result<Self> {
        let engine = Box::new(engine.clone());
        let flags = SaFlags::SA_SIGINFO | SaFlags::SA_RESTART;
        let handler = SigAction::new(SigHandler::SigAction(expired), flags, SigSet::empty());
        // SAFETY: the handler is async-signal-safe; see there.
        unsafe { sigaction(SIGNAL, &handler) }?;
        let event = SigEvent::new(SigevNotify::SigevSignal {
            signal: SIGNAL,
            si_value: ptr::from_ref(&*engine).expose_provenance().cast_signed(),
        });
        let mut timer = Timer::new(ClockId::CLOCK_THREAD_CPUTIME_ID, event)?;
        timer.set(
            Expiration::Interval(TimeSpec::from_duration(tick)),
            TimerSetTimeFlags::empty(),
        )?;
        Ok(Self {
            _timer: timer,
            _engine: engine,
        })
    }
}

impl Drop for CpuClock {
    fn drop(&mut self) {
        let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
        // SAFETY: no handler. A signal that is pending is discarded with this,
        // so none can find the engine gone.
        let _ = unsafe { sigaction(SIGNAL, &ignore) };
    }
}

/// A tick.
extern "C" fn expired(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a valid structure to handlers with SA_SIGINFO.
    let info = unsafe { &*info };
    if info.si_code == libc::SI_TIMER {
        // SAFETY: a timer's signal has a value.
        let value = unsafe { info.si_value() }.sival_ptr;
        let engine = ptr::with_exposed_provenance::<Engine>(value.addr());
        // SAFETY: the only timer with this signal was given the address of an
        // engine that is dropped after the timer and after this handler.
        // Moving the epoch is an atomic addition, which is signal-safe.
        unsafe { &*engine }.increment_epoch();
    }
}
