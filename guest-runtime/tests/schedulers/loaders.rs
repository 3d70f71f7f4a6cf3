//! Loaders that do not get there, and kernels that have nothing for them.

use std::time::Duration;

use nix::errno::Errno;
use proscenium_guest_runtime::world::{
    ExtState, ProgramPlan, SchedulerId, Wake, World, WorldError,
};
use proscenium_wire::PayloadExit;

use crate::rig::{PATIENCE, any_world, plan, printed, reach, stop, world};
use crate::support::place::skip;

#[test]
fn a_kernel_without_sched_ext_says_so_and_starts_nothing() {
    let Some(mut world) = any_world("absent") else {
        return;
    };
    if world.sched_ext().state != ExtState::Absent {
        return skip("absent", "this kernel has sched_ext");
    }
    let error = world.start_scheduler(&plan("")).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EOPNOTSUPP), "{error}");
    assert_eq!(world.sched_ext().ops, None);
    assert_eq!(world.scheduler_down().unwrap(), None);
    let nobody = SchedulerId(0);
    world.watch_scheduler(Some(nobody));
    let until = world.now() + Duration::from_millis(50);
    assert_eq!(world.wait(until).unwrap(), Wake::Elapsed);
    for answer in [
        world.await_scheduler(nobody, until).map(drop),
        world.stop_scheduler(nobody, until).map(drop),
    ] {
        assert!(matches!(answer, Err(WorldError::Gone { .. })), "{answer:?}");
    }
    assert_eq!(world.scheduler_exit(nobody), None);
}

#[test]
fn programs_that_cannot_be_started_are_refused_in_the_kernels_words() {
    let Some(mut world) = world("unstartable") else {
        return;
    };
    for (program, errno) in [
        ("/job/no-such-file", Errno::ENOENT),
        ("/job/environment", Errno::EACCES),
        ("/job/fix\0ture", Errno::EINVAL),
    ] {
        let plan = ProgramPlan {
            program: program.to_owned(),
            ..plan("")
        };
        let error = world.start_scheduler(&plan).unwrap_err();
        assert_eq!(error.errno(), Some(errno), "{program:?}: {error}");
        assert!(error.to_string().contains("\"fixture\""), "{error}");
    }
}

#[test]
fn one_that_exits_at_once_or_is_refused_by_the_verifier_is_noticed() {
    let Some(mut world) = world("refused") else {
        return;
    };
    let id = world
        .start_scheduler(&plan("--instead exit --exit-code 7"))
        .unwrap();
    assert_eq!(reach(&mut world, id, |_| false), ExtState::Disabled);
    assert_eq!(world.scheduler_exit(id), Some(PayloadExit::Code(7)));

    let id = world.start_scheduler(&plan("--instead refused")).unwrap();
    let text = printed(&mut world, id);
    assert_eq!(world.scheduler_exit(id), Some(PayloadExit::Code(1)));
    // The verifier's own words.
    assert!(text.contains("R0") && text.contains("map_value"), "{text}");
    assert_eq!(world.sched_ext().state, ExtState::Disabled);
}

#[test]
fn one_that_hangs_is_waited_for_no_longer_than_asked() {
    let Some(mut world) = world("hangs") else {
        return;
    };
    let id = world.start_scheduler(&plan("--instead hang")).unwrap();
    let begun = world.now();
    let until = begun + Duration::from_millis(500);
    while world.await_scheduler(id, until).unwrap() != Wake::Elapsed {}
    assert!(world.now() >= until);
    assert!(world.now() - begun < PATIENCE / 4);
    assert_eq!(world.scheduler_exit(id), None);
    stop(&mut world, id);
}

#[test]
fn what_happened_before_a_wait_for_it_is_not_missed() {
    let Some(mut world) = world("missed") else {
        return;
    };
    let id = world.start_scheduler(&plan("--instead exit")).unwrap();
    // Its end is taken in by a wait for something else.
    let until = world.now() + Duration::from_secs(1);
    assert_eq!(world.wait(until).unwrap(), Wake::Elapsed);
    let begun = world.now();
    let wake = world.await_scheduler(id, begun + PATIENCE).unwrap();
    assert_eq!(wake, Wake::Scheduler);
    assert!(world.now() - begun < Duration::from_secs(1));
}
