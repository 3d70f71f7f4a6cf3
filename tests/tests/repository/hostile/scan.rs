//! Finds the tests that name attacks, in the sources of the suites.
//!
//! A test names an attack where it passes it first: `attack("loop")`, and
//! `("loop", …)` in a table.

use std::fs;
use std::path::Path;

use super::super::rust_files;

/// Where tests stand, and what attacks are tried on there.
const WORLDS: [(&str, &str); 2] = [
    ("tests/tests/hostile", "simulated"),
    ("tests/tests/vm", "VM"),
];

/// One test, with its source without white space.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) world: &'static str,
    body: String,
}

impl Test {
    pub(super) fn names(&self, attack: &str) -> bool {
        self.body.contains(&format!("(\"{attack}\""))
    }
}

/// Every test of the suites that attack, in the order of files and lines.
pub(super) fn tests(root: &Path) -> Vec<Test> {
    let mut tests = Vec::new();
    for (folder, world) in WORLDS {
        for file in rust_files(&root.join(folder)) {
            tests.extend(tests_of(&fs::read_to_string(file).unwrap(), world));
        }
    }
    tests
}

/// Those of one file. A function ends with the brace at the start of a line.
fn tests_of(text: &str, world: &'static str) -> Vec<Test> {
    let bodies = text.split("\n#[test]\n").skip(1);
    bodies
        .filter_map(|rest| {
            let (body, _) = rest.split_once("\n}")?;
            let (_, named) = body.split_once("fn ")?;
            let (name, _) = named.split_once('(')?;
            Some(Test {
                name: name.to_owned(),
                world,
                body: body.split_whitespace().collect(),
            })
        })
        .collect()
}

#[test]
fn a_test_names_what_it_passes_first_and_no_more() {
    let source = "
#[test]
fn one() {
    attack(\"loop\");
    listed(
        \"grow\",
    );
}

fn helper() {
    attack(\"trap\");
}

#[test]
#[ignore = \"alone\"]
fn other() {
    assert_eq!(word, \"error\");
}
";
    let [one, other] = &tests_of(source, "x")[..] else {
        unreachable!();
    };
    assert_eq!((one.name.as_str(), other.name.as_str()), ("one", "other"));
    assert!(one.names("loop") && one.names("grow"));
    assert!(!one.names("trap") && !other.names("error"));
}
