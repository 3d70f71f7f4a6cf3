//! What benches measure: with no rounds a scenario that does nothing, else
//! rounds of mediated writes to one file, or of the cheapest call there is, each
//! told as a mark.

use proscenium_sdk::prelude::*;

struct Yardstick;

/// The cgroup whose files are written; benches write to the same.
const GROUP: &str = "yardstick";

impl Scenario for Yardstick {
    fn describe() -> Manifest {
        Manifest::new(
            "yardstick",
            env!("CARGO_PKG_VERSION"),
            "Does nothing, or writes to a file again and again",
        )
        .parameter("rounds", "0", "rounds of writes")
        .parameter("writes", "1000", "writes of one round")
        .parameter(
            "call",
            "cpu.weight",
            "cpu.weight, cpu.max, cpuset.cpus, cgroup.freeze, pids.max or clock",
        )
        .default_duration(Duration::from_secs(1))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let (rounds, writes) = (ctx.param::<u32>("rounds")?, ctx.param::<u32>("writes")?);
        if rounds == 0 {
            return Ok(Outcome::pass());
        }
        let call: String = ctx.param("call")?;
        if call == "clock" {
            return measured(rounds, writes, |_| {
                let _ = clock::elapsed();
                Ok(())
            });
        }
        let group = live::Cgroup::create(GROUP)?;
        // One value and another in turns: writing what is there may be cheaper.
        let sets = [exact([0]), exact([0, 1])];
        measured(rounds, writes, |write| {
            let other = write % 2;
            match call.as_str() {
                "cpu.weight" => group.set_cpu_weight(100 + other),
                "cpu.max" => group.set_cpu_percent(50 + other),
                "cpuset.cpus" => group.set_cpuset(&sets[other as usize]),
                "cgroup.freeze" if other == 0 => group.freeze(),
                "cgroup.freeze" => group.thaw(),
                "pids.max" => group.set_pids_max(Some(100 + u64::from(other))),
                unknown => Err(Error::invalid(format!("there is no call {unknown:?}"))),
            }
        })
    }
}

/// Tells how long each round of this many calls took.
fn measured(
    rounds: u32,
    calls: u32,
    call: impl Fn(u32) -> Result<(), Error>,
) -> Result<Outcome, Error> {
    for _ in 0..rounds {
        let from = clock::elapsed();
        (0..calls).try_for_each(&call)?;
        let time = clock::elapsed().saturating_sub(from);
        stimulus::mark("round", [("ns", time.as_nanos() as f64)])?;
    }
    Ok(Outcome::pass())
}

proscenium_sdk::export!(Yardstick);
