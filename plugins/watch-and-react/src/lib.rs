//! A scenario that decides on what it sees.
//!
//! It adds workers to a cgroup on one CPU until they wait for each other, then
//! reacts as an operator would: it caps the cgroup with `cpu.max`, and looks in
//! `cpu.stat` whether the cap bites. How many workers that takes is not known
//! beforehand, so this cannot be a plan: it drives step by step.
//!
//! Capabilities, and why:
//! * `topology`: it needs the number of one CPU that it may fill;
//! * `stage`: it begins a step, starts workers, holds;
//! * `cgroups`: it reads pressure and `cpu.stat`, and writes `cpu.max`;
//! * `stimulus`: it marks its decision on the timeline;
//! * `checks`: it notes the figures it decided on.

use live::PressureResource;
use proscenium_sdk::prelude::*;

struct WatchAndReact;

/// The cgroup that grows.
const HOG: &str = "hog";
/// Rounds of adding a worker. Two suffice where a CPU has nothing else to do.
const ROUNDS: u32 = 4;
/// Length of a round, of the whole scenario. Half of it is left for the cap.
const ROUND: f64 = 0.125;

impl Scenario for WatchAndReact {
    fn describe() -> Manifest {
        Manifest::new(
            "watch-and-react",
            env!("CARGO_PKG_VERSION"),
            "Adds load until it hurts, caps it, sees whether the cap bites",
        )
        .parameter("limit", "50", "percent of the time a worker may wait")
        .parameter("cap", "40", "cpu.max for the hog, in percent of one CPU")
        .parameter("tolerance", "15", "percent of one CPU above the cap")
        // One CPU is filled; the runtime ought to have another.
        .min_cpus(2)
        .default_duration(Duration::from_secs(4))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let limit: f64 = ctx.param("limit")?;
        let cap: u32 = ctx.param("cap")?;
        let tolerance: f64 = ctx.param("tolerance")?;

        // The first usable CPU, by its number: `exact` wants one that is there.
        let Some(&cpu) = topology::discover().usable.first() else {
            return Ok(Outcome::skip("no usable CPU"));
        };

        // The step owns all that follows. Each `?` below ends it: the runtime
        // stops the workers and removes the cgroup, whatever happened.
        let step = live::Step::begin("ramp")?;
        step.setup([CgroupDef::new(HOG).cpuset(exact([cpu])).workers(1)])?;
        let hog = live::Cgroup::open(HOG)?;

        // Watch: hold, look, and add a worker while there is room.
        let mut workers = 1;
        let waiting = loop {
            let waiting = waiting_percent(&step, &hog, workers)?;
            checks::note(format!("{workers} workers: waiting {waiting:.0} %"));
            if waiting >= limit {
                break waiting;
            }
            if workers == ROUNDS {
                return Ok(Outcome::inconclusive(format!(
                    "{workers} workers on one CPU wait only {waiting:.0} % of the time"
                )));
            }
            step.apply([ops::spawn(HOG, WorkSpec::new(SpinWait::new()).workers(1))])?;
            workers += 1;
        };

        // React: cap it under load.
        let figures = [("workers", workers.into()), ("waiting", waiting)];
        stimulus::mark("capped", figures)?;
        hog.set_cpu_percent(cap)?;

        // Verify, over what is left of the scenario.
        let before = hog.cpu_stat()?;
        let held = step.hold_fraction(1.0)?;
        let after = hog.cpu_stat()?;
        step.finish()?;

        let used = percent(after.usage.saturating_sub(before.usage), held);
        let throttled = after.nr_throttled.saturating_sub(before.nr_throttled);
        checks::note(format!(
            "capped at {cap} %: used {used:.0} %, throttled {throttled} times"
        ));

        let allowed = f64::from(cap) + tolerance;
        Ok(if held.is_zero() {
            Outcome::inconclusive("no time left to see the cap: give a longer --duration")
        } else if used <= allowed && throttled > 0 {
            Outcome::pass_because(format!("the cap of {cap} % bites: {used:.0} % used"))
        } else {
            // A sched_ext scheduler may leave `cpu.max` alone: that is a finding.
            let scheduler = ctx.scheduler.unwrap_or("the kernel's own".into());
            Outcome::fail(format!(
                "{scheduler} scheduler: capped at {cap} %, used {used:.0} %, throttled {throttled} times"
            ))
        })
    }
}

/// Holds for a round; the share of it in which a worker waited for the CPU.
fn waiting_percent(step: &live::Step, hog: &live::Cgroup, workers: u32) -> Result<f64, Error> {
    // The running total and not the 10 s average, which is slower than we are.
    let stalled = || Ok(hog.pressure(PressureResource::Cpu)?.some_total);
    match stalled() {
        Ok(before) => {
            let held = step.hold_fraction(ROUND)?;
            Ok(percent(stalled()?.saturating_sub(before), held))
        }
        // A kernel without pressure figures: if the workers together had less
        // than a CPU each, the rest of the time they waited for one.
        Err(error) if error.code == ErrorCode::Unavailable => {
            let before = hog.cpu_stat()?.usage;
            let held = step.hold_fraction(ROUND)?;
            let used = hog.cpu_stat()?.usage.saturating_sub(before);
            Ok(100.0 - percent(used, held) / f64::from(workers))
        }
        Err(error) => Err(error),
    }
}

/// `part` of `whole`, in percent; 0 of nothing.
fn percent(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() {
        0.0
    } else {
        100.0 * part.as_secs_f64() / whole.as_secs_f64()
    }
}

proscenium_sdk::export!(WatchAndReact);
