//! The kernel world against a real kernel: in a guest, and as root where a
//! cgroup v2 hierarchy can be written to, with or without controllers.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a test's helpers fail the test"
)]

mod crews;
mod groups;
#[path = "../support/mod.rs"]
mod support;
mod threads;
mod waits;

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{
    Controllers, CrewId, CrewPlan, GroupId, Knob, World, WorldError,
};
use support::crew;
use support::place::Place;

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
