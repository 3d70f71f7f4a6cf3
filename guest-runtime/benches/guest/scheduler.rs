//! A scheduler's death: how soon a hold has returned, and what of the kernel's
//! own announcements that takes. What comes after it is in `teardown.rs`.
//!
//! Targets: kill to return at most 1.5 of a bare wake-up by pidfd; return at
//! most 2 ms after the kernel's uevent; at most 20 wake-ups in a hold of 10 s.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{ExtState, ProgramPlan, SchedulerId, Wake, World};

use crate::observer::{Observer, Source, pidfd};
use crate::place::Place;
use crate::{ratios, teardown, told};

const FIXTURE: &str = "/job/fixture";
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const ROUNDS: usize = 11;
/// From the fixture's being attached to what happens to it.
const LEAD: Duration = Duration::from_millis(250);

pub(crate) fn bench(place: &Place) {
    let mut world = Kernel::new(place.parts(None)).unwrap();
    if world.sched_ext().state == ExtState::Absent || !Path::new(FIXTURE).is_file() {
        println!("SKIP schedulers: no sched_ext or no fixture in the guest");
        return;
    }
    kills(&mut world);
    errors(&mut world);
    idle(&mut world);
    drop(world);
    teardown::bench(place);
}

/// Starts the fixture, waits until it is enabled and watches it.
pub(crate) fn watch(world: &mut Kernel, words: &str) -> SchedulerId {
    let plan = ProgramPlan {
        name: "fixture".to_owned(),
        program: FIXTURE.to_owned(),
        folder: "/tmp".to_owned(),
        arguments: words.split_whitespace().map(str::to_owned).collect(),
        environment: Vec::new(),
    };
    let id = world.start_scheduler(&plan).unwrap();
    let until = world.now() + PATIENCE;
    while world.sched_ext().state != ExtState::Enabled {
        assert_ne!(world.await_scheduler(id, until).unwrap(), Wake::Elapsed);
    }
    world.watch_scheduler(Some(id));
    id
}

fn stop(world: &mut Kernel, id: SchedulerId) {
    let until = world.now() + PATIENCE;
    assert!(world.stop_scheduler(id, until).unwrap().restored);
}

/// Holds until the scheduler is down.
pub(crate) fn hold(world: &mut Kernel) -> Instant {
    let until = world.now() + PATIENCE;
    let wake = world.wait(until).unwrap();
    let returned = Instant::now();
    assert!(matches!(wake, Wake::SchedulerDown(_)), "{wake:?}");
    returned
}

/// SIGKILL to the loader: a hold, and a bare `poll` of its pidfd, in turn.
fn kills(world: &mut Kernel) {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let id = watch(world, "");
        let killer = kill_soon(newest_fixture());
        let returned = hold(world);
        ours.push((returned - killer.join().unwrap()).as_secs_f64() * 1e3);
        stop(world, id);
        bare.push(bare_kill().as_secs_f64() * 1e3);
    }
    println!("kill to hold returned {} ms", told(ours.clone()));
    println!("kill to bare pidfd wake-up {} ms", told(bare.clone()));
    println!("hold / bare pidfd {}", ratios(&ours, &bare));
}

/// From a kill to the wake-up, without the runtime.
fn bare_kill() -> Duration {
    let mut child = Command::new(FIXTURE)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("attached"));
    let pid = Pid::from_raw(child.id().cast_signed());
    let pidfd = pidfd(pid);
    let killer = kill_soon(pid);
    let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::NONE).unwrap();
    let woken = Instant::now();
    child.wait().unwrap();
    woken - killer.join().unwrap()
}

/// Kills after a while, and says when.
fn kill_soon(pid: Pid) -> thread::JoinHandle<Instant> {
    thread::spawn(move || {
        poll(&mut [], PollTimeout::try_from(LEAD).unwrap()).unwrap();
        let now = Instant::now();
        kill(pid, Signal::SIGKILL).unwrap();
        now
    })
}

/// The fixture's process: the one with the highest pid.
fn newest_fixture() -> Pid {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        (comm.trim_end() == "fixture").then_some(pid)
    });
    Pid::from_raw(pids.max().unwrap())
}

/// An error of the BPF half, while its loader lingers.
fn errors(world: &mut Kernel) {
    let (mut uevent, mut log, mut polled) = (Vec::new(), Vec::new(), Vec::new());
    let words = format!("--after {} --then error --linger", LEAD.as_millis());
    for _ in 0..ROUNDS {
        let observers = [Source::Uevent, Source::Log, Source::State].map(Observer::start);
        let id = watch(world, &words);
        let returned = hold(world);
        assert_eq!(world.scheduler_exit(id), None, "its loader is still there");
        let [by_uevent, by_log, by_state] = observers.map(Observer::seen);
        // Negative: the hold had returned before that.
        let since = |other: Instant| {
            let (late, early) = (
                returned.saturating_duration_since(other),
                other.saturating_duration_since(returned),
            );
            (late.as_secs_f64() - early.as_secs_f64()) * 1e3
        };
        uevent.push(since(by_uevent));
        log.push(since(by_log));
        polled.push(since(by_state));
        stop(world, id);
    }
    println!(
        "BPF error: hold returned after the uevent by {} ms",
        told(uevent)
    );
    println!(
        "BPF error: after the line in the kernel's log by {} ms",
        told(log)
    );
    println!("BPF error: after a look each 100 ms by {} ms", told(polled));
}

fn idle(world: &mut Kernel) {
    const TIME: Duration = Duration::from_secs(10);
    let id = watch(world, "");
    let slept = || {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
        usage.voluntary_context_switches()
    };
    let before = slept();
    let until = world.now() + TIME;
    assert_eq!(world.wait(until).unwrap(), Wake::Elapsed);
    println!("wake-ups in a hold of {TIME:?}: {}", slept() - before);
    stop(world, id);
}
