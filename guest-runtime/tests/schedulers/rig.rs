//! A world in which the fixture can be started, and short ways to do that.

use std::path::Path;
use std::time::Duration;

use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{ExtState, ProgramPlan, SchedulerId, Wake, World};

use crate::support::place::{Place, skip};

/// The fixture, which whoever boots the guest puts there.
pub(crate) const FIXTURE: &str = "/job/fixture";
/// Long enough for whatever is waited for, even under emulation.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A world with sched_ext and the fixture; `None`, said aloud, without.
pub(crate) fn world(name: &str) -> Option<Kernel> {
    let mut world = any_world(name)?;
    if world.sched_ext().state == ExtState::Absent {
        skip(
            name,
            "this kernel has no sched_ext, or the machine is not the test's",
        );
        return None;
    }
    if !Path::new(FIXTURE).is_file() {
        skip(
            name,
            "the guest has no fixture scheduler: `cargo xtask build` makes it",
        );
        return None;
    }
    Some(world)
}

/// A world, whatever its kernel has.
pub(crate) fn any_world(name: &str) -> Option<Kernel> {
    let place = Place::find(name)?;
    Some(Kernel::new(place.parts(None)).unwrap())
}

/// The fixture with these words.
pub(crate) fn plan(words: &str) -> ProgramPlan {
    ProgramPlan {
        name: "fixture".to_owned(),
        program: FIXTURE.to_owned(),
        folder: "/tmp".to_owned(),
        arguments: words.split_whitespace().map(str::to_owned).collect(),
        environment: Vec::new(),
    }
}

/// Starts the fixture and waits until the kernel has it enabled.
pub(crate) fn attach(world: &mut Kernel, words: &str) -> SchedulerId {
    let id = world.start_scheduler(&plan(words)).unwrap();
    let state = reach(world, id, |state| state == ExtState::Enabled);
    let said = String::from_utf8_lossy(&world.take_scheduler_output(id).bytes).into_owned();
    assert_eq!(state, ExtState::Enabled, "{said}");
    id
}

/// The same, watched from then on.
pub(crate) fn watch(world: &mut Kernel, words: &str) -> SchedulerId {
    let id = attach(world, words);
    world.watch_scheduler(Some(id));
    id
}

/// Waits for a state, and gives the last one that was seen.
pub(crate) fn reach(
    world: &mut Kernel,
    id: SchedulerId,
    wanted: impl Fn(ExtState) -> bool,
) -> ExtState {
    let until = world.now() + PATIENCE;
    loop {
        let state = world.sched_ext().state;
        if wanted(state) || world.scheduler_exit(id).is_some() {
            return state;
        }
        if world.await_scheduler(id, until).unwrap() == Wake::Elapsed {
            return world.sched_ext().state;
        }
    }
}

/// Waits as a hold does, and says why it ended and how long it took.
pub(crate) fn hold(world: &mut Kernel, time: Duration) -> (Wake, Duration) {
    let begun = world.now();
    let wake = world.wait(begun + time).unwrap();
    (wake, world.now() - begun)
}

/// What it printed, until it has ended or `PATIENCE` is over.
pub(crate) fn printed(world: &mut Kernel, id: SchedulerId) -> String {
    reach(world, id, |_| false);
    let printed = world.take_scheduler_output(id);
    String::from_utf8_lossy(&printed.bytes).into_owned()
}

/// Stops it with more than enough time.
pub(crate) fn stop(world: &mut Kernel, id: SchedulerId) {
    let until = world.now() + PATIENCE;
    let stopped = world.stop_scheduler(id, until).unwrap();
    assert!(stopped.restored, "{stopped:?}");
}
