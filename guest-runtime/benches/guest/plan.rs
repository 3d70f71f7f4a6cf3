//! A plan of 1,000 ops on 200 cgroups: through the executor, and the same
//! system calls from a loop.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use proscenium_guest_runtime::contract::ops::{Op, SetCpuset};
use proscenium_guest_runtime::contract::stage::{Backdrop, StepPlan};
use proscenium_guest_runtime::contract::types::{CpusetSpec, HoldSpec};
use proscenium_guest_runtime::executor::{Settings, Stage};
use proscenium_guest_runtime::verdict::Ending;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{Controllers, GroupId, World};
use proscenium_wire::{Event, Outcome, Permissions};

use crate::place::Place;
use crate::{ratios, told};

const GROUPS: u32 = 200;
const OPS: u32 = 5 * GROUPS;
const ROUNDS: usize = 7;

pub(crate) fn bench(place: &Place) {
    let mut probe = Kernel::new(place.parts(None)).unwrap();
    if probe.enable(GroupId::ROOT, Controllers::CPUSET).is_err() {
        println!("SKIP plan: no cpuset controller");
        return;
    }
    drop(probe);
    let (mut ours, mut native) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(executed(place));
        native.push(looped(&place.hierarchy.join("native")));
    }
    println!("plan of {OPS} ops {} µs an op", told(ours.clone()));
    println!("native loop {} µs an op", told(native.clone()));
    println!("plan / native loop {}", ratios(&ours, &native));
}

fn name(index: u32) -> String {
    format!("g{index}")
}

/// Microseconds of one op, its share of the teardown included.
fn executed(place: &Place) -> f64 {
    let ops = (0..GROUPS).map(|index| Op::AddCgroup(name(index)));
    let set = |index, cpus: &[u32]| {
        Op::SetCpuset(SetCpuset {
            cgroup: name(index),
            cpus: CpusetSpec::Exact(cpus.to_vec()),
        })
    };
    let ops = ops
        .chain((0..GROUPS).map(|index| set(index, &[0])))
        .chain((0..GROUPS).map(|index| set(index, &[0, 1])))
        .chain((0..GROUPS).map(|index| Op::FreezeCgroup(name(index))))
        .chain((0..GROUPS).map(|index| Op::UnfreezeCgroup(name(index))));
    let step = StepPlan {
        label: None,
        setup: Vec::new(),
        ops: ops.collect(),
        hold: HoldSpec::Fixed(0),
    };
    let backdrop = Backdrop {
        cgroups: Vec::new(),
        ops: Vec::new(),
        payloads: Vec::new(),
    };
    let settings = Settings {
        duration: Duration::from_secs(60),
        permissions: Permissions::all(),
        ..Settings::default()
    };
    let world = Kernel::new(place.parts(None)).unwrap();
    let mut stage = Stage::new(Box::new(world), Box::new(Vec::<Event>::new()), settings);
    let start = Instant::now();
    stage.execute(&backdrop, &[step]).unwrap();
    let time = start.elapsed();
    let (verdict, _world) = stage.close(Ending::Returned {
        outcome: Outcome::Pass,
        reason: None,
    });
    assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
    per_op(time)
}

/// The same system calls: each file is opened once and kept open.
fn looped(root: &Path) -> f64 {
    fs::create_dir(root).unwrap();
    let open = |path: &Path| {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap()
    };
    open(&root.join("cgroup.subtree_control"))
        .write_all_at(b"+cpuset", 0)
        .unwrap();
    let start = Instant::now();
    let groups: Vec<_> = (0..GROUPS).map(|index| root.join(name(index))).collect();
    groups
        .iter()
        .for_each(|group| fs::create_dir(group).unwrap());
    let opened =
        |file: &str| -> Vec<File> { groups.iter().map(|group| open(&group.join(file))).collect() };
    let write = |files: &[File], text: &str| {
        for file in files {
            file.write_all_at(text.as_bytes(), 0).unwrap();
        }
    };
    let cpus = opened("cpuset.cpus");
    write(&cpus, "0");
    write(&cpus, "0-1");
    let freeze = opened("cgroup.freeze");
    write(&freeze, "1");
    write(&freeze, "0");
    drop((cpus, freeze));
    for group in groups.iter().rev() {
        fs::remove_dir(group).unwrap();
    }
    let time = start.elapsed();
    fs::remove_dir(root).unwrap();
    per_op(time)
}

fn per_op(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(OPS)
}
