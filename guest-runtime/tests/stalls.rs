//! Workers of a real kernel that do not run, and those that only seem so.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

mod support;

use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proscenium_guest_runtime::world::kernel::{Kernel, Parts};
use proscenium_guest_runtime::world::{CrewId, GroupId, Knob, World};
use support::place::Place;
use support::{collect, crew, pass};

/// Longer than a window of four samples that begins between two of them.
const WINDOW: Duration = Duration::from_millis(2_700);

fn watching(place: &Place) -> Kernel {
    let tasks = Dir::open_ambient_dir("/proc", ambient_authority()).unwrap();
    Kernel::new(Parts {
        tasks: Some(tasks),
        ..place.parts(None)
    })
    .unwrap()
}

fn signal(world: &Kernel, crew: CrewId, index: usize, signal: Signal) -> u32 {
    let pid = world.pids(crew)[index];
    kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
    pid
}

#[test]
fn s_125_of_those_that_do_not_run_only_who_was_let_go_and_is_not_frozen_stalls() {
    let Some(place) = Place::find("stalls") else {
        return;
    };
    let mut world = watching(&place);
    let [a, frozen, shut] =
        ["a", "frozen", "shut"].map(|name| world.create(GroupId::ROOT, name).unwrap());
    let [running, in_ice, waiting] =
        [a, frozen, shut].map(|group| world.spawn(Some(group), &crew("spin-wait", 2)).unwrap());
    world.open_gates(&[running, in_ice]).unwrap();
    world.write(frozen, Knob::Freeze, "1").unwrap();
    let stopped = signal(&world, running, 0, Signal::SIGSTOP);
    pass(&mut world, WINDOW);
    // The last sample that found it frozen is no part of what comes after.
    world.write(frozen, Knob::Freeze, "0").unwrap();
    pass(&mut world, WINDOW);

    let stalls = world.take_stalls();
    let [stall] = &stalls[..] else {
        panic!("{stalls:#?}");
    };
    assert_eq!((stall.pid, stall.samples), (stopped, 4));
    assert_eq!(stall.first, stall.last);
    assert!(stall.last.run_time > Duration::ZERO, "{stall:?}");
    assert_eq!(stall.state, "T");
    assert!(
        stall.cgroup.ends_with(&format!("/{}/a", place.root_name)),
        "{stall:?}"
    );
    assert_eq!(stall.load.split(' ').count(), 3, "{stall:?}");
    assert_eq!(world.take_stalls(), [], "taken is taken");

    signal(&world, running, 0, Signal::SIGCONT);
    for crew in [running, in_ice, waiting] {
        collect(&mut world, crew, Duration::from_secs(5));
    }
}

#[test]
fn s_125_a_world_without_a_monitor_as_in_a_vm_reports_nobody() {
    let Some(place) = Place::find("unwatched") else {
        return;
    };
    let mut world = Kernel::new(place.parts(None)).unwrap();
    let a = world.create(GroupId::ROOT, "a").unwrap();
    let crew = world.spawn(Some(a), &crew("spin-wait", 2)).unwrap();
    world.open_gates(&[crew]).unwrap();
    signal(&world, crew, 0, Signal::SIGSTOP);
    pass(&mut world, WINDOW);
    assert_eq!(world.take_stalls(), []);
    signal(&world, crew, 0, Signal::SIGCONT);
    collect(&mut world, crew, Duration::from_secs(5));
}
