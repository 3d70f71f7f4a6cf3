//! What a call's checks, and its record, add to a mediated write: the executor's
//! write of one cgroup file alone, with its checks (counting, rate, and the clock
//! that this takes) and with the record as well, in turns on the same file.
//!
//! How much of a mediated write that is follows from the bench `write`.

use std::time::{Duration, Instant};

use proscenium_guest_runtime::audit::{Audit, Function};
use proscenium_guest_runtime::contract::types::CpuLimits;
use proscenium_guest_runtime::executor::{Settings, Stage};
use proscenium_guest_runtime::plugin::CallRate;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{Controllers, GroupId, World};
use proscenium_wire::{Decision, Event, Limits, Permissions};

use crate::place::Place;
use crate::told;

/// Together fewer than are recorded one by one.
const ROUNDS: u32 = 31;
const WRITES: u32 = 2_000;

pub(crate) fn bench(place: &Place) {
    let world = Kernel::new(place.parts(None)).unwrap();
    if !world.controllers().contains(Controllers::CPU) {
        println!("SKIP record: no cpu controller");
        return;
    }
    let settings = Settings {
        duration: Duration::from_secs(60),
        permissions: Permissions::all(),
        ..Settings::default()
    };
    let mut stage = Stage::new(Box::new(world), Box::new(Vec::<Event>::new()), settings);
    let group = stage.create_cgroup("record").unwrap();
    let mut audit = Audit::begin();
    let begun = Instant::now();
    let mut rate = CallRate::new(Limits::default().calls_per_second);
    let (mut bare, mut checked, mut recorded) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(round(&mut stage, |stage, limits| {
            write(stage, group, limits);
        }));
        checked.push(round(&mut stage, |stage, limits| {
            let now = nanos(begun.elapsed());
            stage.count_call();
            assert!(stage.flooded().is_none() && rate.take(now));
            write(stage, group, limits);
        }));
        recorded.push(round(&mut stage, |stage, limits| {
            let entered = audit.enter(Function::CgroupSetCpu, stage);
            stage.count_call();
            assert!(stage.flooded().is_none() && rate.take(entered));
            write(stage, group, limits);
            audit.leave(Function::CgroupSetCpu, entered, Decision::Done);
        }));
    }
    audit.end(&mut stage);
    println!("write by the executor {} ns", told(bare.clone()));
    println!("checks of a call {} ns more", more(&checked, &bare));
    println!("checks and record {} ns more", more(&recorded, &bare));
}

/// What one of a pair takes more than the other.
fn more(with: &[f64], without: &[f64]) -> String {
    told(with.iter().zip(without).map(|(a, b)| a - b).collect())
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap()
}

/// Nanoseconds of one write.
fn round(stage: &mut Stage, mut write: impl FnMut(&mut Stage, &CpuLimits)) -> f64 {
    let start = Instant::now();
    for at in 0..WRITES {
        let limits = CpuLimits {
            max: None,
            weight: Some(100 + at % 2),
        };
        write(stage, &limits);
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(WRITES)
}

fn write(stage: &mut Stage, group: GroupId, limits: &CpuLimits) {
    stage.set_cgroup_cpu(group, limits).unwrap();
}
