//! A scenario with real programs.
//!
//! Whoever runs it declares the programs, which it knows by name only:
//!
//! ```text
//! proscenium run plugins/payload-neighbour --duration 60s --payload bench=hackbench,-l,100
//! ```
//!
//! It runs each of them twice in a cgroup of its own: alone, and beside a
//! neighbour that keeps every CPU busy. Then it says how much longer the second
//! time took. How long a program takes is not known beforehand, so this drives
//! step by step.
//!
//! Capabilities, and why:
//! * `payloads`: it starts the programs and waits for them;
//! * `stage`: it begins steps, and starts the neighbour;
//! * `cgroups`: it makes the cgroup in which a program runs;
//! * `topology`: it counts the CPUs that the neighbour is to fill;
//! * `checks`: it notes what it found.

use proscenium_sdk::payloads::{self, Payload, Report};
use proscenium_sdk::prelude::*;

struct PayloadNeighbour;

/// The cgroup of the program.
const BENCH: &str = "bench";
/// The cgroup that disturbs it.
const NEIGHBOUR: &str = "neighbour";

impl Scenario for PayloadNeighbour {
    fn describe() -> Manifest {
        Manifest::new(
            "payload-neighbour",
            env!("CARGO_PKG_VERSION"),
            "Runs every declared payload alone, then beside a noisy neighbour",
        )
        // One for each CPU, beside whatever is declared.
        .max_workers(1_024)
        .default_duration(Duration::from_secs(60))
    }

    fn run(_ctx: Context) -> Result<Outcome, Error> {
        let names = payloads::declared();
        if names.is_empty() {
            return Ok(Outcome::skip(
                "no payload is declared: declare one with --payload",
            ));
        }
        let mut failed = Vec::new();
        for name in &names {
            let alone = measure(name, false)?;
            let beside = measure(name, true)?;
            let times = beside.elapsed.as_secs_f64() / alone.elapsed.as_secs_f64();
            checks::note(format!(
                "{name}: {:.2} s alone, {times:.1} times as long beside the neighbour",
                alone.elapsed.as_secs_f64()
            ));
            if !(alone.succeeded() && beside.succeeded()) {
                failed.push(name.as_str());
            }
        }
        Ok(if failed.is_empty() {
            Outcome::pass_because(format!("all ended well: {}", names.join(", ")))
        } else {
            Outcome::fail(format!("did not end well: {}", failed.join(", ")))
        })
    }
}

/// Runs one program in a step of its own, to its end.
fn measure(name: &str, disturbed: bool) -> Result<Report, Error> {
    let place = if disturbed { "beside" } else { "alone" };
    let step = live::Step::begin(&format!("{name} {place}"))?;
    live::Cgroup::create(BENCH)?;
    if disturbed {
        let cpus = topology::discover().cpus.len();
        let workers = u32::try_from(cpus).unwrap_or(u32::MAX);
        step.setup([CgroupDef::new(NEIGHBOUR).workers(workers)])?;
    }
    // A hold of no length says where the step's figures begin, and end.
    step.hold(Duration::ZERO)?;
    // `wait` never outlasts the scenario, and whatever is returned early by
    // `?`, the program ends with its step.
    let report = Payload::run(name, [""; 0], Some(BENCH))?.wait(None)?;
    step.hold(Duration::ZERO)?;
    step.finish()?;
    Ok(report)
}

proscenium_sdk::export!(PayloadNeighbour);
