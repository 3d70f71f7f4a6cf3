//! Names of schedulers and maps that are no names, by call and by op.

use proscenium_sdk::prelude::*;

/// What a path, a format or a parser might act on.
const NAMES: [&str; 8] = [
    "",
    "/bin/sh",
    "../../sbin/init",
    "a\0b",
    "a\nb",
    "%s%n",
    "\u{1b}[2J",
    "a,--flag",
];

/// Whether `answer` is an error with this code, and short.
fn refused(answer: Result<(), Error>, code: ErrorCode) -> bool {
    matches!(answer, Err(error) if error.code == code && error.message.len() < 2_048)
}

/// Passes if nothing of it is allowed.
pub(crate) fn attack() -> Result<Outcome, Error> {
    let long = "x".repeat(100_000);
    let names = || NAMES.into_iter().chain([long.as_str()]);
    let mut asked = 0;
    let mut wrong = Vec::new();
    let mut look = |what: &str, answer, code| {
        asked += 1;
        if !refused(answer, code) {
            wrong.push(what.to_owned());
        }
    };
    for name in names() {
        look("attach", scheduler::attach(name), ErrorCode::NotFound);
        look("replace", scheduler::replace(name), ErrorCode::Invalid);
        look("pin", scheduler::pin_map(name), ErrorCode::Invalid);
    }
    look("detach", scheduler::detach(), ErrorCode::Invalid);
    look("restart", scheduler::restart(), ErrorCode::Invalid);
    let step = live::Step::begin("ops")?;
    for name in names() {
        let attach = step.apply([ops::attach_scheduler(name)]);
        look("attach-scheduler", attach, ErrorCode::NotFound);
        let pin = step.apply([ops::pin_bpf_map(name)]);
        look("pin-bpf-map", pin, ErrorCode::Invalid);
    }
    step.finish()?;
    if scheduler::current().is_some() || scheduler::declared() != ["fair"] {
        wrong.push("what there is".to_owned());
    }
    Ok(if wrong.is_empty() {
        Outcome::pass_because(format!("{asked} refused"))
    } else {
        Outcome::fail(wrong.join("; "))
    })
}

/// Passes on what it is told when the scheduler is gone, after trying to go on.
pub(crate) fn outlive() -> Result<Outcome, Error> {
    let step = live::Step::begin("outlive")?;
    step.setup([CgroupDef::new("victim").workers(2)])?;
    let held = step.hold(Duration::from_millis(400));
    let more = [
        step.setup([CgroupDef::new("more").workers(2)]),
        step.apply([ops::add_cgroup("more")]),
        scheduler::attach("fair"),
    ];
    if more
        .iter()
        .any(|answer| !matches!(answer, Err(error) if error.code == ErrorCode::SchedulerDied))
    {
        return Ok(Outcome::fail(format!("it went on: {more:?}")));
    }
    held.map(|_| Outcome::pass())
}
