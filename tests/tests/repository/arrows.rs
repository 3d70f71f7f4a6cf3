//! Which of our crates may depend on which.
//!
//! ```text
//! host ──► guest-runtime ──► wire        plugins ──► sdk
//!   └────────────┼──────────► wire
//!                └──► worker             tests ──► anything
//! ```

use cargo_metadata::{Metadata, MetadataCommand, Package};

/// What a crate of ours may depend on, by where its folder is. The first entry
/// whose folder the crate is in decides; a crate that no entry covers is an
/// error, so that a new one is thought about.
const ARROWS: [(&str, &[&str]); 8] = [
    ("guest-runtime/wire", &[]),
    ("guest-runtime/worker", &[]),
    ("guest-runtime", &["proscenium-wire", "proscenium-worker"]),
    ("host", &["proscenium-guest-runtime", "proscenium-wire"]),
    ("sdk", &[]),
    ("plugins", &["proscenium-sdk"]),
    ("tests/programs", &["proscenium-sdk"]),
    (
        "tests",
        &[
            "proscenium",
            "proscenium-guest-runtime",
            "proscenium-wire",
            "proscenium-worker",
        ],
    ),
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .current_dir(super::root())
        .no_deps()
        .exec()
        .unwrap()
}

fn allowed(metadata: &Metadata, package: &Package) -> Option<&'static [&'static str]> {
    let manifest = package
        .manifest_path
        .strip_prefix(&metadata.workspace_root)
        .ok()?;
    let (_, allowed) = ARROWS
        .iter()
        .find(|(folder, _)| manifest.starts_with(folder))?;
    Some(allowed)
}

/// Dependencies of every kind on crates of ours: a test of the guest's that
/// used the host would be as wrong.
fn arrows(metadata: &Metadata) -> Vec<(&Package, &str)> {
    let ours: Vec<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut arrows = Vec::new();
    for package in &metadata.packages {
        let names = package
            .dependencies
            .iter()
            .map(|dependency| dependency.name.as_str());
        arrows.extend(
            names
                .filter(|name| ours.contains(name))
                .map(|name| (package, name)),
        );
    }
    arrows
}

#[test]
fn crates_depend_only_along_the_arrows() {
    let metadata = metadata();
    let wrong: Vec<String> = arrows(&metadata)
        .into_iter()
        .filter(|(package, name)| {
            // A crate may use itself in its examples.
            package.name.as_str() != *name
                && allowed(&metadata, package).is_some_and(|allowed| !allowed.contains(name))
        })
        .map(|(package, name)| format!("{} -> {name}", package.name))
        .collect();
    assert!(
        wrong.is_empty(),
        "not among the arrows of architecture: {wrong:?}"
    );
}

#[test]
fn every_crate_has_its_place_in_the_arrows() {
    let metadata = metadata();
    let unknown = metadata
        .packages
        .iter()
        .filter(|package| allowed(&metadata, package).is_none());
    let unknown: Vec<&str> = unknown.map(|package| package.name.as_str()).collect();
    assert!(
        unknown.is_empty(),
        "no rule for {unknown:?}: add one to ARROWS"
    );
}

#[test]
fn the_arrows_that_the_design_draws_exist() {
    let metadata = metadata();
    let drawn = [
        ("proscenium", "proscenium-guest-runtime"),
        ("proscenium", "proscenium-wire"),
        ("proscenium-guest-runtime", "proscenium-wire"),
    ];
    let arrows = arrows(&metadata);
    for (from, to) in drawn {
        assert!(
            arrows
                .iter()
                .any(|(package, name)| package.name.as_str() == from && *name == to),
            "{from} does not depend on {to}: the rules are read from the wrong place"
        );
    }
}
