//! Loops that sleep by the clock. They sleep on the stop word, so that a
//! request ends the sleep; a sleep cut short is no sample.

use std::io;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_timerslack;
use proscenium_worker::process::{Recorder, UNIT};
use proscenium_worker::work::Timers;

use super::{Loop, burn, busy, ready, sleep};

pub(super) fn prepare(work: &Timers) -> io::Result<Loop> {
    match *work {
        Timers::Bursty { work, sleep } => cycles(work, sleep, Duration::ZERO),
        Timers::IdleChurn {
            busy,
            idle,
            precise,
        } => {
            if precise {
                set_timerslack(1)?;
            }
            cycles(busy, idle, idle)
        }
        Timers::TimerLatency { interval } => {
            set_timerslack(1)?;
            ready(move |_, recorder| timer_latency(interval, recorder))
        }
    }
}

/// Bursts and sleeps in turn; samples are the sleeps less `intended`.
fn cycles(work: Duration, pause: Duration, intended: Duration) -> io::Result<Loop> {
    ready(move |_, recorder| {
        while busy(work, recorder, || burn(UNIT)) {
            if let Some(slept) = sleep(pause, recorder)? {
                recorder.sample(slept.saturating_sub(intended));
            }
            let going_on = recorder.iteration(0);
            recorder.checkpoint();
            if !going_on {
                break;
            }
        }
        Ok(())
    })
}

fn timer_latency(interval: Duration, recorder: &mut Recorder<'_>) -> io::Result<()> {
    let mut expiry = Instant::now() + interval;
    loop {
        let left = expiry.saturating_duration_since(Instant::now());
        if sleep(left, recorder)?.is_none() {
            return Ok(());
        }
        let now = Instant::now();
        recorder.sample(now.saturating_duration_since(expiry));
        // Expiries that were missed altogether are not made up for.
        expiry = if now > expiry + interval {
            now + interval
        } else {
            expiry + interval
        };
        if !recorder.iteration(UNIT) {
            return Ok(());
        }
    }
}
