//! Section 2.5: a definition that lets the operator replace its work.

use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::types::{CgroupDef, HoldSpec, WorkSpec};
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::world::simulated::Simulated;
use proscenium_wire::{Event, SwapValue, SwapWork};

use crate::support::{Ended, Rig, def, nothing, spawn, spins, step};

fn swapping(name: &str, parameters: &[(&str, u64)]) -> Rig {
    let parameters = parameters.iter();
    let swap = SwapWork {
        name: name.to_owned(),
        parameters: parameters
            .map(|(name, value)| ((*name).to_owned(), SwapValue::Number(*value)))
            .collect(),
    };
    Rig::with(Simulated::new(Machine::uniform(2, 2, 2, 1)), |settings| {
        settings.swap_work = Some(swap);
    })
}

fn of(name: &str, swappable: bool, work: Vec<WorkSpec>) -> CgroupDef {
    CgroupDef {
        swappable,
        work,
        ..def(name)
    }
}

/// Work and workers of everything that was collected.
fn done(ended: &Ended) -> Vec<(&str, &str, u32)> {
    let figures = ended.verdict.cgroups.iter();
    figures
        .map(|stats| (stats.cgroup.as_str(), stats.work.as_str(), stats.workers))
        .collect()
}

fn findings(ended: &Ended) -> Vec<(&str, &str)> {
    let findings = ended.events.iter().filter_map(|event| match event {
        Event::Finding(finding) => Some((finding.kind.as_str(), finding.message.as_str())),
        _ => None,
    });
    findings
        .filter(|(kind, _)| kind.contains("swapped"))
        .collect()
}

#[test]
fn only_definitions_that_allow_it_and_have_whole_groups_do_the_other_work() {
    let defs = vec![
        of("yes", true, vec![spins(4), spins(3)]),
        of("no", false, vec![spins(2)]),
        of("bare", true, vec![]),
    ];
    let ops = vec![Op::AddCgroup("by-op".into()), spawn("by-op", spins(2))];
    let plan = vec![step(defs, ops, HoldSpec::Fixed(1))];
    let ended = swapping("pipe-io", &[("spins", 7)]).execute(nothing(), plan);
    let expected = [
        ("by-op", "spin-wait", 2),
        ("yes", "pipe-io", 4),
        ("yes", "spin-wait", 3),
        ("no", "spin-wait", 2),
        ("bare", "spin-wait", 1),
    ];
    assert_eq!(done(&ended), expected);
    let expected = [(
        "swapped-work",
        "workers of cgroup \"yes\" do pipe-io instead of \"spin-wait\"",
    )];
    assert_eq!(findings(&ended), expected);
}

#[test]
fn what_shares_a_process_keeps_its_work_where_the_other_needs_its_own() {
    let threads = |name: &str| {
        let spec = WorkSpec {
            pcomm: Some("server".into()),
            ..spins(2)
        };
        of(name, true, vec![spec, spins(1)])
    };
    let plan = || vec![step(vec![threads("a")], vec![], HoldSpec::Fixed(1))];
    let ended = swapping("fork-exit", &[]).execute(nothing(), plan());
    assert_eq!(done(&ended), [("a", "fork-exit", 1), ("a", "spin-wait", 2)]);
    let ended = swapping("yield-heavy", &[]).execute(nothing(), plan());
    assert_eq!(
        done(&ended),
        [("a", "yield-heavy", 1), ("a", "yield-heavy", 2)]
    );
}

#[test]
fn work_that_found_no_place_is_a_finding_and_work_that_is_none_an_error() {
    let plan = |swappable| {
        let def = of("a", swappable, vec![spins(1)]);
        vec![step(vec![def], vec![], HoldSpec::Fixed(1))]
    };
    let ended = swapping("pipe-io", &[]).execute(nothing(), plan(true));
    let expected = [("nothing-swapped", "\"pipe-io\" was swapped in nowhere")];
    assert_eq!(findings(&ended), expected);
    let error = swapping("nonsense", &[]).refused(nothing(), plan(true));
    assert!(
        error.contains("swap in") && error.contains("nonsense"),
        "{error}"
    );
    let ended = swapping("nonsense", &[]).execute(nothing(), plan(false));
    assert_eq!(done(&ended), [("a", "spin-wait", 1)]);
}
