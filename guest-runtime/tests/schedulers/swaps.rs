//! One scheduler for another, and what each leaves.

use std::time::Duration;

use proscenium_guest_runtime::world::{ExtState, Stopped, Wake, World};
use proscenium_wire::PayloadExit;

use crate::rig::{PATIENCE, attach, hold, stop, watch, world};
use crate::support::pass;

#[test]
fn s_037_the_new_one_is_watched_and_the_old_one_no_more() {
    let Some(mut world) = world("s_037") else {
        return;
    };
    let old = watch(&mut world, "--ops old");
    stop(&mut world, old);
    let new = watch(&mut world, "--ops new --after 1000 --then die");
    assert_eq!(world.sched_ext().ops.as_deref(), Some("new"));
    assert_eq!(
        hold(&mut world, Duration::from_millis(200)).0,
        Wake::Elapsed
    );
    assert!(matches!(
        hold(&mut world, PATIENCE).0,
        Wake::SchedulerDown(_)
    ));
    stop(&mut world, new);
}

#[test]
fn s_044_what_each_start_prints_stays_apart() {
    let Some(mut world) = world("s_044") else {
        return;
    };
    let ids = ["a", "b"].map(|ops| {
        let id = world
            .start_scheduler(&crate::rig::plan(&format!("--ops {ops}")))
            .unwrap();
        crate::rig::reach(&mut world, id, |state| state == ExtState::Enabled);
        pass(&mut world, Duration::from_millis(300));
        stop(&mut world, id);
        id
    });
    for (id, ops) in ids.into_iter().zip(["a", "b"]) {
        let printed = world.take_scheduler_output(id);
        let text = String::from_utf8_lossy(&printed.bytes).into_owned();
        assert!(text.starts_with(&format!("attached {ops}\n")), "{text:?}");
        assert!(text.contains("disabled: "), "its last words too: {text:?}");
        assert_eq!(text.matches("attached").count(), 1, "{text:?}");
        assert!(world.take_scheduler_output(id).bytes.is_empty(), "taken");
    }
}

#[test]
fn one_that_leaves_when_asked_says_so_with_its_exit() {
    let Some(mut world) = world("leave") else {
        return;
    };
    let id = attach(&mut world, "");
    let until = world.now() + PATIENCE;
    let stopped = world.stop_scheduler(id, until).unwrap();
    assert_eq!(
        Stopped {
            took: Duration::ZERO,
            ..stopped
        },
        Stopped {
            exit: PayloadExit::Code(0),
            killed: false,
            took: Duration::ZERO,
            restored: true
        }
    );
    assert_eq!(world.sched_ext().state, ExtState::Disabled);
}

#[test]
fn one_that_ignores_the_request_is_killed_in_time_and_the_kernels_own_is_back() {
    let Some(mut world) = world("stubborn") else {
        return;
    };
    let id = attach(&mut world, "--ignore-sigterm");
    let until = world.now() + Duration::from_millis(300);
    let stopped = world.stop_scheduler(id, until).unwrap();
    assert!(stopped.killed && stopped.restored, "{stopped:?}");
    assert_eq!(stopped.exit, PayloadExit::Signal(9));
    assert!(stopped.took >= Duration::from_millis(290), "{stopped:?}");
    assert!(stopped.took < Duration::from_secs(5), "{stopped:?}");
    assert_eq!(world.sched_ext().state, ExtState::Disabled);
}

#[test]
fn dropping_a_world_takes_its_scheduler_out_of_the_kernel() {
    let Some(mut first) = world("drop-scheduler") else {
        return;
    };
    attach(&mut first, "--ignore-sigterm");
    drop(first);
    let mut second = world("drop-scheduler").unwrap();
    assert_eq!(second.sched_ext().state, ExtState::Disabled);
    let id = attach(&mut second, "");
    stop(&mut second, id);
}
