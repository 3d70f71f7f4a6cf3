//! Calls of `stage`.

use proscenium_sdk::bindings::proscenium::scenario::stage::Step;
use proscenium_sdk::prelude::*;

use crate::{Call, loaded};

/// Before the first step.
pub(crate) const FIRST: [(&str, Call); 1] = [("stage.set-backdrop", || {
    live::set_backdrop(&Backdrop::new().cgroup(CgroupDef::new("behind").workers(1)))
})];

/// After everything else: it is the rest of the scenario.
pub(crate) const LAST: [(&str, Call); 1] = [("stage.execute", || {
    let step = proscenium_sdk::Step::new("planned")
        .cgroup(CgroupDef::new("planned").workers(1))
        .hold(Duration::from_millis(1));
    Plan::new().step(step).execute()
})];

pub(crate) const CALLS: [(&str, Call); 7] = [
    ("stage.step.begin", || begun(|_| Ok(()))),
    ("stage.step.apply", || {
        begun(|step| {
            step.apply(&[
                ops::add_cgroup("added"),
                ops::set_cpuset("added", disjoint(0, 1)),
            ])
        })
    }),
    ("stage.step.setup", || {
        begun(|step| step.setup(&[CgroupDef::new("load").workers(1).into()]))
    }),
    ("stage.step.hold", || {
        begun(|step| step.hold(HoldSpec::Fixed(1_000_000)).map(drop))
    }),
    ("stage.step.iterations", || {
        let step = loaded()?;
        step.hold(Duration::from_millis(100))?;
        let iterations = step.iterations();
        check(iterations > 0, || "nothing ran".to_owned());
        Ok(())
    }),
    ("stage.step.finish", || Step::finish(Step::begin(None)?)),
    ("stage.step.drop", || begun(|_| Ok(()))),
];

/// Begins a step, does something in it, and drops it.
fn begun(call: impl FnOnce(&Step) -> Result<(), Error>) -> Result<(), Error> {
    call(&Step::begin(Some("begun"))?)
}
