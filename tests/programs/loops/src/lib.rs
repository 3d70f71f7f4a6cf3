//! A scenario whose workers run loops that go wrong, each in its own way. The
//! parameter `work` lists them; each has a cgroup of its name. Exists only to be
//! tested.

use std::hint::black_box;

use proscenium_sdk::prelude::*;
use proscenium_sdk::work::exported;

struct Loops;

impl Scenario for Loops {
    fn describe() -> Manifest {
        let version = env!("CARGO_PKG_VERSION");
        Manifest::new("loops", version, "Loops that go wrong")
            .parameter("work", "good", "which loops, with commas between")
            .parameter("workers", "1", "workers of each")
            .default_duration(Duration::from_secs(4))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let work: String = ctx.param("work")?;
        let workers = ctx.param("workers")?;
        let step = work.split(',').fold(Step::new("loops"), |step, name| {
            step.cgroup(CgroupDef::new(name).workers(workers).work(exported(name)))
        });
        Plan::new().step(step).execute()?;
        Ok(Outcome::pass())
    }
}

/// Counts, and nothing goes wrong.
struct Good(u64);

impl Worker for Good {
    fn prepare(_: &Seat) -> Result<Self, String> {
        Ok(Self(0))
    }
    fn unit(&mut self) {
        self.0 = black_box(self.0 + 1);
    }
}

/// Traps after a while.
struct Traps(u32);

impl Worker for Traps {
    fn prepare(_: &Seat) -> Result<Self, String> {
        Ok(Self(1_000))
    }
    #[expect(clippy::panic, reason = "that is what is tested")]
    fn unit(&mut self) {
        self.0 = black_box(self.0).checked_sub(1).unwrap_or_else(|| panic!());
    }
}

/// Takes a budget and never comes back.
struct Hangs;

impl Worker for Hangs {
    fn prepare(_: &Seat) -> Result<Self, String> {
        Ok(Self)
    }
    fn unit(&mut self) {
        let mut turns = 0_u64;
        loop {
            turns = black_box(turns + 1);
        }
    }
}

/// Wants more memory with each unit.
struct Grows(Vec<Vec<u8>>);

impl Worker for Grows {
    fn prepare(_: &Seat) -> Result<Self, String> {
        Ok(Self(Vec::new()))
    }
    fn unit(&mut self) {
        self.0.push(black_box(vec![1; 1 << 20]));
    }
}

/// Says in time that it cannot.
struct Refuses;

impl Worker for Refuses {
    fn prepare(seat: &Seat) -> Result<Self, String> {
        Err(format!("\u{1b}[31mno place for {}", seat.workers))
    }
    fn unit(&mut self) {}
}

/// Calls the host, which in a worker it cannot.
struct Calls;

impl Worker for Calls {
    fn prepare(_: &Seat) -> Result<Self, String> {
        Ok(Self)
    }
    fn unit(&mut self) {
        checks::note("a worker speaks");
    }
}

/// Claims more units than it was asked for.
struct Boasts;

impl Worker for Boasts {
    fn prepare(_: &Seat) -> Result<Self, String> {
        Ok(Self)
    }
    fn unit(&mut self) {}
    fn batch(&mut self, budget: u32) -> u32 {
        for turn in 0..budget {
            black_box(turn);
        }
        u32::MAX
    }
}

/// Has three units to do, and no more.
struct Ends(u32);

impl Worker for Ends {
    fn prepare(_: &Seat) -> Result<Self, String> {
        Ok(Self(3))
    }
    fn unit(&mut self) {}
    fn batch(&mut self, budget: u32) -> u32 {
        let units = budget.min(self.0);
        self.0 -= units;
        units
    }
}

proscenium_sdk::export!(Loops, works {
    "good" => Good,
    "traps" => Traps,
    "hangs" => Hangs,
    "grows" => Grows,
    "refuses" => Refuses,
    "calls" => Calls,
    "boasts" => Boasts,
    "ends" => Ends,
});
