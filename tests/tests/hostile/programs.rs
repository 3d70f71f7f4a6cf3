//! That nothing in `tests/programs` goes untested.

use std::fs;
use std::path::Path;

use proscenium_wire::Limits;

use crate::support::hostile;

/// Every file of one of this package's folders, as text.
fn text_of(folder: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

/// Everything in this folder.
fn suite() -> String {
    text_of("tests/hostile")
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
fn every_program_is_run_by_a_suite_or_a_bench() {
    let users = suite() + &text_of("tests/local") + &text_of("benches");
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    for entry in fs::read_dir(programs).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            users.contains(&format!("layout::program(\"{name}\")")),
            "nothing runs {name}"
        );
    }
}
