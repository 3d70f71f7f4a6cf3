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
    std::fs::write(&source, "fn broken( {").unwrap();
    let said = place.run(&["check", "fair-shares"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err.contains("src/lib.rs") && said.err.contains("cannot build"),
        "{}",
        said.err
    );
}
