//! Finds the tests that name rows, in the sources of every suite.

use std::fs;
use std::path::Path;

use super::super::rust_files;

/// Where tests stand and in which world they run; the first that fits counts.
const WORLDS: [(&str, &str); 9] = [
    ("tests/tests/conformance", "simulated"),
    ("tests/tests/vm", "VM"),
    ("tests/tests", "suites"),
    ("guest-runtime/wire", "wire"),
    ("guest-runtime/worker", "worker"),
    ("guest-runtime/tests", "kernel"),
    ("guest-runtime/src", "simulated"),
    ("host", "host"),
    ("sdk", "SDK"),
];

/// One test.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) rows: Vec<u32>,
    pub(super) world: &'static str,
}

/// Every test below `root` that names a row, in the order of files and lines.
pub(super) fn tests(root: &Path) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    for (folder, _) in WORLDS {
        for file in rust_files(&root.join(folder)) {
            let file = file.strip_prefix(root).unwrap();
            let place = |(folder, _): &&(&str, &str)| file.starts_with(folder);
            let (first, world) = WORLDS.iter().find(place).unwrap();
            // Each file is looked at once: below the folder that fits first.
            if *first == folder {
                let text = fs::read_to_string(root.join(file)).unwrap();
                seen.extend(text.lines().filter_map(|line| named(line, world)));
            }
        }
    }
    seen
}

/// The test that a line declares, if its name starts with rows.
fn named(line: &str, world: &'static str) -> Option<Seen> {
    let name = line.trim_start().strip_prefix("fn ")?;
    let (name, _) = name.split_once('(')?;
    let mut words = name
        .strip_prefix("s_")?
        .split('_')
        .filter(|word| *word != "s");
    let mut last: u32 = words.next()?.parse().ok()?;
    let mut rows = vec![last];
    while let Some(joint @ ("and" | "to")) = words.next() {
        let next = words.next()?.parse().ok()?;
        rows.extend(if joint == "to" {
            last + 1..=next
        } else {
            next..=next
        });
        last = next;
    }
    Some(Seen {
        name: name.to_owned(),
        rows,
        world,
    })
}

#[test]
fn a_test_names_one_row_or_several() {
    let rows = |line| named(line, "x").map(|seen| seen.rows);
    assert_eq!(rows("fn s_042_merges() {"), Some(vec![42]));
    assert_eq!(rows("    fn s_079_and_080_both() {"), Some(vec![79, 80]));
    assert_eq!(rows("fn s_030_and_s_052_both() {"), Some(vec![30, 52]));
    assert_eq!(rows("fn s_003_to_s_006_all() {"), Some(vec![3, 4, 5, 6]));
    assert_eq!(rows("fn s_t() {"), None);
    assert_eq!(rows("fn steps() {"), None);
    assert_eq!(rows("// s_001_"), None);
}
