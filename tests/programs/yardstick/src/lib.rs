//! What benches measure: with no rounds a scenario that does nothing, else
//! rounds of one mediated write to one file, each told as a mark.

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
        .default_duration(Duration::from_secs(1))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let (rounds, writes) = (ctx.param::<u32>("rounds")?, ctx.param::<u32>("writes")?);
        if rounds == 0 {
            return Ok(Outcome::pass());
        }
        let group = live::Cgroup::create(GROUP)?;
        for _ in 0..rounds {
            let from = clock::elapsed();
            for write in 0..writes {
                group.set_cpu_weight(100 + write % 2)?;
            }
            let time = clock::elapsed().saturating_sub(from);
            stimulus::mark("round", [("ns", time.as_nanos() as f64)])?;
        }
        Ok(Outcome::pass())
    }
}

proscenium_sdk::export!(Yardstick);
