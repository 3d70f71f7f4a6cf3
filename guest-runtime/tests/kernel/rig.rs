//! A world on the kernel, and eyes that do not belong to it.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{
    Controllers, CrewId, CrewPlan, GroupId, Knob, World, WorldError,
};

use crate::support::crew;
use crate::support::place::{Place, skip};

pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
pub(crate) const MOMENT: Duration = Duration::from_millis(100);

/// A world here.
pub(crate) fn world_at(place: &Place) -> Kernel {
    Kernel::new(place.parts(None)).unwrap()
}

/// The scenario's root as the file system shows it.
pub(crate) fn root_of(place: &Place) -> PathBuf {
    place.hierarchy.join(&place.root_name)
}

/// A crew of this many that spins.
pub(crate) fn spinners(count: usize) -> CrewPlan {
    crew("spin-wait", count)
}

/// The pids in a cgroup, ascending.
pub(crate) fn members(world: &mut Kernel, group: GroupId) -> Result<Vec<u32>, WorldError> {
    let text = world.read(group, Knob::Procs)?;
    let mut pids: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
    pids.sort_unstable();
    Ok(pids)
}

pub(crate) fn alive(pid: u32) -> bool {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), None::<Signal>).is_ok()
}

pub(crate) fn started(world: &mut Kernel, group: Option<GroupId>, count: usize) -> CrewId {
    let crew = world.spawn(group, &spinners(count)).unwrap();
    world.open_gates(&[crew]).unwrap();
    crew
}

/// A world whose root hands down `wanted`; `None`, said aloud, without them.
pub(crate) fn with_controllers(place: &Place, wanted: Controllers) -> Option<Kernel> {
    let mut world = world_at(place);
    if !world.controllers().contains(wanted) {
        let has = world.controllers();
        let reason = format!("controllers {wanted} are not all in the hierarchy ({has})");
        skip(&place.root_name, &reason);
        return None;
    }
    world.enable(GroupId::ROOT, wanted).unwrap();
    world.enable(GroupId::ROOT, wanted).unwrap();
    Some(world)
}
