//! Loops that change what the scheduler knows of a worker. What is refused is
//! put on record, and the loop goes on.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::Instant;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use proscenium_worker::process::sys::{fork, set_nice, set_policy, wait};
use proscenium_worker::process::{Recorder, UNIT};
use proscenium_worker::work::Churn;
use proscenium_worker::{Policy, Seat};

use super::{Loop, burn, busy, draw_below, ready, seed, share, timed_yield};
use crate::sys;

/// What policy-churn steps through.
const POLICIES: [Policy; 5] = [
    Policy::Normal,
    Policy::Batch,
    Policy::Idle,
    Policy::Fifo(1),
    Policy::RoundRobin(1),
];

pub(super) fn prepare(work: &Churn, seat: &Seat) -> io::Result<Loop> {
    match *work {
        Churn::ForkExit {} => children(fork, wait),
        Churn::NiceSweep { spins } => {
            let least = if set_nice(-20).is_ok() { -20 } else { 0 };
            let mut nice = least;
            changes(spins, move || {
                let done = set_nice(nice);
                nice = if nice == 19 { least } else { nice + 1 };
                done
            })
        }
        Churn::Affinity { spins } => {
            let cpus = own_cpus()?;
            let mut at = 0;
            changes(spins, move || {
                at = (at + 1) % cpus.len().max(1);
                pin(0, cpus.get(at).copied())
            })
        }
        Churn::CrossAffinity { spins } => cross_affinity(seat, spins),
        Churn::Policy { spins } => {
            let mut at = 0;
            changes(spins, move || {
                at = (at + 1) % POLICIES.len();
                set_policy(POLICIES[at])
            })
        }
        Churn::Cgroup { interval, .. } => {
            let groups: Vec<File> = seat
                .directories()
                .iter()
                .map(|directory| sys::procs(&share(*directory)?, true))
                .collect::<io::Result<_>>()?;
            let mut at = 0;
            ready(move |_, recorder| {
                loop {
                    at = (at + 1) % groups.len().max(1);
                    // 0 stands for the process that writes.
                    if let Some(Err(error)) = groups.get(at).map(|group| group.write_at(b"0", 0)) {
                        recorder.refused(&error);
                    }
                    busy(interval, recorder, || burn(UNIT));
                    let going_on = recorder.iteration(0);
                    recorder.checkpoint();
                    if !going_on {
                        return Ok(());
                    }
                }
            })
        }
        Churn::AttachStorm { ignore_sigchld, .. } => {
            let [directory] = seat.directories() else {
                return Err(io::ErrorKind::NotFound.into());
            };
            let directory = share(*directory)?;
            if ignore_sigchld {
                sys::ignore_children()?;
            }
            children(move || sys::fork_into(directory.as_fd()), sys::wait_or_gone)
        }
    }
}

/// Makes children that exit at once, and waits for each.
fn children(
    mut start: impl FnMut() -> io::Result<Pid> + 'static,
    mut wait: impl FnMut(Pid) -> io::Result<()> + 'static,
) -> io::Result<Loop> {
    ready(move |_, recorder: &mut Recorder<'_>| {
        loop {
            let going_on = match start() {
                Ok(child) => {
                    let start = Instant::now();
                    wait(child)?;
                    recorder.sample(start.elapsed());
                    recorder.iteration(UNIT)
                }
                // A limit on processes is part of what scenarios do.
                Err(error) => {
                    recorder.refused(&error);
                    thread::yield_now();
                    !recorder.stopped()
                }
            };
            recorder.checkpoint();
            if !going_on {
                return Ok(());
            }
        }
    })
}

/// Spins, changes something, yields.
fn changes(spins: u64, mut change: impl FnMut() -> io::Result<()> + 'static) -> io::Result<Loop> {
    ready(move |_, recorder: &mut Recorder<'_>| {
        loop {
            burn(spins);
            if let Err(error) = change() {
                recorder.refused(&error);
            }
            recorder.sample(timed_yield());
            if !recorder.iteration(spins + UNIT) {
                return Ok(());
            }
        }
    })
}

/// Each CPU that this worker may use, as a set of its own.
fn own_cpus() -> io::Result<Vec<CpuSet>> {
    let all = sched_getaffinity(Pid::from_raw(0))?;
    let mut own = Vec::new();
    for cpu in 0..CpuSet::count() {
        if all.is_set(cpu)? {
            let mut set = CpuSet::new();
            set.set(cpu)?;
            own.push(set);
        }
    }
    Ok(own)
}

fn pin(pid: i32, cpus: Option<CpuSet>) -> io::Result<()> {
    match cpus {
        Some(cpus) => Ok(sched_setaffinity(Pid::from_raw(pid), &cpus)?),
        None => Ok(()),
    }
}

/// Pins processes of its own cgroup. Only workers are in there, and a number
/// that is another process's by now would have to be taken within microseconds.
fn cross_affinity(seat: &Seat, spins: u64) -> io::Result<Loop> {
    let [directory] = seat.directories() else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let procs = sys::procs(&share(*directory)?, false)?;
    let cpus = own_cpus()?;
    let mut text = [0_u8; 4096];
    let mut random = seed();
    changes(spins, move || {
        let len = procs.read_at(&mut text, 0)?;
        let text = std::str::from_utf8(text.get(..len).unwrap_or_default()).unwrap_or_default();
        // The last line may be cut in the middle of a number.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let count = whole.lines().count();
        if count == 0 {
            // It was moved away, and nobody else is there.
            return Ok(());
        }
        let chosen = whole.lines().nth(draw_below(&mut random, count));
        let pid = chosen.and_then(|pid| pid.parse().ok()).unwrap_or(0);
        let cpu = draw_below(&mut random, cpus.len());
        match pin(pid, cpus.get(cpu).copied()) {
            // It has ended since.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            done => done,
        }
    })
}
