//! Crews: where they are, when they run, how they end, and what is known then.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proscenium_guest_runtime::cpuset::CpuSet;
use proscenium_guest_runtime::world::{GroupId, Knob, Moved, World, WorldError};
use proscenium_worker::ExitInfo;

use crate::rig::{MOMENT, PATIENCE, members, spinners, started, world_at};
use crate::support::place::Place;
use crate::support::{collect, pass};

#[test]
fn workers_start_inside_their_cgroup_and_run_when_the_gate_opens() {
    let Some(place) = Place::find("start") else {
        return;
    };
    let mut world = world_at(&place);
    let group = world.create(GroupId::ROOT, "a").unwrap();
    let crew = world.spawn(Some(group), &spinners(3)).unwrap();
    let mut pids = world.pids(crew).to_vec();
    pids.sort_unstable();
    assert_eq!(members(&mut world, group).unwrap(), pids);
    pass(&mut world, MOMENT);
    assert_eq!(world.iterations(crew), 0, "the gate is shut");
    world.open_gates(&[crew]).unwrap();
    pass(&mut world, MOMENT);
    assert!(world.iterations(crew) > 0);
    let reports = collect(&mut world, crew, PATIENCE);
    assert_eq!(reports.len(), 3);
    for report in reports {
        assert!(report.completed && report.iterations > 0, "{report:?}");
        assert_eq!(report.exit, Some(ExitInfo::Exited(0)));
    }
    assert!(world.pids(crew).is_empty());
    assert!(matches!(
        world.open_gates(&[crew]),
        Err(WorldError::Gone { .. })
    ));
    world.remove(group).unwrap();
    assert!(matches!(
        world.read(group, Knob::Procs),
        Err(WorldError::Gone { .. })
    ));
}

#[test]
fn crews_that_are_let_run_together_wait_for_the_slowest() {
    let Some(place) = Place::find("together") else {
        return;
    };
    let mut world = world_at(&place);
    let ice = world.create(GroupId::ROOT, "ice").unwrap();
    world.write(ice, Knob::Freeze, "1").unwrap();
    let quick = world.spawn(None, &spinners(1)).unwrap();
    let stuck = world.spawn(Some(ice), &spinners(1)).unwrap();
    world.open_gates(&[quick, stuck]).unwrap();
    // Had it run while the other was waited for, this would be most of it.
    let early = world.iterations(quick);
    pass(&mut world, MOMENT);
    let later = world.iterations(quick) - early;
    assert!(early < later, "{early}, then {later}");
    world.write(ice, Knob::Freeze, "0").unwrap();
    for crew in [stuck, quick] {
        for report in collect(&mut world, crew, PATIENCE) {
            assert!(report.completed, "{report:?}");
        }
    }
    world.remove(ice).unwrap();
}

#[test]
fn a_stop_that_comes_before_a_worker_can_take_signals_is_heard() {
    let Some(place) = Place::find("early") else {
        return;
    };
    let mut world = world_at(&place);
    let ice = world.create(GroupId::ROOT, "ice").unwrap();
    world.write(ice, Knob::Freeze, "1").unwrap();
    // Frozen before its first instruction, so the signal is there before it is.
    let crew = world.spawn(Some(ice), &spinners(2)).unwrap();
    for pid in world.pids(crew) {
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).unwrap();
    }
    world.write(ice, Knob::Freeze, "0").unwrap();
    world.open_gates(&[crew]).unwrap();
    pass(&mut world, MOMENT);
    for report in collect(&mut world, crew, PATIENCE) {
        assert!(report.completed && report.iterations > 0, "{report:?}");
        assert_eq!(report.exit, Some(ExitInfo::Exited(0)));
    }
}

#[test]
fn a_crew_that_is_collected_at_once_has_ended_well() {
    let Some(place) = Place::find("at-once") else {
        return;
    };
    let mut world = world_at(&place);
    let crew = world.spawn(Some(GroupId::ROOT), &spinners(8)).unwrap();
    for report in collect(&mut world, crew, PATIENCE) {
        assert!(report.completed && report.iterations == 0, "{report:?}");
        assert_eq!(report.exit, Some(ExitInfo::Exited(0)));
    }
}

#[test]
fn a_frozen_cgroup_stands_still_until_it_is_thawed() {
    let Some(place) = Place::find("freeze") else {
        return;
    };
    let mut world = world_at(&place);
    let group = world.create(GroupId::ROOT, "a").unwrap();
    let crew = started(&mut world, Some(group), 1);
    world.write(group, Knob::Freeze, "1").unwrap();
    pass(&mut world, MOMENT);
    let then = world.iterations(crew);
    pass(&mut world, MOMENT);
    assert_eq!(world.iterations(crew), then);
    world.write(group, Knob::Freeze, "0").unwrap();
    pass(&mut world, MOMENT);
    assert!(world.iterations(crew) > then);
    assert!(
        collect(&mut world, crew, PATIENCE)
            .iter()
            .all(|report| report.completed)
    );
}

#[test]
fn a_worker_that_does_not_stop_in_time_is_killed_and_said_to_be_late() {
    let Some(place) = Place::find("late") else {
        return;
    };
    let mut world = world_at(&place);
    let group = world.create(GroupId::ROOT, "a").unwrap();
    let crew = started(&mut world, Some(group), 2);
    pass(&mut world, MOMENT);
    world.write(group, Knob::Freeze, "1").unwrap();
    let begun = Instant::now();
    let reports = collect(&mut world, crew, Duration::from_millis(200));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    for report in reports {
        assert!(!report.completed && report.iterations > 0, "{report:?}");
        assert_eq!(report.exit, Some(ExitInfo::TimedOut));
    }
    world.remove(group).unwrap();
}

#[test]
fn a_worker_that_was_killed_has_what_it_counted_and_its_signal() {
    let Some(place) = Place::find("killed") else {
        return;
    };
    let mut world = world_at(&place);
    let crew = started(&mut world, Some(GroupId::ROOT), 2);
    pass(&mut world, MOMENT);
    world.kill(&[crew]);
    let begun = Instant::now();
    let reports = collect(&mut world, crew, PATIENCE);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "killed workers are not waited for"
    );
    for report in reports {
        assert_eq!(report.exit, Some(ExitInfo::Signaled(libc::SIGKILL)));
        assert!(report.iterations > 0 && !report.completed);
    }
}

#[test]
fn moved_workers_are_in_the_target_and_those_that_are_gone_are_counted() {
    let Some(place) = Place::find("migrate") else {
        return;
    };
    let mut world = world_at(&place);
    let from = world.create(GroupId::ROOT, "from").unwrap();
    let to = world.create(GroupId::ROOT, "to").unwrap();
    let crew = started(&mut world, Some(from), 3);
    let pids = world.pids(crew).to_vec();
    let victim = Pid::from_raw(i32::try_from(pids[0]).unwrap());
    kill(victim, Signal::SIGKILL).unwrap();
    pass(&mut world, MOMENT);
    assert_eq!(
        world.migrate(crew, to).unwrap(),
        Moved { moved: 2, gone: 1 }
    );
    assert_eq!(members(&mut world, from).unwrap(), [0; 0]);
    let mut rest = pids[1..].to_vec();
    rest.sort_unstable();
    assert_eq!(members(&mut world, to).unwrap(), rest);
}

#[test]
fn a_worker_can_be_pinned_and_says_where_it_ran() {
    let Some(place) = Place::find("affinity") else {
        return;
    };
    let mut world = world_at(&place);
    let last = world.machine().cpus.last().unwrap();
    let crew = world.spawn(Some(GroupId::ROOT), &spinners(1)).unwrap();
    world
        .set_affinity(crew, 0, &CpuSet::from([last].as_slice()))
        .unwrap();
    world.open_gates(&[crew]).unwrap();
    pass(&mut world, MOMENT);
    assert_eq!(collect(&mut world, crew, PATIENCE)[0].cpus_used, [last]);
}
