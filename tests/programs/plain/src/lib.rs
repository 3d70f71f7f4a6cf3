//! A scenario that needs no controller unless it is told to, so that any cgroup
//! v2 hierarchy will do: load in one cgroup, frozen, then moved to another.
//!
//! Asserts nothing itself: what the kernel made of it is in the events. The
//! suite `local` looks there.

use proscenium_sdk::prelude::*;

struct Plain;

impl Scenario for Plain {
    fn describe() -> Manifest {
        Manifest::new("plain", "0.1.0", "Load, frozen and moved")
            .parameter(
                "controllers",
                "no",
                "`yes`: a cpuset, half a CPU, 64 MiB and 16 tasks",
            )
            .controllers(
                Controllers::CPU | Controllers::CPUSET | Controllers::MEMORY | Controllers::PIDS,
            )
            .default_duration(Duration::from_secs(1))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let mut load = CgroupDef::new("a").workers(2).work(SpinWait::new());
        let controllers: String = ctx.param("controllers")?;
        if controllers == "yes" {
            load = load
                .cpuset(disjoint(0, 2))
                .cpu_percent(50)
                .memory_max(64 << 20)
                .pids_max(16);
        }
        Plan::new()
            .backdrop(Backdrop::new().cgroup(load).op(ops::add_cgroup("b")))
            .step(Step::new("runs").hold_fraction(0.3))
            .step(
                Step::new("frozen")
                    .op(ops::freeze_cgroup("a"))
                    .hold_fraction(0.3),
            )
            .step(
                Step::new("moved")
                    .op(ops::unfreeze_cgroup("a"))
                    .op(ops::move_all_tasks("a", "b"))
                    .hold_fraction(0.3),
            )
            .execute()?;
        Ok(Outcome::pass())
    }
}

proscenium_sdk::export!(Plain);
