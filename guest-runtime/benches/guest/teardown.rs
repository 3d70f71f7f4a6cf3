//! What the teardown after a scheduler's death costs, with few workers and with
//! many; and what the kernel needs for the end of as many processes alone.
//!
//! Target: with 500 workers at most 3 times that with 10. An emulated kernel
//! takes longer than that by itself, hence the third figure.

#![expect(unsafe_code, reason = "fork and sched_setattr have no safe form")]

use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{CrewPlan, GroupId, World};
use proscenium_worker::{Setup, Work};

use crate::place::Place;
use crate::scheduler::{PATIENCE, hold, watch};
use crate::{ratios, told};

const FEW: usize = 10;
const MANY: usize = 500;
const ROUNDS: usize = 3;
/// Milliseconds in which all children of the bare loop have had their turn.
const LEAD_MS: u16 = 2_000;

pub(crate) fn bench(place: &Place) {
    let (mut few, mut many, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        few.push(teardown(place, FEW));
        many.push(teardown(place, MANY));
        bare.push(killed_and_reaped(MANY));
    }
    println!(
        "teardown after a death, {FEW} workers {} s",
        told(few.clone())
    );
    println!(
        "teardown after a death, {MANY} workers {} s",
        told(many.clone())
    );
    println!("{MANY} workers / {FEW} workers {}", ratios(&many, &few));
    println!("{MANY} children killed and reaped {} s", told(bare.clone()));
    println!("{MANY} workers / as many children {}", ratios(&many, &bare));
}

/// From the end of the hold until all is gone and the kernel's own scheduler
/// is back, in seconds.
fn teardown(place: &Place, workers: usize) -> f64 {
    let mut world = Kernel::new(place.parts(None)).unwrap();
    let group = world.create(GroupId::ROOT, "load").unwrap();
    let plan = CrewPlan {
        work: Work::parse("spin-wait", &[]).unwrap(),
        setups: vec![Setup::default(); workers],
        directories: Vec::new(),
        epoch: 0,
    };
    let crew = world.spawn(Some(group), &plan).unwrap();
    // The loader needs time of the CPU that the load would take from it.
    let id = watch(&mut world, "--after 3000 --then error");
    world.open_gates(&[crew]).unwrap();
    let returned = hold(&mut world);
    world.kill(&[crew]);
    let until = world.now() + PATIENCE;
    let reports = world.collect(&[crew], until);
    assert_eq!(reports[0].reports.len(), workers);
    world.scheduler_remains(id, until);
    world.stop_scheduler(id, until).unwrap();
    world.remove(group).unwrap();
    drop(world);
    returned.elapsed().as_secs_f64()
}

/// Seconds of the bare end of processes that spin: children of this program,
/// killed and reaped one after another by a thread that precedes them, as the
/// runtime does.
fn killed_and_reaped(count: usize) -> f64 {
    set_class(libc::SCHED_FIFO, 1);
    let children: Vec<Pid> = (0..count).map(|_| spinner()).collect();
    poll(&mut [], PollTimeout::from(LEAD_MS)).unwrap();
    let start = Instant::now();
    for child in &children {
        kill(*child, Signal::SIGKILL).unwrap();
    }
    for child in children {
        waitpid(child, None).unwrap();
    }
    let time = start.elapsed();
    set_class(libc::SCHED_OTHER, 0);
    time.as_secs_f64()
}

fn spinner() -> Pid {
    // SAFETY: the child makes no call, of whatever kind.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => loop {
            std::hint::spin_loop();
        },
        ForkResult::Parent { child } => child,
    }
}

/// Of this thread, and not of the children that it makes.
fn set_class(policy: i32, priority: u32) {
    // SAFETY: all fields are integers, for which 0 means nothing special.
    let mut class: libc::sched_attr = unsafe { std::mem::zeroed() };
    class.size = u32::try_from(size_of_val(&class)).unwrap();
    class.sched_policy = policy.unsigned_abs();
    class.sched_priority = priority;
    class.sched_flags = u64::try_from(libc::SCHED_FLAG_RESET_ON_FORK).unwrap();
    // SAFETY: the struct says its size and is only read; 0 is this thread.
    let set = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const class, 0) };
    Errno::result(set).unwrap();
}
