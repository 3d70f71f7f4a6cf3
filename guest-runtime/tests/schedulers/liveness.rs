//! What ends a hold, and what does not.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use proscenium_guest_runtime::world::{Down, ExtState, GroupId, Wake, World};
use proscenium_wire::PayloadExit;
use proscenium_worker::ExitInfo;

use crate::rig::{PATIENCE, hold, plan, reach, stop, watch, world};
use crate::support::{collect, crew};

const ABORTED: i32 = 6;

#[test]
fn s_104_and_113_an_exit_ends_a_hold_at_once() {
    let Some(mut world) = world("s_104") else {
        return;
    };
    let id = watch(&mut world, "--after 300 --then die");
    let (wake, took) = hold(&mut world, PATIENCE);
    let Wake::SchedulerDown(down) = wake else {
        panic!("{wake:?} after {took:?}");
    };
    // The kernel says so a little before the process is gone.
    assert!(
        matches!(
            down,
            Down::Disabled | Down::Exited(PayloadExit::Signal(ABORTED))
        ),
        "{down:?}"
    );
    assert!(took < Duration::from_secs(5), "{took:?}");
    let (wake, took) = hold(&mut world, PATIENCE);
    assert_eq!(wake, Wake::SchedulerDown(down), "down is down");
    assert!(took < Duration::from_secs(1), "{took:?}");
    stop(&mut world, id);
}

#[test]
fn s_105_being_thrown_out_ends_a_hold_while_the_loader_lingers() {
    let Some(mut world) = world("s_105") else {
        return;
    };
    let id = watch(&mut world, "--after 300 --then error --linger");
    let (wake, _) = hold(&mut world, PATIENCE);
    assert_eq!(wake, Wake::SchedulerDown(Down::Disabled));
    assert_eq!(world.scheduler_exit(id), None);
    stop(&mut world, id);
}

#[test]
fn s_106_a_watch_on_one_that_is_gone_says_so() {
    let Some(mut world) = world("s_106") else {
        return;
    };
    let leaves = plan("--after 1 --then exit --exit-code 3");
    let id = world.start_scheduler(&leaves).unwrap();
    reach(&mut world, id, |_| false);
    world.watch_scheduler(Some(id));
    let gone = Down::Exited(PayloadExit::Code(3));
    assert_eq!(world.scheduler_down().unwrap(), Some(gone.clone()));
    let (wake, took) = hold(&mut world, PATIENCE);
    assert_eq!(wake, Wake::SchedulerDown(gone));
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn s_112_a_death_between_steps_is_seen_by_a_look() {
    let Some(mut world) = world("s_112") else {
        return;
    };
    // It may be gone again before anybody saw it enabled.
    let id = world
        .start_scheduler(&plan("--after 1 --then exit"))
        .unwrap();
    reach(&mut world, id, |_| false);
    world.watch_scheduler(Some(id));
    assert!(world.scheduler_down().unwrap().is_some());
    stop(&mut world, id);
}

#[test]
fn s_114_a_death_in_the_last_instant_is_found_by_the_last_look() {
    let Some(mut world) = world("s_114") else {
        return;
    };
    let id = watch(&mut world, "--linger");
    assert_eq!(world.scheduler_down().unwrap(), None);
    // Nobody waits while it dies, and the next wait has no time.
    std::fs::write("/proc/sysrq-trigger", "S").unwrap();
    while world.sched_ext().state == ExtState::Enabled {}
    assert_eq!(
        world.wait(Duration::ZERO).unwrap(),
        Wake::SchedulerDown(Down::Disabled)
    );
    stop(&mut world, id);
}

#[test]
fn s_116_one_that_is_well_or_was_asked_to_go_is_not_down() {
    let Some(mut world) = world("s_116") else {
        return;
    };
    let id = watch(&mut world, "");
    assert_eq!(
        hold(&mut world, Duration::from_millis(300)).0,
        Wake::Elapsed
    );
    assert_eq!(world.scheduler_down().unwrap(), None);
    // Outside of the scenario's schedulers nothing is said of it either.
    world.watch_scheduler(None);
    std::fs::write("/proc/sysrq-trigger", "S").unwrap();
    assert_eq!(
        hold(&mut world, Duration::from_millis(300)).0,
        Wake::Elapsed
    );
    assert_eq!(world.scheduler_down().unwrap(), None);
    stop(&mut world, id);
}

#[test]
fn s_038_and_116_a_detach_that_was_asked_for_trips_nothing() {
    let Some(mut world) = world("s_038") else {
        return;
    };
    let id = watch(&mut world, "");
    stop(&mut world, id);
    assert_eq!(world.sched_ext().state, ExtState::Disabled);
    assert_eq!(world.scheduler_down().unwrap(), None);
    assert_eq!(
        hold(&mut world, Duration::from_millis(300)).0,
        Wake::Elapsed
    );
}

#[test]
fn s_118_after_a_death_all_are_killed_before_one_is_reaped() {
    const WORKERS: usize = 40;
    let Some(mut world) = world("s_118") else {
        return;
    };
    let group = world.create(GroupId::ROOT, "load").unwrap();
    let id = watch(&mut world, "--after 1500 --then error");
    let crew = world
        .spawn(Some(group), &crew("spin-wait", WORKERS))
        .unwrap();
    world.open_gates(&[crew]).unwrap();
    let (wake, _) = hold(&mut world, PATIENCE);
    assert_eq!(wake, Wake::SchedulerDown(Down::Disabled));
    let begun = world.now();
    world.kill(&[crew]);
    let reports = collect(&mut world, crew, PATIENCE);
    // Had each been asked and waited for, it would be as many times its patience.
    assert!(world.now() - begun < Duration::from_secs(5));
    assert_eq!(reports.len(), WORKERS);
    for report in reports {
        assert_eq!(report.exit, Some(ExitInfo::Signaled(libc::SIGKILL)));
    }
    stop(&mut world, id);
}

#[test]
fn a_hold_under_a_healthy_scheduler_wakes_up_for_nothing() {
    let Some(mut world) = world("idle") else {
        return;
    };
    let id = watch(&mut world, "");
    let slept = || {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
        usage.voluntary_context_switches()
    };
    let before = slept();
    assert_eq!(hold(&mut world, Duration::from_secs(10)).0, Wake::Elapsed);
    let wake_ups = slept() - before;
    assert!(wake_ups <= 20, "{wake_ups} wake-ups in 10 s");
    stop(&mut world, id);
}
