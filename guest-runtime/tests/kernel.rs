//! The kernel world against a real kernel: in a guest, and as root where a
//! cgroup v2 hierarchy can be written to, with or without controllers.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a test's helpers fail the test"
)]

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proscenium_guest_runtime::cpuset::CpuSet;
use proscenium_guest_runtime::link::Control;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{
    Controllers, CrewId, CrewPlan, GroupId, Knob, Moved, RootBounds, Wake, World, WorldError,
};
use proscenium_wire::{Command, encode};
use proscenium_worker::ExitInfo;
use support::place::{Place, skip};
use support::{collect, crew, pass};

const PATIENCE: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_millis(100);

/// A world here.
fn world_at(place: &Place) -> Kernel {
    Kernel::new(place.parts(None)).unwrap()
}

/// The scenario's root as the file system shows it.
fn root_of(place: &Place) -> PathBuf {
    place.hierarchy.join(&place.root_name)
}

/// A crew of this many that spins.
fn spinners(count: usize) -> CrewPlan {
    crew("spin-wait", count)
}

/// The pids in a cgroup, ascending.
fn members(world: &mut Kernel, group: GroupId) -> Result<Vec<u32>, WorldError> {
    let text = world.read(group, Knob::Procs)?;
    let mut pids: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
    pids.sort_unstable();
    Ok(pids)
}

fn alive(pid: u32) -> bool {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), None::<Signal>).is_ok()
}

fn started(world: &mut Kernel, group: Option<GroupId>, count: usize) -> CrewId {
    let crew = world.spawn(group, &spinners(count)).unwrap();
    world.open_gates(&[crew]).unwrap();
    crew
}

#[test]
fn what_the_roots_bound_on_processes_refuses_is_counted_on_every_kernel() {
    let Some(place) = Place::find("bounded") else {
        return;
    };
    let mut world = world_at(&place);
    if !world.controllers().contains(Controllers::PIDS) {
        return skip("bounded", "no pids controller");
    }
    let bounds = RootBounds {
        processes: 3,
        memory: u64::MAX,
    };
    world.confine(bounds).unwrap();
    assert_eq!(world.root_hits().processes, 0);
    let group = world.create(GroupId::ROOT, "a").unwrap();
    let error = world.spawn(Some(group), &spinners(5)).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EAGAIN), "{error}");
    assert_eq!(world.root_hits().processes, 1);
}

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
    // Waits until it is ready: before, a request to stop would kill it.
    world.open_gates(&[stuck]).unwrap();
    for crew in [stuck, quick] {
        for report in collect(&mut world, crew, PATIENCE) {
            assert!(report.completed, "{report:?}");
        }
    }
    world.remove(ice).unwrap();
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
fn a_cgroup_with_tasks_or_children_is_busy_and_one_that_is_gone_is_removed() {
    let Some(place) = Place::find("remove") else {
        return;
    };
    let mut world = world_at(&place);
    let parent = world.create(GroupId::ROOT, "parent").unwrap();
    let child = world.create(parent, "child").unwrap();
    assert_eq!(
        world.remove(parent).unwrap_err().errno(),
        Some(Errno::EBUSY)
    );
    let crew = started(&mut world, Some(child), 1);
    let begun = Instant::now();
    assert_eq!(world.remove(child).unwrap_err().errno(), Some(Errno::EBUSY));
    assert!(
        begun.elapsed() >= Duration::from_millis(900),
        "it waits a second for the dying"
    );
    // Killed and not waited for: the removal waits for the end itself.
    world.kill(&[crew]);
    world.remove(child).unwrap();
    fs::remove_dir(root_of(&place).join("parent")).unwrap();
    world.remove(parent).unwrap();
    assert!(matches!(world.remove(parent), Err(WorldError::Gone { .. })));
}

#[test]
fn dropping_a_world_leaves_no_process_and_no_cgroup() {
    let Some(place) = Place::find("drop") else {
        return;
    };
    let mut world = world_at(&place);
    let a = world.create(GroupId::ROOT, "a").unwrap();
    let b = world.create(a, "b").unwrap();
    let inside = started(&mut world, Some(b), 2);
    let beside = started(&mut world, None, 1);
    let pids = [world.pids(inside), world.pids(beside)].concat();
    world.write(b, Knob::Freeze, "1").unwrap();
    assert!(pids.iter().all(|pid| alive(*pid)));
    drop(world);
    assert!(!pids.iter().any(|pid| alive(*pid)));
    assert!(!root_of(&place).exists());
}

#[test]
fn a_world_that_was_not_used_has_touched_nothing() {
    let Some(place) = Place::find("unused") else {
        return;
    };
    let world = world_at(&place);
    assert!(!root_of(&place).exists());
    assert!(!world.machine().cpus.is_empty());
    assert!(!world.kernel_release().is_empty());
    drop(world);
}

#[test]
fn names_that_leave_the_parent_are_refused() {
    let Some(place) = Place::find("names") else {
        return;
    };
    let mut world = world_at(&place);
    for name in ["..", ".", "", "a/b", "/", "../x", "a\0b", "a\nb"] {
        assert!(world.create(GroupId::ROOT, name).is_err(), "{name:?}");
    }
    world.create(GroupId::ROOT, "a").unwrap();
    let error = world.create(GroupId::ROOT, "a").unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EEXIST));
}

#[test]
fn a_file_that_is_not_there_is_named_with_its_cgroup_and_what_to_do() {
    let Some(place) = Place::find("missing") else {
        return;
    };
    let mut world = world_at(&place);
    let group = world.create(GroupId::ROOT, "a").unwrap();
    let text = world
        .write(group, Knob::CpuMax, "max")
        .unwrap_err()
        .to_string();
    for part in ["cpu.max", "\"a\"", "\"max\"", "subtree_control"] {
        assert!(text.contains(part), "{text}");
    }
    let refused = world.write(group, Knob::CpuStat, "1").unwrap_err();
    assert_eq!(refused.errno(), Some(Errno::EACCES));
    assert!(
        world
            .read(group, Knob::CpuStat)
            .unwrap()
            .contains("usage_usec")
    );
}

#[test]
fn waits_last_as_long_as_asked_and_one_in_the_past_returns_at_once() {
    let Some(place) = Place::find("wait") else {
        return;
    };
    let mut world = world_at(&place);
    let begun = world.now();
    assert_eq!(world.wait(begun + MOMENT).unwrap(), Wake::Elapsed);
    let took = world.now() - begun;
    assert!(took >= MOMENT && took < MOMENT * 10, "{took:?}");
    assert_eq!(world.wait(Duration::ZERO).unwrap(), Wake::Elapsed);
}

#[test]
fn a_cancellation_ends_a_wait_and_a_host_that_hangs_up_does_not() {
    let Some(place) = Place::find("cancel") else {
        return;
    };
    let (guest, mut host) = UnixStream::pair().unwrap();
    let control = Control::new(guest.into()).unwrap();
    let mut world = Kernel::new(place.parts(Some(control))).unwrap();
    let mut bytes = Vec::new();
    encode(
        &Command::Cancel {
            reason: "enough".into(),
        },
        &mut bytes,
    )
    .unwrap();
    host.write_all(&bytes).unwrap();
    let until = world.now() + PATIENCE;
    assert_eq!(world.wait(until).unwrap(), Wake::Cancelled("enough".into()));
    drop(host);
    let until = world.now() + MOMENT;
    assert_eq!(world.wait(until).unwrap(), Wake::Elapsed);
}

#[test]
fn a_cancellation_during_a_collection_is_not_lost() {
    let Some(place) = Place::find("late-cancel") else {
        return;
    };
    let (guest, mut host) = UnixStream::pair().unwrap();
    let control = Control::new(guest.into()).unwrap();
    let mut world = Kernel::new(place.parts(Some(control))).unwrap();
    let crew = started(&mut world, Some(GroupId::ROOT), 1);
    let mut bytes = Vec::new();
    encode(
        &Command::Cancel {
            reason: "enough".into(),
        },
        &mut bytes,
    )
    .unwrap();
    host.write_all(&bytes).unwrap();
    assert!(collect(&mut world, crew, PATIENCE)[0].completed);
    let until = world.now() + PATIENCE;
    assert_eq!(world.wait(until).unwrap(), Wake::Cancelled("enough".into()));
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

/// A world whose root hands down `wanted`; `None`, said aloud, without them.
fn with_controllers(place: &Place, wanted: Controllers) -> Option<Kernel> {
    let mut world = world_at(place);
    if !world.controllers().contains(wanted) {
        let has = world.controllers();
        let reason = format!("controllers {wanted} are not all in the hierarchy ({has})");
        support::place::skip(&place.root_name, &reason);
        return None;
    }
    world.enable(GroupId::ROOT, wanted).unwrap();
    world.enable(GroupId::ROOT, wanted).unwrap();
    Some(world)
}

#[test]
fn at_pids_max_the_kernels_refusal_is_reported_and_nothing_is_left() {
    let Some(place) = Place::find("pids") else {
        return;
    };
    let Some(mut world) = with_controllers(&place, Controllers::PIDS) else {
        return;
    };
    let group = world.create(GroupId::ROOT, "a").unwrap();
    world.write(group, Knob::PidsMax, "3").unwrap();
    let error = world.spawn(Some(group), &spinners(5)).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EAGAIN));
    assert!(
        error
            .to_string()
            .contains("start 5 workers in cgroup \"a\""),
        "{error}"
    );
    assert_eq!(members(&mut world, group).unwrap(), [0; 0]);
    let crew = started(&mut world, Some(group), 3);
    assert_eq!(collect(&mut world, crew, PATIENCE).len(), 3);
    world.remove(group).unwrap();
}

#[test]
fn cpuset_quota_and_memory_are_enforced_on_workers() {
    let Some(place) = Place::find("limits") else {
        return;
    };
    let wanted = Controllers::CPU | Controllers::CPUSET | Controllers::MEMORY;
    let Some(mut world) = with_controllers(&place, wanted) else {
        return;
    };
    let group = world.create(GroupId::ROOT, "a").unwrap();
    let last = world.machine().cpus.last().unwrap();
    world
        .write(group, Knob::CpusetCpus, &last.to_string())
        .unwrap();
    world.write(group, Knob::CpuMax, "20000 100000").unwrap();
    world.write(group, Knob::MemoryMax, "67108864").unwrap();
    assert_eq!(
        world.read(group, Knob::CpusetCpusEffective).unwrap().trim(),
        last.to_string()
    );
    assert_eq!(
        world.read(group, Knob::MemoryMax).unwrap().trim(),
        "67108864"
    );
    let crew = started(&mut world, Some(group), 2);
    let usage = |world: &mut Kernel| -> u64 {
        let text = world.read(group, Knob::CpuStat).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("usage_usec "))
            .unwrap();
        line.parse().unwrap()
    };
    let (then, begun) = (usage(&mut world), world.now());
    pass(&mut world, Duration::from_secs(1));
    let (used, wall) = (usage(&mut world) - then, world.now() - begun);
    let share = used as f64 / wall.as_micros() as f64;
    assert!(
        (0.10..0.35).contains(&share),
        "20 % were granted, {share} used"
    );
    for report in collect(&mut world, crew, PATIENCE) {
        assert_eq!(report.cpus_used, [last]);
    }
    // Cleared: the empty value is an empty line to the kernel.
    world.write(group, Knob::CpusetCpus, "").unwrap();
    assert_eq!(world.read(group, Knob::CpusetCpus).unwrap().trim(), "");
}
