//! Every attack of the list has a test that names it; `tests/HOSTILE.md` shows
//! both.
//!
//! The list is `tests/src/attacks/list.txt`, with which the suites compare how
//! attacks end. `cargo xtask hostile` writes the file anew.

mod scan;

use std::fmt::Write as _;
use std::{env, fs};

use proscenium_tests::attacks::{Attack, HARMLESS, REFUSED, groups};

use scan::{Test, tests};

const FILE: &str = "tests/HOSTILE.md";

const HEADER: &str = "\
# Hostile plugins

What a stranger's plugin may try, what stands against it, and how it ends. Written by `cargo xtask hostile` from
[`list.txt`](src/attacks/list.txt), with which the tests compare what they see; a test of the suite `repository` compares
this file with both.

Each attack ends as told, with one verdict. Afterwards every cgroup is removed and every worker collected, and another
scenario of the same component passes: the suites see to that for each, and in a VM that the guest ends in order. What the
program [`hostile`](programs/hostile/src/lib.rs) does is measured, too: none costs the runtime 128 MiB, at 64 MiB of linear
memory (`no_attack_costs_more_memory_than_its_limits_say`).

A *result* is the verdict's outcome and the kinds of its details; `pass` without one: the plugin got an error, or nothing
happened. *Refused* is exit code 3 and a reason, before anything runs. *Harmless*: it is taken as it is, and changes
nothing. *Host* is this machine before anything runs, *simulated* the in-memory world of `check`, *VM* a whole run.
";

fn render() -> String {
    let tests = tests(&super::root());
    let groups = groups();
    let count: usize = groups.iter().map(|group| group.attacks.len()).sum();
    let mut text = format!("{HEADER}\n{count} attacks.\n");
    for group in groups {
        let _ = write!(
            text,
            "\n## {}\n\n| attack | tries | defence | result | seen by |\n|---|---|---|---|---|\n",
            group.title
        );
        for attack in group.attacks {
            let Attack {
                name,
                what,
                defence,
                ..
            } = attack;
            let (result, seen) = (result(attack), seen(attack, &tests));
            let _ = writeln!(text, "| {name} | {what} | {defence} | {result} | {seen} |");
        }
    }
    text
}

fn result(attack: Attack) -> String {
    if [REFUSED, HARMLESS].contains(&attack.result) {
        return attack.result.to_owned();
    }
    let mut words = attack.result.split(' ').map(|word| format!("`{word}`"));
    let outcome = words.next().unwrap_or_default();
    words.fold(outcome, |all, kind| format!("{all}, {kind}"))
}

/// The tests that name it, by where they try it.
fn seen(attack: Attack, tests: &[Test]) -> String {
    let by = |world| {
        let tests = tests.iter().filter(|test| test.world == world);
        let names: Vec<_> = tests
            .filter(|test| test.names(attack.name))
            .map(|test| format!("`{}`", test.name))
            .collect();
        names.join(", ")
    };
    let before = [REFUSED, HARMLESS].contains(&attack.result);
    let here = if before { "host" } else { "simulated" };
    [(here, by("simulated")), ("VM", by("VM"))]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(world, names)| format!("{world}: {names}"))
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn every_attack_of_the_list_has_a_test() {
    let tests = tests(&super::root());
    let unseen: Vec<_> = groups()
        .into_iter()
        .flat_map(|group| group.attacks)
        .filter(|attack| !tests.iter().any(|test| test.names(attack.name)))
        .map(|attack| attack.name)
        .collect();
    assert!(unseen.is_empty(), "no test names {unseen:?}");
}

#[test]
fn the_table_of_attacks_is_up_to_date() {
    let path = super::root().join(FILE);
    let now = render();
    if env::var_os("HOSTILE").is_some_and(|mode| mode == "write") {
        fs::write(&path, &now).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == now,
        "{FILE} is out of date: `cargo xtask hostile` writes it"
    );
}
