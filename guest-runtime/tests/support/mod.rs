//! What the suites of the kernel world share.

pub(crate) mod place;

use std::time::Duration;

use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{CrewId, CrewPlan, World};
use proscenium_worker::{Report, Setup, Work};

/// A crew of this many that does this work.
pub(crate) fn crew(work: &str, count: usize) -> CrewPlan {
    CrewPlan {
        work: Work::parse(work, &[]).unwrap(),
        setups: vec![Setup::default(); count],
        directories: Vec::new(),
        epoch: 0,
    }
}

/// Lets time pass in the world.
pub(crate) fn pass(world: &mut Kernel, time: Duration) {
    let until = world.now() + time;
    world.wait(until).unwrap();
}

/// Collects one crew with this patience.
pub(crate) fn collect(world: &mut Kernel, crew: CrewId, patience: Duration) -> Vec<Report> {
    let until = world.now() + patience;
    world.collect(&[crew], until).remove(0).reports
}
