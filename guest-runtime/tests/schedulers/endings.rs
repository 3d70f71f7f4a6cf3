//! How a scheduler ended, in the kernel's own words.

use proscenium_guest_runtime::world::{Down, Remains, Wake, World};
use proscenium_wire::PayloadExit;

use crate::rig::{PATIENCE, attach, hold, stop, watch, world};

/// What is left of the fixture that was started with these words.
fn remains(name: &str, words: &str) -> Option<Remains> {
    let mut world = world(name)?;
    let id = watch(&mut world, words);
    let (wake, took) = hold(&mut world, PATIENCE);
    assert!(
        matches!(wake, Wake::SchedulerDown(_)),
        "{words}: {wake:?} after {took:?}"
    );
    let until = world.now() + PATIENCE;
    let remains = world.scheduler_remains(id, until);
    let name = "sched_ext: BPF scheduler \"fixture\" disabled (";
    assert!(remains.dump.contains(name), "{words}: {remains:?}");
    stop(&mut world, id);
    Some(remains)
}

#[test]
fn s_115_an_exit_of_its_own_accord_is_told() {
    let Some(remains) = remains("s_115", "--after 300 --then exit") else {
        return;
    };
    assert_eq!(remains.exit, Some(PayloadExit::Code(0)));
    let reason = remains.reason.as_deref();
    assert_eq!(reason, Some("unregistered from user space"));
    assert_eq!(remains.message, None);
}

#[test]
fn s_115_a_killed_loader_is_told_from_one_that_left() {
    let Some(remains) = remains("s_115", "--after 300 --then die") else {
        return;
    };
    assert_eq!(remains.exit, Some(PayloadExit::Signal(6)));
    let reason = remains.reason.as_deref();
    assert_eq!(reason, Some("unregistered from user space"));
}

#[test]
fn s_115_an_error_has_the_schedulers_own_words() {
    let Some(remains) = remains("s_115", "--after 300 --then error --linger") else {
        return;
    };
    assert_eq!(remains.exit, None, "its loader is still there");
    assert_eq!(remains.reason.as_deref(), Some("scx_bpf_error"));
    let message = remains.message.unwrap_or_default();
    assert!(message.contains("told to fail"), "{message:?}");
}

#[test]
fn s_115_a_stall_names_who_was_not_let_run() {
    let words = "--watchdog 1000 --after 300 --then stall --linger";
    let Some(remains) = remains("s_115", words) else {
        return;
    };
    assert_eq!(remains.reason.as_deref(), Some("runnable task stall"));
    let message = remains.message.unwrap_or_default();
    assert!(message.contains("failed to run for"), "{message:?}");
}

#[test]
fn s_115_being_disabled_by_somebody_else_is_told() {
    let words = "--after 300 --then disable --linger";
    let Some(remains) = remains("s_115", words) else {
        return;
    };
    assert_eq!(remains.reason.as_deref(), Some("disabled by sysrq-S"));
    assert_eq!(remains.exit, None);
}

#[test]
fn s_115_a_takeover_ends_the_one_that_was_there() {
    let Some(mut world) = world("takeover") else {
        return;
    };
    let id = watch(&mut world, "--ops first --linger");
    // Another program's scheduler: nobody here waits for it.
    let other = crate::rig::plan("--ops second --take-over --delay 300");
    let other = world.start_scheduler(&other).unwrap();
    let (wake, took) = hold(&mut world, PATIENCE);
    let Wake::SchedulerDown(down) = wake else {
        panic!("{wake:?} after {took:?}");
    };
    let second = Down::Replaced("second".to_owned());
    assert!(down == Down::Disabled || down == second, "{down:?}");
    stop(&mut world, other);
    stop(&mut world, id);
}

#[test]
fn a_second_loader_is_refused_by_the_kernel_and_the_first_stays() {
    let Some(mut world) = world("second") else {
        return;
    };
    let id = watch(&mut world, "--ops first");
    let other = world.start_scheduler(&crate::rig::plan("")).unwrap();
    let until = world.now() + PATIENCE;
    while world.scheduler_exit(other).is_none() {
        assert_ne!(world.await_scheduler(other, until).unwrap(), Wake::Elapsed);
    }
    assert_ne!(world.scheduler_exit(other), Some(PayloadExit::Code(0)));
    assert_eq!(world.scheduler_down().unwrap(), None);
    assert_eq!(world.sched_ext().ops.as_deref(), Some("first"));
    stop(&mut world, id);
}

#[test]
fn the_same_can_be_started_again_at_once_after_a_death() {
    let Some(mut world) = world("again") else {
        return;
    };
    for _ in 0..3 {
        let id = watch(&mut world, "--after 50 --then error");
        assert_eq!(
            hold(&mut world, PATIENCE).0,
            Wake::SchedulerDown(Down::Disabled)
        );
        stop(&mut world, id);
    }
    let id = attach(&mut world, "");
    stop(&mut world, id);
}
