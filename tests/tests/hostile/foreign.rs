//! Imports that are not ours: refused, or linked as traps where the operator
//! says so.

use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_wire::DetailKind;

use crate::cli::Place;
use crate::fixture::{Core, contract};
use crate::support;

const IMPORT: &str = "wasi:random/random@0.2.0";

/// A component that imports WASI's random numbers and calls it in `run`, or not.
fn component(place: &Place, calls: bool) -> Vec<u8> {
    let folder = place.path().join(format!("wit-{calls}"));
    let dependency = folder.join("deps/random");
    std::fs::create_dir_all(&dependency).unwrap();
    for entry in std::fs::read_dir(contract()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    std::fs::write(
        folder.join("foreign.wit"),
        format!(
            "package proscenium:scenario@0.1.0;\nworld foreign {{ include plugin; import {IMPORT}; }}"
        ),
    )
    .unwrap();
    std::fs::write(
        dependency.join("random.wit"),
        "package wasi:random@0.2.0;\ninterface random { get-random-u64: func() -> u64; }",
    )
    .unwrap();
    let core = Core {
        imports: format!(r#"(import "{IMPORT}" "get-random-u64" (func $random (result i64)))"#),
        run: if calls { "call $random drop" } else { "" }.to_owned(),
        ..Core::default()
    };
    core.component_of(&folder, "0.1.0", "foreign")
}

#[test]
fn foreign_imports_are_refused_and_the_option_is_named() {
    let place = Place::new();
    let file = place.file("foreign.wasm", component(&place, false));
    for command in ["check", "run"] {
        let said = place.run(&[command, &file]);
        said.is_refused_as("foreign-imports");
        assert!(
            said.err.contains(IMPORT) && said.err.contains("--trap-foreign-imports"),
            "{}",
            said.err
        );
    }
    let said = place.run(&["inspect", &file]);
    assert_eq!(said.code, 0, "shown, not judged: {said:?}");
    assert!(said.out.contains(IMPORT), "{}", said.out);
}

#[test]
fn with_the_option_it_runs_as_long_as_it_calls_none_of_them() {
    let place = Place::new();
    let file = place.file("foreign.wasm", component(&place, false));
    let said = place.run(&["check", &file, "--trap-foreign-imports"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with("PASSED"), "{}", said.out);
    // What the cache has now is not a way around the option.
    assert_eq!(place.run(&["check", &file]).code, 3);
}

#[test]
fn with_the_option_a_call_ends_the_plugin_and_the_import_is_named() {
    let place = Place::new();
    let bytes = component(&place, true);
    let plugin = Plugin::compile(&bytes, Foreign::Trap).unwrap();
    let ended = support::run(&plugin, &support::job(), support::world());
    ended.ends_as("foreign-call");
    ended.failed_with(DetailKind::PluginTrap, IMPORT);
    let file = place.file("foreign.wasm", &bytes);
    let said = place.run(&["check", &file, "--trap-foreign-imports"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains(IMPORT), "{}", said.out);
}
