//! That nothing in `tests/programs` goes untested.

use std::fs;
use std::path::Path;

use proscenium_wire::Limits;

use crate::support::hostile;

/// Everything in this folder, as text.
fn suite() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn every_attack_of_the_program_has_a_test() {
    let manifest = hostile().describe(&Limits::default()).unwrap();
    let suite = suite();
    let tested = |attack: &str| {
        ["attack(\"", "attack_under(\"", "attack_in(\"", "attack="]
            .iter()
            .any(|call| suite.contains(&format!("{call}{attack}\"")))
    };
    let attacks: Vec<&str> = manifest.parameters[0].help.split(' ').collect();
    assert!(attacks.len() > 20, "{attacks:?}");
    let forgotten: Vec<_> = attacks.into_iter().filter(|name| !tested(name)).collect();
    assert!(forgotten.is_empty(), "no test runs {forgotten:?}");
}

#[test]
fn every_program_is_run_by_this_suite() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    for entry in fs::read_dir(programs).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            suite().contains(&format!("layout::program(\"{name}\")")),
            "no test runs {name}"
        );
    }
}
