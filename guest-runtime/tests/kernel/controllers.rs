//! Limits that the kernel enforces, where the hierarchy has the controllers.

use std::time::Duration;

use nix::errno::Errno;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{Controllers, GroupId, Knob, RootBounds, World};

use crate::rig::{PATIENCE, members, spinners, started, with_controllers, world_at};
use crate::support::place::{Place, skip};
use crate::support::{collect, pass};

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
