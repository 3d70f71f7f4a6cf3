//! What benches measure: with no rounds a scenario that does nothing, else
//! rounds of one mediated write to one file, or of the cheapest call there is,
//! each told as a mark.

use proscenium_sdk::prelude::*;

struct Yardstick;

/// The cgroup whose weight is written; benches write to the same file.
const GROUP: &str = "yardstick";

impl Scenario for Yardstick {
    fn describe() -> Manifest {
        Manifest::new(
            "yardstick",
            env!("CARGO_PKG_VERSION"),
            "Does nothing, or writes cpu.weight again and again",
        )
        .parameter("rounds", "0", "rounds of writes")
        .parameter("writes", "1000", "writes of one round")
        .parameter("call", "write", "`clock`: ask for the time instead")
        .default_duration(Duration::from_secs(1))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let (rounds, writes) = (ctx.param::<u32>("rounds")?, ctx.param::<u32>("writes")?);
        if rounds == 0 {
            return Ok(Outcome::pass());
        }
        if ctx.param::<String>("call")? == "clock" {
            return measured(rounds, writes, |_| {
                let _ = clock::elapsed();
                Ok(())
            });
        }
        let group = live::Cgroup::create(GROUP)?;
        measured(rounds, writes, |write| {
            group.set_cpu_weight(100 + write % 2)
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
