//! Components that are not scenarios of this contract, through every command
//! that takes one. What is no component at all is the affair of the CLI's own
//! tests.

use crate::cli::{Place, Said};
use crate::fixture::{Core, contract};

/// Refused by each command as the list says, by name, before anything runs.
fn refused(attack: &str, place: &Place, file: &str, says: &str) {
    for command in ["inspect", "check", "run"] {
        let said = place.run(&[command, file]);
        said.is_refused_as(attack);
        assert_refused(&said, file, says);
    }
    assert!(!place.path().join("state").exists(), "nothing was run");
}

fn assert_refused(said: &Said, file: &str, says: &str) {
    assert_eq!((said.code, said.out.as_str()), (3, ""), "{said:?}");
    assert!(
        said.err.contains(says) && said.err.contains(file),
        "{}",
        said.err
    );
    assert!(said.err.len() < 4_096, "{} bytes", said.err.len());
    said.is_harmless();
}

/// A folder with the contract after `change`.
pub(crate) fn changed(place: &Place, change: impl Fn(&str) -> String) -> std::path::PathBuf {
    let folder = place.path().join("wit");
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(contract()).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(folder.join(path.file_name().unwrap()), change(&text)).unwrap();
    }
    folder
}

#[test]
fn a_newer_contract_is_refused_and_both_versions_are_named() {
    for version in ["0.1.1", "0.2.0", "1.0.0"] {
        let place = Place::new();
        let newer = changed(&place, |text| {
            text.replace("scenario@0.1.0", &format!("scenario@{version}"))
        });
        let core = Core {
            imports: format!(
                r#"(import "proscenium:scenario/clock@{version}" "elapsed" (func (result i64)))"#
            ),
            ..Core::default()
        };
        let file = place.file("newer.wasm", core.component_of(&newer, version, "plugin"));
        refused(
            "newer-contract",
            &place,
            &file,
            &format!("@{version}, this runtime offers 0.1.0"),
        );
    }
}

#[test]
fn an_interface_that_does_not_exist_is_refused_by_name() {
    let place = Place::new();
    let more = changed(&place, |text| {
        text.replace("interface clock {", "interface wormhole {")
            .replace("import clock;", "import wormhole;")
    });
    let core = Core {
        imports: r#"(import "proscenium:scenario/wormhole@0.1.0" "elapsed" (func (result i64)))"#
            .to_owned(),
        ..Core::default()
    };
    let file = place.file("more.wasm", core.component_of(&more, "0.1.0", "plugin"));
    refused(
        "no-scenario",
        &place,
        &file,
        "unknown interface proscenium:scenario/wormhole@0.1.0",
    );
}

#[test]
fn a_component_with_another_export_is_refused_and_what_it_exports_is_named() {
    let place = Place::new();
    let component = component_that_exports("something-else");
    let file = place.file("other.wasm", component);
    refused(
        "no-scenario",
        &place,
        &file,
        "not a scenario: it exports [\"something-else\"]",
    );
}

#[test]
fn names_as_long_as_a_file_are_not_repeated_at_length() {
    let place = Place::new();
    let name = "n".repeat(100_000);
    let file = place.file("long.wasm", component_that_exports(&name));
    refused("no-scenario", &place, &file, "not a scenario");
}

/// Bytes by hand: an embedded empty instance, exported under `name`.
fn component_that_exports(name: &str) -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    // Section of instances: one, from no exports.
    component.extend([5, 3, 1, 1, 0]);
    // Section of exports: one, of instance 0, without a type.
    let mut export = vec![1, 0];
    leb128(&mut export, name.len());
    export.extend(name.as_bytes());
    export.extend([5, 0, 0]);
    component.push(11);
    leb128(&mut component, export.len());
    component.extend(export);
    component
}

fn leb128(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
}

#[test]
fn a_component_cut_short_anywhere_is_refused() {
    let place = Place::new();
    let whole = Core::default().component();
    for part in 1..8 {
        let file = place.file("cut.wasm", &whole[..whole.len() * part / 8]);
        let said = place.run(&["inspect", &file]);
        said.is_refused_as("cut-short");
    }
}

#[test]
fn a_scenario_whose_run_has_another_type_fails_and_says_so() {
    let place = Place::new();
    let other = changed(&place, |text| {
        text.replace(
            "describe: func() -> manifest;",
            "describe: func() -> manifest; more: func();",
        )
        .replace(
            "default-duration: duration,",
            "default-duration: duration, more: bool,",
        )
    });
    let core = Core {
        more: r#"(func (export "proscenium:scenario/scenario@0.1.0#more"))"#.to_owned(),
        ..Core::default()
    };
    let file = place.file("other.wasm", core.component_of(&other, "0.1.0", "plugin"));
    refused("other-types", &place, &file, "describe");
}

/// WIT has no words for them: two packages, each of which needs the other.
const CIRCLE: &str = r#"
(component
  (type (component
    (type (component
      (import "test:a/j" (instance $j
        (type $record (record (field "x" u32)))
        (export "t" (type (eq $record)))))
      (alias export $j "t" (type $t))
      (import "test:b/i" (instance
        (alias outer 1 $t (type $outer))
        (export "t" (type $inner (eq $outer)))
        (export "f" (func (param "x" $inner)))))))
    (export "test:a/w" (component (type 0)))))
  (export "w" (type 0))
  (@custom "wit-component-encoding" "\04\00"))
"#;

#[test]
fn a_contract_whose_packages_need_each_other_is_refused_by_the_name_of_one() {
    let place = Place::new();
    let contract = wat::parse_str(CIRCLE).unwrap();
    let name = b"component-type:circle";
    let mut section = Vec::new();
    leb128(&mut section, name.len());
    section.extend(name);
    section.extend(contract);
    let mut module = b"\0asm\x01\0\0\0\0".to_vec();
    leb128(&mut module, section.len());
    module.extend(section);
    let file = place.file("circle.wasm", module);
    refused("circular-packages", &place, &file, "package test:");
}
