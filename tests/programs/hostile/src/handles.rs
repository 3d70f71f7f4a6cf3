//! Handles: too many, made up, of another kind, of what is over.

use proscenium_sdk::bindings::proscenium::scenario::{cgroups, stage};
use proscenium_sdk::prelude::*;

use crate::{expect, loaded_step};

/// Opens the same cgroup until it is refused, gives one handle back, and opens
/// it once more.
pub(crate) fn many() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    let mut kept = Vec::new();
    let refused = loop {
        match live::Cgroup::open("victim") {
            Ok(handle) => kept.push(handle),
            Err(error) => break error,
        }
    };
    let last = kept.pop();
    drop(last);
    live::Cgroup::open("victim")?;
    expect::<()>(Err(refused), ErrorCode::LimitExceeded)
}

/// Uses a number that no handle was given.
pub(crate) fn forged() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    #[expect(unsafe_code, reason = "the attack")]
    // SAFETY: not sound at all; the runtime has to notice.
    let made_up = unsafe { cgroups::Cgroup::from_handle(4_321) };
    expect(made_up.freeze(), ErrorCode::NotFound)
}

/// Uses a cgroup's handle as a step's.
pub(crate) fn confused() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    let cgroup = cgroups::Cgroup::open("victim")?;
    #[expect(unsafe_code, reason = "the attack")]
    // SAFETY: not sound at all; the runtime has to notice.
    let step = unsafe { stage::Step::from_handle(cgroup.handle()) };
    expect(stage::Step::finish(step), ErrorCode::NotFound)
}

/// Drops a handle that was dropped.
pub(crate) fn double_drop() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    let cgroup = cgroups::Cgroup::open("victim")?;
    let number = cgroup.handle();
    drop(cgroup);
    #[expect(unsafe_code, reason = "the attack")]
    // SAFETY: not sound at all; the runtime has to notice.
    let again = unsafe { cgroups::Cgroup::from_handle(number) };
    drop(again);
    Ok(Outcome::fail("it was allowed"))
}

/// Uses a step's handle after `finish` took it.
pub(crate) fn finished() -> Result<Outcome, Error> {
    let step = stage::Step::begin(Some("first"))?;
    let number = step.handle();
    stage::Step::finish(step)?;
    #[expect(unsafe_code, reason = "the attack")]
    // SAFETY: not sound at all; the runtime has to notice.
    let again = unsafe { stage::Step::from_handle(number) };
    expect(stage::Step::finish(again), ErrorCode::NotFound)
}

/// Drops a step and reaches for what it had; the name is free again.
pub(crate) fn dropped() -> Result<Outcome, Error> {
    let step = loaded_step()?;
    let victim = live::Cgroup::open("victim")?;
    drop(step);
    let answers = [
        victim.set_cpu_weight(1),
        victim.freeze(),
        victim.tasks().map(drop),
        victim.cpu_stat().map(drop),
        live::Cgroup::open("victim").map(drop),
    ];
    for answer in answers {
        let outcome = expect(answer, ErrorCode::NotFound)?;
        if outcome.verdict != Verdict::Pass {
            return Ok(outcome);
        }
    }
    let second = live::Step::begin("second")?;
    second.setup([CgroupDef::new("victim")])?;
    // The handle is of the first cgroup of that name, not of the name.
    expect(victim.freeze(), ErrorCode::NotFound)
}

/// Begins a step while one is open.
pub(crate) fn two_steps() -> Result<Outcome, Error> {
    let _first = loaded_step()?;
    expect(live::Step::begin("second"), ErrorCode::Invalid)
}
