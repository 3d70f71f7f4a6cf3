//! A new plugin through the real program. Slow: it is built from nothing, with
//! the SDK, in a folder of its own.

use crate::support::Place;

#[test]
fn a_new_plugin_builds_passes_and_its_mistakes_are_shown() {
    let place = Place::new();
    let made = place.run(&["new", "fair-shares"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(
        made.out.contains("proscenium check fair-shares"),
        "{}",
        made.out
    );
    let said = place.run(&["check", "fair-shares"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.starts_with("PASSED  fair-shares 0.1.0"),
        "{}",
        said.out
    );

    let source = place.path().join("fair-shares/src/lib.rs");
    std::fs::write(&source, include_str!("mistakes.rs.in")).unwrap();
    let said = place.run(&["check", "fair-shares"]);
    assert_eq!(said.code, 1, "as it would be in a VM: {said:?}");
    let report = said.out.split("\nMediated").next().unwrap();
    insta::assert_snapshot!("findings", report);

    // What is only odd fails nothing, unless it is denied.
    let odd = ["check", "fair-shares", "--param", "odd=yes"];
    let said = place.run(&odd);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("[dies-with-step]"), "{}", said.out);
    let said = place.run(&[&odd[..], &["--deny-warnings", "--json"]].concat());
    assert_eq!(said.code, 1, "{said:?}");
    let records: Vec<serde_json::Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let finding = records
        .iter()
        .map(|record| &record["event"])
        .find(|event| event["type"] == "finding" && event["kind"] == "dies-with-step")
        .unwrap();
    assert_eq!(finding["op"]["name"], "spawn", "{finding}");
    let ended = &records.last().unwrap()["event"];
    assert_eq!(ended["reasons"][0]["kind"], "findings-denied", "{ended}");
    assert_eq!(ended["exit_code"], 1, "{ended}");

    std::fs::write(&source, "fn broken( {").unwrap();
    let said = place.run(&["check", "fair-shares"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err.contains("src/lib.rs") && said.err.contains("cannot build"),
        "{}",
        said.err
    );
}
