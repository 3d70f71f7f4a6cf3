//! Work that the component exports, without a component: which names a plan
//! may have, and what becomes of a loop that breaks down.

use proscenium_guest_runtime::contract::types::{CgroupDef, HoldSpec, Work, WorkSpec, WorkerCount};
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::world::simulated::{Rehearse, Simulated};
use proscenium_wire::{DetailKind, Limits, Outcome};
use proscenium_worker::{Breakdown, BreakdownKind};

use crate::support::{Ended, Rig, def, nothing, step, work};

/// Every loop breaks down in this way, if it has one.
#[derive(Debug)]
struct Always(Option<BreakdownKind>);

impl Rehearse for Always {
    fn rehearse(&mut self, name: &str, workers: u32, memory_bytes: u64) -> Option<Breakdown> {
        self.0.map(|kind| Breakdown {
            kind,
            message: format!("\u{1b}[1m{name} {workers} {memory_bytes}"),
        })
    }
}

/// A rig whose component exports two loops.
fn rig(breakdown: Option<BreakdownKind>) -> Rig {
    let world = Simulated::new(Machine::uniform(1, 1, 4, 1));
    let mut rig = Rig::with(
        world.with_rehearsal(Box::new(Always(breakdown))),
        |settings| settings.limits.memory_bytes = 1 << 20,
    );
    rig.stage = rig
        .stage
        .with_works(vec!["hash".to_owned(), "chase".to_owned()]);
    rig
}

fn loaded(name: &str, workers: u32) -> CgroupDef {
    CgroupDef {
        work: vec![WorkSpec {
            work: Work::Exported(name.to_owned()),
            ..work("", WorkerCount::Exactly(workers))
        }],
        ..def("loaded")
    }
}

fn run(rig: Rig, workers: u32) -> Ended {
    let plan = step(
        vec![loaded("hash", workers)],
        vec![],
        HoldSpec::Fraction(1.0),
    );
    rig.execute(nothing(), vec![plan])
}

#[test]
fn a_loop_that_the_component_has_is_load_under_its_own_name() {
    let ended = run(rig(None), 3);
    ended.position("start 3 hash workers in \"loaded\"");
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
    let [stats] = ended.verdict.cgroups.as_slice() else {
        panic!("{:?}", ended.verdict.cgroups);
    };
    assert_eq!((stats.work.as_str(), stats.workers), ("hash", 3));
    assert!(stats.iterations > 0);
}

#[test]
fn a_loop_that_the_component_does_not_have_is_refused_with_those_that_it_has() {
    let plan = step(vec![loaded("sort", 1)], vec![], HoldSpec::Fraction(1.0));
    let error = rig(None).refused(nothing(), vec![plan]);
    assert!(
        error.contains("\"loaded\"") && error.contains("\"sort\"") && error.contains("hash, chase"),
        "{error}"
    );
}

#[test]
fn a_component_that_exports_no_work_is_told_how_to() {
    let plan = step(vec![loaded("hash", 1)], vec![], HoldSpec::Fraction(1.0));
    let error = Rig::new().refused(nothing(), vec![plan]);
    assert!(error.contains("`plugin-with-work`"), "{error}");
}

#[test]
fn a_loop_that_breaks_down_counts_as_its_scenario_would() {
    for (kind, detail, outcome) in [
        (BreakdownKind::Refused, DetailKind::Plugin, Outcome::Fail),
        (
            BreakdownKind::Trapped,
            DetailKind::PluginTrap,
            Outcome::Fail,
        ),
        (
            BreakdownKind::OutOfTime,
            DetailKind::PluginTimeout,
            Outcome::Fail,
        ),
        (BreakdownKind::Limit, DetailKind::PluginLimit, Outcome::Fail),
        (
            BreakdownKind::Unable,
            DetailKind::Environment,
            Outcome::Inconclusive,
        ),
    ] {
        let ended = run(rig(Some(kind)), 2);
        assert_eq!(ended.verdict.outcome, outcome);
        let [told] = ended.verdict.details.as_slice() else {
            panic!("one detail for all workers: {:?}", ended.verdict.details);
        };
        assert_eq!((told.kind, told.outcome), (detail, outcome));
        assert!(told.message.contains("2 of 2 workers"), "{}", told.message);
        let words = format!("hash 2 {}", 1 << 20);
        assert!(
            told.message.contains(&words) && !told.message.contains('\u{1b}'),
            "{}",
            told.message
        );
        assert_eq!(ended.verdict.cgroups[0].iterations, 0);
        assert_eq!(
            ended.verdict.cgroups[0].completed, 2,
            "the workers are well"
        );
    }
}

#[test]
fn a_component_has_as_much_memory_in_a_worker_as_in_its_scenario() {
    let world = Simulated::new(Machine::uniform(1, 1, 4, 1));
    let world = world.with_rehearsal(Box::new(Always(Some(BreakdownKind::Limit))));
    let mut rig = Rig::with(world, |_| {});
    rig.stage = rig.stage.with_works(vec!["hash".to_owned()]);
    let ended = run(rig, 1);
    let words = format!("hash 1 {}", Limits::default().memory_bytes);
    assert!(
        ended.messages()[0].contains(&words),
        "{:?}",
        ended.messages()
    );
}
