//! A cpuset that shrinks under load, and widens again.
//!
//! One cgroup lives in the backdrop, with a spinning worker for each of its
//! CPUs. Three steps look at it: wide, narrow (half of the CPUs), wide again.
//! The kernel's own `cpu.stat` says how many CPUs the load really had in each.
//! The scheduler passes if narrowing takes away the expected share, no more
//! and no less, and widening gives it back.
//!
//! Capabilities, and why:
//! * `topology`: the expected share is a number of CPUs, so it asks for them;
//! * `stage`: it builds the load, and changes the cpuset as a step's operation;
//! * `cgroups`: it reads `cpu.stat` (it writes nothing through the handle);
//! * `clock`: shares of CPU time are by the time between two readings;
//! * `checks`: it notes its figures, and fails what they do not bear out.

use proscenium_sdk::prelude::*;

struct CpusetShrink;

/// The cgroup under test.
const LOAD: &str = "load";

/// What one step saw.
struct Seen {
    /// How long the hold was, in seconds.
    held: f64,
    /// CPU time by wall time: how many CPUs the load had.
    cpus: f64,
    /// Iterations of all workers per second of wall time.
    rate: f64,
}

impl Scenario for CpusetShrink {
    fn describe() -> Manifest {
        Manifest::new(
            "cpuset-shrink",
            env!("CARGO_PKG_VERSION"),
            "Halves a cpuset under load, widens it, compares the CPU time",
        )
        .parameter("tolerance", "30", "percent by which a share may be off")
        .min_cpus(2)
        // One for each CPU.
        .max_workers(1_024)
        .default_duration(Duration::from_secs(4))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let tolerance = ctx.param::<f64>("tolerance")? / 100.0;
        if !(0.0..1.0).contains(&tolerance) {
            return Err(Error::invalid("parameter tolerance: from 0 to 99 percent"));
        }

        // `disjoint` takes the CPUs that are usable, which is one fewer than
        // there are on machines with more than two. Ask rather than guess.
        let (wide, narrow) = (disjoint(0, 1), disjoint(0, 2));
        let wide_cpus = topology::resolve(&wide)?.len() as f64;
        let narrow_cpus = topology::resolve(&narrow)?.len() as f64;

        // The backdrop outlives the steps: it is the same load in all three.
        let load = CgroupDef::new(LOAD)
            .cpuset(wide.clone())
            .workers_per_cpu(1.0);
        live::set_backdrop(&Backdrop::new().cgroup(load))?;

        let before = observe("wide", [])?;
        let shrunk = observe("narrow", [ops::set_cpuset(LOAD, narrow)])?;
        let after = observe("wide again", [ops::set_cpuset(LOAD, wide)])?;

        // Setup counts as scenario time, and the end clips the last hold: a
        // glimpse is nothing to compare with.
        if after.held < before.held / 2.0 {
            return Ok(Outcome::inconclusive(
                "no time was left for the last step: give a longer --duration",
            ));
        }

        // A load that never had its CPUs says nothing about cpusets.
        if before.cpus < wide_cpus / 2.0 {
            return Ok(Outcome::inconclusive(format!(
                "the load had {:.2} of {wide_cpus} CPUs from the start: the machine is too busy",
                before.cpus
            )));
        }

        // CPU time is judged, iterations are not: an emulated machine runs all
        // its CPUs on one of the host's, so each gets faster when others idle.
        let near = |share: f64, expected: f64| (share / expected - 1.0).abs() <= tolerance;
        let (left, kept) = (shrunk.cpus / before.cpus, narrow_cpus / wide_cpus);
        check(near(left, kept), || {
            format!("narrow: {left:.2} of the CPU time is left, {kept:.2} of the CPUs are")
        });
        let back = after.cpus / before.cpus;
        check(near(back, 1.0), || {
            format!("wide again: {back:.2} of the CPU time came back")
        });

        // Failed checks make it worse than this; the reason says what was judged.
        Ok(Outcome::pass_because(format!(
            "narrow: {left:.2} of the CPU time left, {kept:.2} of the CPUs; {back:.2} came back"
        )))
    }
}

/// A step of its own: changes something, lets the load run for a sixth of the
/// scenario, and measures from just before the hold to just after it. The last
/// half pays for the changes, which an emulated machine makes slowly.
fn observe(label: &str, change: impl IntoIterator<Item = ops::Op>) -> Result<Seen, Error> {
    let step = live::Step::begin(label)?;
    step.apply(change)?;

    let load = live::Cgroup::open(LOAD)?;
    let (from, usage, iterations) = (clock::elapsed(), load.cpu_stat()?.usage, step.iterations());
    // The hold says how long it really was: the end of the scenario clips it.
    let held = step.hold_fraction(0.16)?.as_secs_f64();
    let used = load.cpu_stat()?.usage.saturating_sub(usage).as_secs_f64();
    let done = step.iterations().saturating_sub(iterations);
    // The readings take time too, on an emulated machine more than the hold
    // was late, so figures are not per second of the hold.
    let time = clock::elapsed().saturating_sub(from).as_secs_f64();
    step.finish()?;

    if held <= 0.0 {
        return Err(Error::invalid(format!(
            "step {label}: no time left: give a longer --duration"
        )));
    }
    let seen = Seen {
        held,
        cpus: used / time,
        rate: done as f64 / time,
    };
    checks::note(format!(
        "{label}: {:.2} CPUs, {:.0} iterations/s",
        seen.cpus, seen.rate
    ));
    Ok(seen)
}

proscenium_sdk::export!(CpusetShrink);
