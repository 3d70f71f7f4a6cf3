//! What mediation costs, measured inside one guest against the same system
//! calls made by this program itself. Boots as `/init` with the component
//! `yardstick`, precompiled, as the image's plugin.
//!
//! Targets: a mediated write at most 1.25 of a native one, both with kept-open
//! descriptors, of which a call's checks are at most 5 %; an op of a plan at
//! most 1.3; starting workers at most 1.3. Those of schedulers are in
//! `guest/scheduler.rs` and `guest/teardown.rs`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench reports on standard output, and ends where it cannot measure"
)]

#[path = "../tests/support/place.rs"]
mod place;

#[path = "guest/observer.rs"]
mod observer;
#[path = "guest/plan.rs"]
mod plan;
#[path = "guest/record.rs"]
mod record;
#[path = "guest/scheduler.rs"]
mod scheduler;
#[path = "guest/spawn.rs"]
mod spawn;
#[path = "guest/teardown.rs"]
mod teardown;
#[path = "guest/write.rs"]
mod write;

use std::env;

use place::Place;
use proscenium_guest_runtime::allocator::Allocator;

type Bench = fn(&Place);

/// What is measured, by name.
const BENCHES: [(&str, Bench); 5] = [
    ("write", write::bench),
    ("record", record::bench),
    ("plan", plan::bench),
    ("spawn", spawn::bench),
    ("scheduler", scheduler::bench),
];

/// That of PID 1.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator::new();

fn main() {
    let Some(place) = Place::find("bench") else {
        return;
    };
    // cargo's own words begin with dashes; another one names the one to run.
    let wanted = env::args().skip(1).find(|word| !word.starts_with('-'));
    for (name, bench) in BENCHES {
        if wanted.as_deref().is_none_or(|wanted| wanted == name) {
            bench(&place);
        }
    }
}

/// Readings, by their median and extremes.
fn told(mut readings: Vec<f64>) -> String {
    readings.sort_by(f64::total_cmp);
    let middle = readings[readings.len() / 2];
    let (least, most) = (readings[0], readings[readings.len() - 1]);
    format!("{middle:.3} ({least:.3} to {most:.3})")
}

/// Pairs of readings that were taken in turn.
fn ratios(ours: &[f64], native: &[f64]) -> String {
    told(ours.iter().zip(native).map(|(a, b)| a / b).collect())
}
