//! What counting a call, holding it to its rate and putting it on record adds to
//! a mediated write: the executor's write of one cgroup file, checks included,
//! with it and without, in turns on the same file.

use std::time::{Duration, Instant};

use proscenium_guest_runtime::audit::{Audit, Function};
use proscenium_guest_runtime::contract::types::CpuLimits;
use proscenium_guest_runtime::executor::{Settings, Stage};
use proscenium_guest_runtime::plugin::CallRate;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{Controllers, GroupId, World};
use proscenium_wire::{Decision, Event, Limits, Permissions};

use crate::place::Place;
use crate::{ratios, told};

/// Together fewer than are recorded one by one.
const ROUNDS: u32 = 21;
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
    let mut rate = CallRate::new(Limits::default().calls_per_second, Instant::now());
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(round(&mut stage, |stage, limits| {
            write(stage, group, limits);
        }));
        with.push(round(&mut stage, |stage, limits| {
            let entered = audit.enter(Function::CgroupSetCpu, stage);
            stage.count_call();
            assert!(rate.take(entered));
            write(stage, group, limits);
            audit.leave(Function::CgroupSetCpu, entered, Decision::Done);
        }));
    }
    audit.end(&mut stage);
    println!("checked write {} ns", told(without.clone()));
    println!("checked and recorded write {} ns", told(with.clone()));
    println!("recorded / not recorded write {}", ratios(&with, &without));
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
