//! Cgroups: what can be made, written to and removed, and that nothing is left.

use std::fs;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use proscenium_guest_runtime::world::{GroupId, Knob, World, WorldError};

use crate::rig::{alive, root_of, started, world_at};
use crate::support::place::Place;

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
