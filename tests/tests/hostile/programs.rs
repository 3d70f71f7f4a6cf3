//! That nothing in `tests/programs` goes untested.

use std::fs;
use std::path::Path;

use proscenium_tests::attacks::named;
use proscenium_wire::Limits;

use crate::support::hostile;

/// Every file of one of this package's folders, as text.
fn text_of(folder: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.is_file())
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

#[test]
fn every_attack_of_the_program_is_in_the_list() {
    let manifest = hostile().describe(&Limits::default()).unwrap();
    let attacks: Vec<&str> = manifest.parameters[0].help.split(' ').collect();
    assert!(attacks.len() > 40, "{attacks:?}");
    // That each of the list has a test is seen by the suite `repository`.
    for attack in attacks {
        assert!(
            named(attack).is_some(),
            "{attack} is not in tests/src/attacks/list.txt"
        );
    }
}

#[test]
fn every_program_is_run_by_a_suite_or_a_bench() {
    let folders = [
        "tests/hostile",
        "tests/local",
        "tests/vm",
        "tests/vm/schedulers",
        "benches",
    ];
    let users: String = folders.map(text_of).concat();
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    for entry in fs::read_dir(programs).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            users.contains(&format!("program(\"{name}\")")),
            "nothing runs {name}"
        );
    }
}
