//! Who gets which share of which CPU: a fair-share model.
//!
//! Each runnable worker goes to the least loaded CPU that it may use, the most
//! constrained first. On a CPU, cgroups share by `cpu.weight` and a cgroup's
//! workers equally; what one leaves unused the others get. `cpu.max` then caps
//! a cgroup with all below it. Between two changes nothing moves, so an hour
//! is one step.

use std::collections::BTreeMap;
use std::time::Duration;

use super::crew::Crew;
use super::tree::Tree;
use crate::cpuset::CpuSet;
use crate::machine::Machine;
use crate::world::{CrewId, GroupId};

/// Rounds in which unused time is handed on; more change little.
const ROUNDS: usize = 4;

/// One runnable worker for the span under consideration.
struct Runner {
    crew: CrewId,
    index: usize,
    group: Option<GroupId>,
    allowed: CpuSet,
    wants: f64,
    cpu: u32,
    gets: f64,
}

/// Lets `span` pass.
pub(super) fn advance(
    tree: &mut Tree,
    crews: &mut BTreeMap<CrewId, Crew>,
    machine: &Machine,
    span: Duration,
) {
    let mut runners = runnable(tree, crews, machine);
    place(&mut runners, machine);
    share(tree, &mut runners);
    for (group, cap) in tree.bandwidth_caps() {
        throttle(tree, &mut runners, group, cap, span);
    }
    let mut paused: Vec<(CrewId, usize)> = crews
        .iter()
        .filter(|(_, crew)| crew.running && !crew.killed)
        .flat_map(|(id, crew)| (0..crew.workers.len()).map(|index| (*id, index)))
        .collect();
    for runner in &runners {
        paused.retain(|who| *who != (runner.crew, runner.index));
        if let Some(crew) = crews.get_mut(&runner.crew) {
            crew.workers[runner.index].run(span, runner.cpu, runner.gets);
        }
        if let Some(group) = runner.group {
            tree.account(group, span, runner.gets, runner.wants);
        }
    }
    for (id, index) in paused {
        if let Some(crew) = crews.get_mut(&id) {
            crew.workers[index].pause(span);
        }
    }
    tree.settle(span);
}

fn runnable(tree: &Tree, crews: &BTreeMap<CrewId, Crew>, machine: &Machine) -> Vec<Runner> {
    let mut runners = Vec::new();
    for (id, crew) in crews {
        if !crew.running || crew.killed || crew.group.is_some_and(|group| tree.is_frozen(group)) {
            continue;
        }
        let effective = crew
            .group
            .map_or(&machine.cpus, |group| tree.effective(group));
        for (index, worker) in crew.workers.iter().enumerate() {
            let pinned = worker
                .affinity
                .as_ref()
                .map(|cpus| cpus.intersection(effective));
            // The kernel falls back to the cpuset when an affinity leaves it.
            let allowed = pinned
                .filter(|cpus| !cpus.is_empty())
                .unwrap_or_else(|| effective.clone());
            runners.push(Runner {
                crew: *id,
                index,
                group: crew.group,
                allowed,
                wants: crew.wants(worker),
                cpu: worker.cpu.unwrap_or(0),
                gets: 0.0,
            });
        }
    }
    runners
}

fn place(runners: &mut [Runner], machine: &Machine) {
    let mut order: Vec<usize> = (0..runners.len()).collect();
    order.sort_by_key(|index| runners[*index].allowed.len());
    let mut loads: BTreeMap<u32, f64> = machine.cpus.iter().map(|cpu| (cpu, 0.0)).collect();
    for index in order {
        let runner = &mut runners[index];
        let lightest = runner
            .allowed
            .iter()
            .min_by(|a, b| load(&loads, *a).total_cmp(&load(&loads, *b)))
            .unwrap_or(0);
        // A worker stays where it is unless that CPU is more loaded.
        let stays = runner.allowed.contains(runner.cpu)
            && load(&loads, runner.cpu) <= load(&loads, lightest);
        if !stays {
            runner.cpu = lightest;
        }
        *loads.entry(runner.cpu).or_default() += runner.wants;
    }
}

fn load(loads: &BTreeMap<u32, f64>, cpu: u32) -> f64 {
    loads.get(&cpu).copied().unwrap_or(0.0)
}

/// Divides each CPU by weight, handing on what a worker does not want.
fn share(tree: &Tree, runners: &mut [Runner]) {
    let mut by_cpu: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, runner) in runners.iter().enumerate() {
        by_cpu.entry(runner.cpu).or_default().push(index);
    }
    for members in by_cpu.values() {
        let mut free = 1.0;
        let mut open: Vec<usize> = members.clone();
        for _ in 0..ROUNDS {
            let mut siblings: BTreeMap<Option<GroupId>, f64> = BTreeMap::new();
            for index in &open {
                *siblings.entry(runners[*index].group).or_default() += 1.0;
            }
            let weight = |runner: &Runner| {
                runner.group.map_or(100.0, |group| tree.weight(group)) / siblings[&runner.group]
            };
            let total: f64 = open.iter().map(|index| weight(&runners[*index])).sum();
            if total <= 0.0 || free <= 1e-9 {
                break;
            }
            let mut used = 0.0;
            for index in &open {
                let offer = free * weight(&runners[*index]) / total;
                let runner = &mut runners[*index];
                let taken = offer.min(runner.wants - runner.gets);
                runner.gets += taken;
                used += taken;
            }
            free -= used;
            open.retain(|index| runners[*index].wants - runners[*index].gets > 1e-9);
        }
    }
}

/// Caps a cgroup and all below it at `cap` CPUs.
fn throttle(tree: &mut Tree, runners: &mut [Runner], group: GroupId, cap: f64, span: Duration) {
    let below = |runner: &Runner| runner.group.is_some_and(|id| tree.is_within(id, group));
    let members: Vec<usize> = (0..runners.len())
        .filter(|index| below(&runners[*index]))
        .collect();
    let used: f64 = members.iter().map(|index| runners[*index].gets).sum();
    let throttled = used > cap;
    if throttled {
        for index in members {
            runners[index].gets *= cap / used;
        }
    }
    tree.account_bandwidth(group, span, throttled);
}
