//! The simplest scenario: a plan handed over whole.
//!
//! Two cgroups with equal load, each on a half of the machine of its own, for
//! the whole duration. A scheduler passes if every worker makes progress, gets
//! about as much as its neighbour, and never leaves its half.
//!
//! Capabilities, and why:
//! * `stage`: it builds cgroups with load in them and holds;
//! * `checks`: it has the runtime judge what the workers report.
//!
//! It cannot read a cgroup, look at the machine or write to the log: it never
//! calls those, so the component does not import them.

use proscenium_sdk::prelude::*;

struct Steady;

impl Scenario for Steady {
    // Asked before any VM boots, and without any capability.
    fn describe() -> Manifest {
        Manifest::new(
            "steady",
            env!("CARGO_PKG_VERSION"),
            "Two equal loads, each on its own half",
        )
        .parameter(
            "workers",
            "1",
            "workers in each cgroup; a multiple of the half's CPUs, or fewer, keeps them even",
        )
        .min_cpus(2)
        // As many workers as `workers` may ask for on a large machine; a plugin
        // that asks for nothing may have 64.
        .max_workers(1_024)
        .default_duration(Duration::from_secs(4))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let workers = ctx.param("workers")?;

        // Nothing is asserted unless somebody asks. These two are judged by the
        // runtime, from the reports of the workers, when they are collected.
        checks::set(Thresholds::new().not_starved().isolation());

        // `disjoint` divides the usable CPUs when it is applied, so the same
        // plan fits 2 CPUs and 252. On machines with more than two, the
        // highest-numbered CPU is left to the runtime.
        let half = |name, index| {
            CgroupDef::new(name)
                .cpuset(disjoint(index, 2))
                .workers(workers)
                .work(SpinWait::new())
        };

        // One step; its cgroups end with it. A step holds for all that is left
        // of the scenario unless it says otherwise.
        Plan::new()
            .step(
                Step::new("steady")
                    .cgroup(half("left", 0))
                    .cgroup(half("right", 1)),
            )
            .execute()?;

        // The plugin itself has nothing to add to the runtime's judgement.
        Ok(Outcome::pass())
    }
}

proscenium_sdk::export!(Steady);
