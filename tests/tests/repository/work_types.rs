//! The SDK for Rust has a builder for every work type of the catalogue, with a
//! setter for each parameter and for no other. It leaves open what is not set,
//! so its defaults are the catalogue's.

use std::collections::BTreeSet;
use std::fs;

use proscenium_guest_runtime::contract::WorkKind;

/// Words in quotes of a source file after `= `.
fn names(source: &str) -> BTreeSet<String> {
    source
        .split("= \"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[test]
fn the_sdk_knows_every_work_type_and_every_parameter_and_no_others() {
    let folder = super::root().join("sdk/rust/src/work");
    let sources: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for kind in WorkKind::all().filter(|kind| !kind.phases) {
        let start = format!("= \"{}\" {{", kind.name);
        let body = sources
            .iter()
            .find_map(|source| source.split_once(&start))
            .and_then(|(_, rest)| rest.split_once('}'))
            .map(|(body, _)| body);
        let body = body.unwrap_or_else(|| panic!("the SDK has no builder for {}", kind.name));
        let known: BTreeSet<String> = kind
            .parameters
            .iter()
            .map(|parameter| parameter.name.to_owned())
            .collect();
        assert_eq!(names(body), known, "{}", kind.name);
    }
}
