//! Load that tries to break a scheduler. It passes if the scheduler lives.
//!
//! Schedulers break where tasks come, go and change their minds: on fork and
//! exit, when the CPUs that a task may use change under it, when it is frozen,
//! moved to another cgroup, or changes its priority. Each step does one of
//! these on every CPU, without a pause; the last one does all of them, and
//! swaps cpusets, freezes and moves what is running. Priorities above the usual
//! are more than load, so the operator has to grant them:
//!
//! ```text
//! proscenium run plugins/survives-storm --profile scheduler-control --scheduler mine=scx_mine
//! ```
//!
//! There is no line in here that looks whether the scheduler lives. The
//! runtime does: a hold ends when it dies, and the verdict says how. That
//! nobody starves is asserted besides, because one that stalls half of the
//! machine until its watchdog barks is alive as well.
//!
//! Capabilities, and why:
//! * `stage`: it hands over a plan;
//! * `checks`: it asks for what nobody may suffer.

use proscenium_sdk::prelude::*;

struct SurvivesStorm;

/// Two halves of the machine, which are swapped.
const HALVES: [&str; 2] = ["left", "right"];

impl Scenario for SurvivesStorm {
    fn describe() -> Manifest {
        Manifest::new(
            "survives-storm",
            env!("CARGO_PKG_VERSION"),
            "Forks, pins, freezes, moves and swaps until the scheduler breaks",
        )
        .parameter("gap", "5", "longest time without CPU time, in seconds")
        .parameter("interval", "100", "time between two blows, in milliseconds")
        .min_cpus(2)
        .needs_scheduler()
        // Up to five for each CPU; the sweep begins with the highest priority.
        .max_workers(4_096)
        .lowest_nice(-20)
        .default_duration(Duration::from_secs(12))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let gap = Duration::from_secs(ctx.param("gap")?);
        let interval = Duration::from_millis(ctx.param("interval")?);
        checks::set(Thresholds::new().max_gap(gap));

        // What lives through all of it, one half each.
        let half = |(index, name): (u32, &str)| {
            CgroupDef::new(name)
                .cpuset(disjoint(index, 2))
                .workers_per_cpu(1.0)
        };
        let halves = (0..).zip(HALVES).map(half);
        let backdrop = halves.fold(Backdrop::new(), Backdrop::cgroup);

        Plan::new()
            .backdrop(backdrop)
            .step(storm("forks", [WorkSpec::new(ForkExit::new())]))
            .step(storm("affinity", [WorkSpec::new(AffinityChurn::new())]))
            .step(storm("priorities", [WorkSpec::new(NiceSweep::new())]))
            .step(storm("yields", [WorkSpec::new(YieldHeavy::new())]))
            .step(everything(interval))
            .execute()?;
        // A death has failed the verdict by now, whatever is said here.
        Ok(Outcome::pass())
    }
}

/// Load of some kinds on every CPU, for a twelfth of the scenario: beginning and
/// ending it takes time too, on an emulated machine much.
fn storm(label: &str, kinds: impl IntoIterator<Item = WorkSpec>) -> Step {
    Step::new(label)
        .cgroup(crowd(label, kinds))
        .hold_fraction(0.08)
}

fn crowd(name: &str, kinds: impl IntoIterator<Item = WorkSpec>) -> CgroupDef {
    kinds
        .into_iter()
        .map(|kind| kind.workers_per_cpu(1.0))
        .fold(CgroupDef::new(name), CgroupDef::also)
}

/// All kinds at once; at every interval the halves are frozen, swapped, thawed
/// and pinned anew. Lasts to the end of the scenario.
fn everything(interval: Duration) -> Step {
    let [left, right] = HALVES;
    let kinds = [
        WorkSpec::new(ForkExit::new()),
        WorkSpec::new(AffinityChurn::new()),
        WorkSpec::new(NiceSweep::new()),
        WorkSpec::new(CgroupChurn::new().cgroups("left,right")),
    ];
    // In a step that repeats, the cgroups are made once and the operations
    // carried out at each interval. Frozen tasks are swapped too: that they are
    // put on other CPUs while they cannot run is a good place for a mistake.
    Step::new("everything")
        .cgroup(crowd("everything", kinds))
        .op(ops::freeze_cgroup(left))
        .op(ops::swap_cpusets(left, right))
        .op(ops::set_affinity(right, Affinity::SingleCpu))
        .op(ops::unfreeze_cgroup(left))
        .op(ops::set_affinity(right, Affinity::Inherit))
        .repeat(interval)
}

proscenium_sdk::export!(SurvivesStorm);
