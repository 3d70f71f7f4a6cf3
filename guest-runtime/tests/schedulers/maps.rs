//! BPF maps that outlive the scheduler that made them.

use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{PinError, World};

use crate::rig::{PATIENCE, attach, plan, printed, stop, world};

const MAP: &str = "proscenium_mark";

/// What the fixture says of the maps of that name.
fn maps(world: &mut Kernel) -> String {
    let reader = plan(&format!("--read-map {MAP}"));
    let id = world.start_scheduler(&reader).unwrap();
    printed(world, id)
}

/// The same, once the map that `mark` is in has gone: the kernel frees a map
/// some time after its last user and announces that nowhere.
fn maps_without(world: &mut Kernel, mark: &str) -> String {
    let until = world.now() + PATIENCE;
    loop {
        let maps = maps(world);
        if !maps.contains(mark) || world.now() >= until {
            return maps;
        }
    }
}

#[test]
fn a_map_is_held_across_a_swap_until_the_world_ends() {
    let Some(mut first) = world("pin") else {
        return;
    };
    let id = attach(&mut first, "--mark 41");
    first.pin_map(MAP).unwrap();
    first.pin_map(MAP).unwrap();
    stop(&mut first, id);
    let id = attach(&mut first, "--mark 42");
    // The lowest id is that of the first, which is held once.
    let both = maps(&mut first);
    assert!(both.contains("41") && both.contains("42"), "{both}");
    stop(&mut first, id);
    let held = maps_without(&mut first, "42");
    assert!(held.contains("41") && !held.contains("42"), "{held}");
    drop(first);
    let mut second = world("pin").unwrap();
    let none = maps_without(&mut second, "41");
    assert!(!none.contains("41"), "{none}");
}

#[test]
fn a_map_that_is_not_there_is_refused_with_those_that_are() {
    let Some(mut world) = world("pin-missing") else {
        return;
    };
    let id = attach(&mut world, "");
    let Err(PinError::NotFound(names)) = world.pin_map("no_such_map") else {
        panic!("it cannot be there");
    };
    assert!(names.iter().any(|name| name == MAP), "{names:?}");
    assert!(names.iter().any(|name| name == "bell"), "{names:?}");
    stop(&mut world, id);
}
