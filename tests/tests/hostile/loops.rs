//! Loops that a component brings for its workers, and that go wrong: in the
//! simulated world each is tried for a moment, under the bounds of a worker.

use proscenium_guest_runtime::exported::Rehearsal;
use proscenium_guest_runtime::plugin::Plugin;
use proscenium_tests::layout;
use proscenium_wire::{DetailKind, Job, Limits, Outcome, Verdict};

use crate::support::{compiled, job, run, world};

/// The component of `tests/programs/loops`.
fn loops() -> Plugin {
    compiled(&layout::program("loops"))
}

fn tried(works: &str) -> Verdict {
    let plugin = loops();
    let parameters = [("work", works), ("workers", "2")];
    let job = Job {
        parameters: parameters
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        // Little, so that a loop that takes more and more meets its bound at once.
        limits: Limits {
            memory_bytes: 8 << 20,
            ..Limits::default()
        },
        ..job()
    };
    let rehearsal = Rehearsal::new(&plugin).unwrap();
    let world = world().with_rehearsal(Box::new(rehearsal));
    run(&plugin, &job, world).verdict
}

#[test]
fn a_component_says_which_loops_it_has() {
    let works = loops().works(&Limits::default()).unwrap();
    assert_eq!(works.first().map(String::as_str), Some("good"));
    assert_eq!(works.len(), 8);
}

#[test]
fn loops_that_keep_to_the_contract_are_load() {
    let verdict = tried("good,boasts,ends");
    assert_eq!(verdict.outcome, Outcome::Pass, "{:?}", verdict.details);
    let works: Vec<&str> = verdict
        .cgroups
        .iter()
        .map(|one| one.work.as_str())
        .collect();
    assert_eq!(works, ["good", "boasts", "ends"]);
    assert!(verdict.cgroups.iter().all(|one| one.iterations > 0));
}

#[test]
fn every_way_to_break_down_is_told_by_its_kind_and_cause() {
    for (work, kind, cause) in [
        ("traps", DetailKind::PluginTrap, "`unreachable`"),
        (
            "calls",
            DetailKind::PluginTrap,
            "proscenium:scenario/checks",
        ),
        ("hangs", DetailKind::PluginTimeout, "1 s of CPU time"),
        ("grows", DetailKind::PluginLimit, "grow"),
        ("refuses", DetailKind::Plugin, "no place for 2"),
    ] {
        let verdict = tried(work);
        assert_eq!(verdict.outcome, Outcome::Fail);
        let [told] = verdict.details.as_slice() else {
            panic!("one detail: {:?}", verdict.details);
        };
        assert_eq!(told.kind, kind, "{}", told.message);
        assert!(
            told.message.contains(&format!("\"{work}\"")) && told.message.contains(cause),
            "{}",
            told.message
        );
    }
}

#[test]
fn a_loop_that_broke_down_takes_neither_its_neighbour_nor_the_scenario_with_it() {
    let verdict = tried("hangs,good");
    let [hangs, good] = verdict.cgroups.as_slice() else {
        panic!("{:?}", verdict.cgroups);
    };
    assert_eq!(hangs.iterations, 0);
    assert!(good.iterations > 0);
    let kinds: Vec<DetailKind> = verdict.details.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [DetailKind::PluginTimeout], "the scenario went on");
}
