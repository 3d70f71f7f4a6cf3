//! Work of one's own: two loops that no built-in type of work offers.
//!
//! One cgroup computes, the other one chases pointers through a table that fits
//! no first-level cache. Each has a half of the machine. A scheduler passes if
//! no worker starves and none leaves its half.
//!
//! A worker with work of its own is a process as every other: it starts inside
//! its cgroup, can be pinned, frozen, moved and killed, and its figures are in
//! the report. In that process runs another instance of this very component.
//! It can compute, and nothing else: the scenario's capabilities are not there.
//!
//! Capabilities, and why:
//! * `stage`: it builds cgroups with load in them and holds;
//! * `checks`: it has the runtime judge what the workers report.

use std::hint::black_box;

use proscenium_sdk::prelude::*;
use proscenium_sdk::work::exported;

mod hash;

struct OwnLoad;

impl Scenario for OwnLoad {
    fn describe() -> Manifest {
        Manifest::new(
            "own-load",
            env!("CARGO_PKG_VERSION"),
            "Computing beside pointer chasing, each on its own half",
        )
        .parameter("workers", "1", "workers in each cgroup")
        .min_cpus(2)
        .max_workers(1_024)
        .default_duration(Duration::from_secs(4))
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let workers = ctx.param("workers")?;
        checks::set(Thresholds::new().not_starved().isolation());

        // Asked for by the name under which it is exported, below. A name that
        // is not there is refused before anything is done.
        let half = |cgroup, index, work| {
            CgroupDef::new(cgroup)
                .cpuset(disjoint(index, 2))
                .workers(workers)
                .work(exported(work))
        };
        Plan::new()
            .step(
                Step::new("side by side")
                    .cgroup(half("compute", 0, "hash"))
                    .cgroup(half("memory", 1, "chase")),
            )
            .execute()?;
        Ok(Outcome::pass())
    }
}

/// Integer arithmetic. Its state is a number.
struct Hash(u64);

impl Worker for Hash {
    fn prepare(seat: &Seat) -> Result<Self, String> {
        // Workers of a cgroup are told apart by their number.
        Ok(Self(u64::from(seat.worker) + 1))
    }

    // What the report counts as one iteration. The runtime calls it in batches
    // of about a millisecond, so a unit may be as short as you like.
    fn unit(&mut self) {
        // The result must be used, or the compiler removes the loop.
        self.0 = black_box(hash::round(self.0));
    }
}

/// Loads of which each needs the one before. Its state is a table and a place.
struct Chase {
    next: Vec<u32>,
    at: u32,
}

/// Entries of the table: 1 MiB.
const ENTRIES: u32 = 1 << 18;
/// Loads of one unit.
const LOADS: u32 = 256;

impl Worker for Chase {
    // Memory is taken here, before the gate opens, so that no page fault is
    // counted as work. A worker has 64 MiB.
    fn prepare(seat: &Seat) -> Result<Self, String> {
        // One cycle through all entries: an odd step and a power of two.
        let step = ENTRIES / 5 * 2 + 1;
        Ok(Self {
            next: (0..ENTRIES).map(|entry| (entry + step) % ENTRIES).collect(),
            at: seat.worker % ENTRIES,
        })
    }

    fn unit(&mut self) {
        for _ in 0..LOADS {
            self.at = self.next[self.at as usize];
        }
        black_box(self.at);
    }
}

// The second half makes the component one of the world `plugin-with-work`.
proscenium_sdk::export!(OwnLoad, works { "hash" => Hash, "chase" => Chase });
