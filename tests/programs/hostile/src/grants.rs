//! What is not granted: policies, priorities, places.

use proscenium_sdk::prelude::*;
use proscenium_sdk::types::DeadlineParams;

use crate::loaded_step;

/// Asks for each, by plan, op and definition; passes if each is denied.
pub(crate) fn real_time() -> Result<Outcome, Error> {
    let work = WorkSpec::default;
    let deadline = DeadlineParams {
        runtime: 1_000_000,
        deadline: 10_000_000,
        period: 10_000_000,
    };
    let specs = [
        work().policy(SchedPolicy::Fifo(1)),
        work().policy(SchedPolicy::RoundRobin(99)),
        work().policy(SchedPolicy::Deadline(deadline)),
        work().nice(-20),
        WorkSpec::new(proscenium_sdk::work::builtin("rt-starvation")).workers(2),
    ];
    let def = |spec: &WorkSpec| CgroupDef::new("other").also(spec.clone());
    // A plan is handed over while no step is open.
    let plan = |spec| Plan::new().step(Step::new("denied").cgroup(def(spec)));
    let mut answers: Vec<_> = specs.iter().map(|spec| plan(spec).execute()).collect();
    let step = loaded_step()?;
    answers.push(step.apply([ops::spawn_beside_runner(work())]));
    for spec in &specs {
        answers.push(step.apply([ops::spawn("victim", spec.clone())]));
        answers.push(step.setup([def(spec)]));
    }
    let denied = |answer: &&Result<(), Error>| matches!(answer, Err(error) if error.code == ErrorCode::Denied);
    let count = answers.iter().filter(denied).count();
    Ok(if count == answers.len() {
        Outcome::pass_because(format!("{count} denied"))
    } else {
        Outcome::fail(format!("not denied: {answers:?}"))
    })
}
