//! A scenario whose scheduler is ended under it, at a moment of choice; or is
//! changed, at moments where that is easily mistaken for its end.
//!
//! The payload `assassin` ends it, which whoever runs this declares. Asserts
//! nothing itself, and passes if it gets to its end: what the runtime made of
//! it is in the events. The suite `vm` looks there.

use proscenium_sdk::payloads::Payload;
use proscenium_sdk::prelude::*;
use proscenium_sdk::request::ANY;

struct Mortal;

/// What ends the scheduler.
const ASSASSIN: &str = "assassin";
/// What says which maps there are.
const READER: &str = "reader";
/// A map of the fixture scheduler.
const MAP: &str = "proscenium_mark";
/// The scheduler that takes over.
const OTHER: &str = "other";
/// The cgroup with load.
const LOAD: &str = "load";
/// How long the assassin waits where the moment is a hold of its own.
const LATER: [&str; 2] = ["--delay", "700"];

impl Scenario for Mortal {
    fn describe() -> Manifest {
        Manifest::new("mortal", "0.1.0", "Its scheduler is ended at a moment")
            .parameter(
                "at",
                "hold",
                "backdrop, op, ops, hold, repeat, between, end, detached, pinned",
            )
            .parameter("workers", "2", "workers of the load")
            .needs_scheduler()
            .schedulers([ANY])
            .max_workers(512)
            .beside_runtime()
            .default_duration(Duration::from_secs(10))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let at: String = ctx.param("at")?;
        let load = CgroupDef::new(LOAD).workers(ctx.param("workers")?);
        let backdrop = Backdrop::new().cgroup(load);
        match at.as_str() {
            "backdrop" => Plan::new()
                .backdrop(backdrop.op(strike([""; 0])).op(await_strike()))
                .step(Step::new("first").hold_fraction(0.25))
                .execute()?,
            "op" => after_a_step(
                backdrop,
                Step::new("second").op(strike([""; 0])).op(await_strike()),
            )?,
            "ops" => after_a_step(backdrop, many_operations())?,
            "hold" => after_a_step(backdrop, Step::new("second").op(strike(LATER)))?,
            "repeat" => Plan::new()
                .backdrop(backdrop.op(strike(LATER)))
                .step(
                    Step::new("first")
                        .op(ops::freeze_cgroup(LOAD))
                        .op(ops::unfreeze_cgroup(LOAD))
                        .repeat(Duration::from_millis(20)),
                )
                .execute()?,
            "between" => {
                live::set_backdrop(&backdrop)?;
                one_step()?;
                Payload::run(ASSASSIN, [""; 0], None)?.wait(None)?;
                one_step()?;
            }
            "end" => {
                live::set_backdrop(&backdrop)?;
                one_step()?;
                Payload::run(ASSASSIN, [""; 0], None)?;
                // Nothing here gives the runtime an occasion to look.
                let until = clock::elapsed() + Duration::from_secs(2);
                while clock::elapsed() < until {}
            }
            "detached" => after_a_step(
                backdrop,
                Step::new("second")
                    .op(ops::detach_scheduler())
                    .hold(Duration::from_millis(500)),
            )?,
            "pinned" => Plan::new()
                .backdrop(backdrop)
                .step(
                    Step::new("first")
                        .op(ops::pin_bpf_map(MAP))
                        .op(ops::replace_scheduler(OTHER))
                        .hold(Duration::from_millis(200)),
                )
                .step(
                    Step::new("second")
                        .op(ops::run_payload(READER, [""; 0], None))
                        .op(ops::wait_payload(READER, None))
                        .hold(Duration::from_millis(200)),
                )
                .execute()?,
            other => return Err(Error::invalid(format!("there is no moment {other:?}"))),
        }
        Ok(Outcome::pass())
    }
}

/// Starts the assassin beside the runtime.
fn strike<const N: usize>(words: [&str; N]) -> Op {
    ops::run_payload(ASSASSIN, words, None)
}

/// It ends when the scheduler is gone.
fn await_strike() -> Op {
    ops::wait_payload(ASSASSIN, None)
}

/// A plan whose second step is `step`, so that one was completed before.
fn after_a_step(backdrop: Backdrop, step: Step) -> Result<(), Error> {
    Plan::new()
        .backdrop(backdrop)
        .step(Step::new("first").hold(Duration::from_millis(200)))
        .step(step)
        .execute()
}

/// Of every kind that a load can be given, over and over, while it is struck.
fn many_operations() -> Step {
    let one = |cpu| {
        [
            ops::set_cpuset(LOAD, exact([cpu])),
            ops::set_affinity(LOAD, Affinity::Inherit),
            ops::clear_cpuset(LOAD),
            ops::freeze_cgroup(LOAD),
            ops::unfreeze_cgroup(LOAD),
            ops::add_cgroup("other"),
            ops::spawn("other", WorkSpec::new(SpinWait::new()).workers(1)),
            ops::stop_cgroup("other"),
            ops::remove_cgroup("other"),
            ops::capture_procs("load", LOAD),
        ]
    };
    let all = (0..40).flat_map(|round| one(round % 2));
    all.fold(Step::new("second").op(strike([""; 0])), Step::op)
}

fn one_step() -> Result<(), Error> {
    let step = live::Step::begin("first")?;
    step.hold(Duration::from_millis(200))?;
    step.finish()
}

proscenium_sdk::export!(Mortal);
