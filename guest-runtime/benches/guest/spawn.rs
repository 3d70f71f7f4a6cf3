//! 200 workers in 20 cgroups: from nothing to running, against a loop of
//! `clone3` and exec of the same program in as many cgroups, which ends at
//! once and is reaped; and their teardown under load.

#![expect(unsafe_code, reason = "clone3 has no safe wrapper")]

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::ptr::null;
use std::time::{Duration, Instant};

use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use proscenium_guest_runtime::init::WORKER_PATH;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{CrewPlan, GroupId, World};
use proscenium_worker::{Setup, Work};

use crate::place::Place;
use crate::{ratios, told};

const GROUPS: usize = 20;
const WORKERS: usize = 10;
const ROUNDS: usize = 5;
/// How long the workers compete before they are torn down.
const LOAD: Duration = Duration::from_millis(300);
/// `CLONE_INTO_CGROUP` of the kernel's `sched.h`; libc's constant overflows.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

pub(crate) fn bench(place: &Place) {
    let (mut ours, mut native, mut teardown) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (start, end) = crews(place);
        ours.push(start);
        teardown.push(end);
        native.push(looped(place));
    }
    let workers = GROUPS * WORKERS;
    println!("start of {workers} workers {} s", told(ours.clone()));
    println!("clone3 and exec of as many {} s", told(native.clone()));
    println!("start / clone3 and exec {}", ratios(&ours, &native));
    println!(
        "teardown of {workers} spinning workers and {GROUPS} cgroups {} s",
        told(teardown)
    );
}

/// Seconds of the start, and of the teardown.
fn crews(place: &Place) -> (f64, f64) {
    let mut world = Kernel::new(place.parts(None)).unwrap();
    let groups: Vec<GroupId> = (0..GROUPS)
        .map(|index| world.create(GroupId::ROOT, &format!("g{index}")).unwrap())
        .collect();
    let plan = CrewPlan {
        work: Work::parse("spin-wait", &[]).unwrap(),
        setups: vec![Setup::default(); WORKERS],
        directories: Vec::new(),
        epoch: 0,
    };
    let start = Instant::now();
    let crews: Vec<_> = groups
        .iter()
        .map(|group| world.spawn(Some(*group), &plan).unwrap())
        .collect();
    world.open_gates(&crews).unwrap();
    let started = start.elapsed().as_secs_f64();
    let until = world.now() + LOAD;
    world.wait(until).unwrap();
    let start = Instant::now();
    let until = world.now() + Duration::from_secs(5);
    let reports = world.collect(&crews, until);
    for group in groups {
        world.remove(group).unwrap();
    }
    let ended = start.elapsed().as_secs_f64();
    let reports = reports.iter().flat_map(|crew| &crew.reports);
    let late = reports.filter(|report| !report.completed).count();
    if late > 0 {
        println!("{late} workers were killed: they did not stop in time");
    }
    (started, ended)
}

/// Seconds of as many processes, from the first clone to the last reaping.
fn looped(place: &Place) -> f64 {
    let folders: Vec<_> = (0..GROUPS)
        .map(|index| place.hierarchy.join(format!("native{index}")))
        .collect();
    folders
        .iter()
        .for_each(|folder| fs::create_dir(folder).unwrap());
    let start = Instant::now();
    for folder in &folders {
        let cgroup = File::open(folder).unwrap();
        let children: Vec<Pid> = (0..WORKERS).map(|_| clone_into(&cgroup)).collect();
        for child in children {
            waitpid(child, None).unwrap();
        }
    }
    let time = start.elapsed().as_secs_f64();
    folders
        .iter()
        .for_each(|folder| fs::remove_dir(folder).unwrap());
    time
}

/// A process of the worker program in `cgroup`. Without arguments it ends at once.
fn clone_into(cgroup: &File) -> Pid {
    let program = CString::new(WORKER_PATH).unwrap();
    let arguments = [program.as_ptr(), null()];
    // SAFETY: all fields are integers, for which 0 means nothing special.
    let mut request: libc::clone_args = unsafe { std::mem::zeroed() };
    request.flags = CLONE_INTO_CGROUP;
    request.exit_signal = u64::try_from(libc::SIGCHLD).unwrap();
    request.cgroup = u64::try_from(cgroup.as_raw_fd()).unwrap();
    // SAFETY: without CLONE_VM the child goes on with a copy of this stack;
    // it makes system calls on what was prepared before, and nothing else.
    let pid = unsafe {
        let pid = libc::syscall(
            libc::SYS_clone3,
            &raw mut request,
            size_of::<libc::clone_args>(),
        );
        if pid == 0 {
            libc::close(2);
            libc::execve(program.as_ptr(), arguments.as_ptr(), null());
            libc::_exit(127);
        }
        pid
    };
    assert!(pid > 0, "{}", std::io::Error::last_os_error());
    Pid::from_raw(i32::try_from(pid).unwrap())
}
