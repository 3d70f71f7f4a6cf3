//! Every row of the conformance list has a test that names it, or says to
//! which part of the runtime it is left; `tests/CONFORMANCE.md` shows both.
//!
//! A test of row S-42 is a function `s_042_…`, one of two rows
//! `s_079_and_080_…`, one of several `s_003_to_s_006_…`, wherever it stands. `cargo xtask conformance` writes the
//! file anew.

mod rows;
mod scan;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{env, fs};

use rows::{Group, groups};
use scan::{Seen, tests};

const FILE: &str = "tests/CONFORMANCE.md";

const HEADER: &str = "\
# Conformance

What a scenario can rely on, row by row, and the tests that see it. Written by `cargo xtask conformance`; a test of the
suite `repository` compares it with the sources.

*Simulated* is the in-memory world of `check`, *kernel* a real kernel (this machine's where it allows it, or a guest's),
*VM* a whole run with a guest, *wire* the protocol alone, *host* what the host makes of frames, *worker* the load itself.
What is left to a part of the runtime comes with that part.
";

/// Tests by the number of their row.
fn by_row() -> BTreeMap<u32, Vec<Seen>> {
    let mut rows: BTreeMap<u32, Vec<Seen>> = BTreeMap::new();
    for seen in tests(&super::root()) {
        for row in &seen.rows {
            rows.entry(*row).or_default().push(seen.clone());
        }
    }
    rows
}

fn render(groups: &[Group], tests: &BTreeMap<u32, Vec<Seen>>) -> String {
    let all: Vec<_> = groups.iter().flat_map(|group| &group.rows).collect();
    let seen = all.iter().filter(|row| tests.contains_key(&row.id)).count();
    let mut text = format!(
        "{HEADER}\n{seen} of {} rows are seen by a test, {} are left.\n",
        all.len(),
        all.len() - seen
    );
    for Group { title, rows } in groups {
        let _ = write!(
            text,
            "\n## {title}\n\n| row | what | seen by |\n|---|---|---|\n"
        );
        for row in rows {
            let by = match (tests.get(&row.id), &row.left) {
                (Some(tests), _) => cell(tests),
                (None, Some(left)) => format!("left to: {left}"),
                (None, None) => "nothing".to_owned(),
            };
            let _ = writeln!(text, "| S-{:02} | {} | {by} |", row.id, row.what);
        }
    }
    text
}

/// Tests of one row, by world.
fn cell(tests: &[Seen]) -> String {
    let mut worlds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for test in tests {
        let name = format!("`{}`", test.name);
        worlds.entry(test.world).or_default().push(name);
    }
    let world = |(world, names): (&str, Vec<String>)| format!("{world}: {}", names.join(", "));
    worlds.into_iter().map(world).collect::<Vec<_>>().join("; ")
}

#[test]
fn every_row_has_a_test_or_is_left_to_somebody() {
    let tests = by_row();
    let groups = groups();
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let ids: Vec<u32> = rows().map(|row| row.id).collect();
    assert_eq!(ids, (1..=148).collect::<Vec<_>>(), "ids are stable");
    let unseen: Vec<u32> = rows()
        .filter(|row| row.left.is_none() && !tests.contains_key(&row.id))
        .map(|row| row.id)
        .collect();
    assert!(unseen.is_empty(), "no test names rows {unseen:?}");
    let seen: Vec<u32> = rows()
        .filter(|row| row.left.is_some() && tests.contains_key(&row.id))
        .map(|row| row.id)
        .collect();
    assert!(
        seen.is_empty(),
        "rows {seen:?} have tests now: take their [part] out of rows.txt"
    );
}

#[test]
fn every_test_of_a_row_names_one_that_exists() {
    let known: Vec<u32> = groups()
        .iter()
        .flat_map(|group| &group.rows)
        .map(|row| row.id)
        .collect();
    let unknown: Vec<_> = by_row()
        .into_iter()
        .filter(|(row, _)| !known.contains(row))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_conformance_file_is_up_to_date() {
    let path = super::root().join(FILE);
    let now = render(&groups(), &by_row());
    if env::var_os("CONFORMANCE").is_some_and(|mode| mode == "write") {
        fs::write(&path, &now).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == now,
        "{FILE} is out of date: `cargo xtask conformance` writes it"
    );
}
