//! A scheduler replaced by another one under load, and back.
//!
//! Whoever runs it declares the schedulers, which it knows by name only. It
//! starts under the first one, and is told the name of the other. Changing
//! schedulers is more than load, so the operator has to grant it:
//!
//! ```text
//! proscenium run plugins/scheduler-swap --profile scheduler-control \
//!     --scheduler old=scx_old --scheduler new=scx_new
//! ```
//!
//! One cgroup keeps every CPU busy from the beginning to the end, while the
//! schedulers change over. Beside it, sleepers say how late a timer wakes them.
//! What the spinners got done and how late the sleepers were is looked at three
//! times: under the old scheduler, under the new one, and under the old one
//! again. The third look tells a difference of schedulers from a machine that
//! got busier meanwhile. The new scheduler fails where it is worse than it may.
//!
//! Should a scheduler die, the runtime ends the hold, and the verdict says
//! which, how and when: there is nothing to write for that.
//!
//! Capabilities, and why:
//! * `stage`: it builds the load, and replaces the scheduler as an operation;
//! * `clock`: a rate is by the time between two readings;
//! * `checks`: it reads what the workers report, notes it and judges it.

use proscenium_sdk::prelude::*;
use proscenium_sdk::request::ANY;

struct SchedulerSwap;

/// Spins on every CPU, while schedulers come and go.
const BUSY: &str = "busy";
/// Sleeps, and wants to be woken in time.
const SLEEPERS: &str = "sleepers";
/// Lateness that nobody minds: a tick of the kernel.
const TICK: Duration = Duration::from_millis(4);

/// What was seen under one scheduler.
struct Seen {
    /// How long the hold was, in seconds.
    held: f64,
    /// Iterations of the spinners per second.
    rate: f64,
    /// 99th percentile of how late a sleeper ran; in `check` there is none.
    late: Option<Duration>,
}

impl Scenario for SchedulerSwap {
    fn describe() -> Manifest {
        Manifest::new(
            "scheduler-swap",
            env!("CARGO_PKG_VERSION"),
            "Replaces the scheduler under load and back, compares the two",
        )
        .parameter("to", "new", "name of the scheduler that takes over")
        .parameter("work", "50", "percent of the work that must be left")
        .parameter("late", "10", "how many times as late a wake-up may be")
        .needs_scheduler()
        // Whichever the operator declared. One spinner for each CPU.
        .schedulers([ANY])
        .max_workers(1_024)
        .default_duration(Duration::from_secs(12))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let new: String = ctx.param("to")?;
        let work = ctx.param::<f64>("work")? / 100.0;
        let late: f64 = ctx.param("late")?;
        let Some(old) = ctx.scheduler else {
            return Ok(Outcome::skip("no scheduler is attached at the start"));
        };

        // The backdrop outlives the steps, so its workers are there while one
        // scheduler hands over to the other.
        let busy = CgroupDef::new(BUSY).workers_per_cpu(1.0);
        live::set_backdrop(&Backdrop::new().cgroup(busy))?;

        let first = observe(&format!("under {old}"))?;
        replace(&new)?;
        let second = observe(&format!("under {new}"))?;
        replace(&old)?;
        let third = observe(&format!("under {old} again"))?;

        // Changing over counts as scenario time, and the end clips the last
        // hold: a glimpse is nothing to compare with.
        if third.held < first.held / 2.0 {
            return Ok(Outcome::inconclusive(
                "no time was left for the last step: give a longer --duration",
            ));
        }

        // What the machine itself changed between the two is no merit of either.
        let share = second.rate / first.rate.min(third.rate);
        check(share >= work, || {
            format!("{new} got {share:.2} of the work done that {old} did")
        });
        if let (Some(one), Some(two), Some(three)) = (first.late, second.late, third.late) {
            let allowed = one.max(three).max(TICK).mul_f64(late);
            check(two <= allowed, || {
                format!("{new} woke {two:.1?} late, where {allowed:.1?} was allowed")
            });
        }
        Ok(Outcome::pass_because(format!(
            "{new} took over from {old} and gave back: {share:.2} of the work"
        )))
    }
}

/// A step that only changes the scheduler. The operation returns when the
/// kernel has the new one enabled. That the old one goes away is no death: it
/// was asked to.
fn replace(name: &str) -> Result<(), Error> {
    let step = live::Step::begin(&format!("to {name}"))?;
    let from = clock::elapsed();
    step.apply([ops::replace_scheduler(name)])?;
    let took = clock::elapsed().saturating_sub(from);
    checks::note(format!("to {name} in {} ms", took.as_millis()));
    step.finish()
}

/// A step of its own, for an eighth of the scenario: sleepers beside the
/// spinners. Most of the time pays for the changes, which an emulated machine
/// makes slowly.
fn observe(label: &str) -> Result<Seen, Error> {
    let step = live::Step::begin(label)?;
    step.setup([CgroupDef::new(SLEEPERS)
        .workers(2)
        .work(IdleChurn::new().idle(Duration::from_millis(10)))])?;
    let (from, iterations) = (clock::elapsed(), step.iterations());
    // The end of the scenario clips the hold.
    let held = step.hold_fraction(0.125)?.as_secs_f64();
    let done = step.iterations().saturating_sub(iterations);
    let time = clock::elapsed().saturating_sub(from).as_secs_f64();
    step.finish()?;
    if held <= 0.0 {
        return Err(Error::invalid(format!(
            "step {label}: no time left: give a longer --duration"
        )));
    }

    // What the sleepers reported when the step stopped them.
    let late = checks::collected()
        .into_iter()
        .rfind(|stats| stats.cgroup == SLEEPERS)
        .and_then(|stats| stats.p99_wake_latency);
    let seen = Seen {
        held,
        rate: done as f64 / time,
        late,
    };
    checks::note(match late {
        Some(late) => format!("{label}: {:.0} iterations/s, {late:.1?} late", seen.rate),
        None => format!("{label}: {:.0} iterations/s", seen.rate),
    });
    Ok(seen)
}

proscenium_sdk::export!(SchedulerSwap);
