//! A scenario that calls host functions: the parameter `function` names one, or
//! `all` of them. Each call is one that works where everything is granted, with
//! what has to be there for it; the first answer that says no ends the scenario,
//! or is noted where all are called.
//!
//! Owns what each call needs. What came of it is on record, and read by suites.

mod cgroups;
mod others;
mod schedulers;
mod stages;

use proscenium_sdk::prelude::*;

type Call = fn() -> Result<(), Error>;

/// Every function, in an order in which all can be called in one scenario: what
/// has to come before the first step, and after the last, does.
fn calls() -> Vec<(&'static str, Call)> {
    [
        &stages::FIRST[..],
        &cgroups::CALLS,
        &stages::CALLS,
        &others::CALLS,
        &schedulers::CALLS,
        &stages::LAST,
    ]
    .concat()
}

struct Functions;

impl Scenario for Functions {
    fn describe() -> Manifest {
        Manifest::new("functions", "0.1.0", "Calls host functions by name")
            .parameter("function", "all", "as `proscenium audit` names it")
            .controllers(Controllers::all())
            .payloads(["*"])
            .default_duration(Duration::from_secs(60))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let wanted: String = ctx.param("function")?;
        if wanted == "all" {
            let refused = calls()
                .into_iter()
                .filter_map(|(name, call)| Some(format!("{name}: {}", call().err()?.message)));
            refused.for_each(checks::note);
            return Ok(Outcome::pass());
        }
        let (_, call) = calls()
            .into_iter()
            .find(|(name, _)| *name == wanted)
            .ok_or_else(|| Error::invalid(format!("there is no function {wanted}")))?;
        call().map(|()| Outcome::pass())
    }
}

/// A step in which two workers run in the cgroup `load`.
fn loaded() -> Result<live::Step, Error> {
    let step = live::Step::begin("loaded")?;
    step.setup([CgroupDef::new("load").workers(2)])?;
    Ok(step)
}

proscenium_sdk::export!(Functions);
