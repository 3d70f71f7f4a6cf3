//! Bytes that cost more than they weigh: compiled by a child with bounds of its
//! own, here smaller ones than an operator's, so that the suite ends today.

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use proscenium::shield::{Bounds, Shield, ShieldError};
use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_tests::attacks::REFUSED;
use proscenium_tests::layout;

use crate::cli::Place;
use crate::fixture::Core;
use crate::support::listed;

fn prepare(component: &[u8], change: impl FnOnce(&mut Bounds)) -> Result<(), ShieldError> {
    let mut bounds = Bounds::default();
    change(&mut bounds);
    let prepared = Shield::of(layout::cli(), bounds).prepare(component);
    prepared.map(drop)
}

/// Loops in loops, in which every local lives on: each loop's head takes all of
/// them, so the compiler's work is their product and the bytes are their sum.
fn bomb(loops: usize, locals: usize) -> Vec<u8> {
    let mut code = String::from("(func (param i32)");
    let _ = write!(code, "(local {})", "i32 ".repeat(locals));
    for _ in 0..loops {
        code.push_str(" loop");
    }
    for local in 1..=locals {
        let _ = write!(
            code,
            " local.get {local} local.get 0 i32.add local.set {local}"
        );
    }
    for depth in 0..loops {
        let _ = write!(code, " local.get {} br_if 0 end", depth % locals);
    }
    code.push(')');
    let core = Core {
        more: code,
        ..Core::default()
    };
    core.component()
}

#[test]
fn a_plugin_that_takes_too_long_to_compile_is_refused_and_the_compiler_ended() {
    assert_eq!(listed("compile-time"), REFUSED);
    let bomb = bomb(400, 2_000);
    assert!(bomb.len() < 64 << 10, "{} bytes", bomb.len());
    let begun = Instant::now();
    let error = prepare(&bomb, |bounds| bounds.cpu = Duration::from_secs(1)).unwrap_err();
    assert!(
        matches!(&error, ShieldError::TooMuch { limit } if limit == "1 s of CPU"),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(60));

    let error = prepare(&bomb, |bounds| bounds.wall = Duration::from_millis(200)).unwrap_err();
    assert!(
        matches!(&error, ShieldError::TooMuch { limit } if limit == "0.2 s"),
        "{error}"
    );
}

#[test]
fn a_plugin_that_takes_too_much_memory_to_compile_is_refused() {
    assert_eq!(listed("compile-memory"), REFUSED);
    let error = prepare(&bomb(400, 2_000), |bounds| bounds.memory_bytes = 96 << 20).unwrap_err();
    assert!(error.to_string().contains("96 MiB of memory"), "{error}");
}

#[test]
fn code_beyond_its_bound_is_not_taken() {
    let error = prepare(&Core::default().component(), |bounds| {
        bounds.code_bytes = 1_000;
    })
    .unwrap_err()
    .to_string();
    // The child or the parent says so, whoever is first.
    assert!(error.contains("1000"), "{error}");
}

/// A component in a component, this deep.
fn nested(depth: usize) -> Vec<u8> {
    let mut inner = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..depth {
        let mut outer = b"\0asm\x0d\0\x01\0".to_vec();
        outer.push(4);
        let mut length = inner.len();
        while length >= 0x80 {
            outer.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        outer.push(u8::try_from(length).unwrap());
        outer.extend(inner);
        inner = outer;
    }
    inner
}

#[test]
fn components_nested_by_the_hundred_are_refused_by_every_command() {
    let place = Place::new();
    for depth in [10, 500] {
        let file = place.file("nested.wasm", nested(depth));
        for command in ["inspect", "check", "run"] {
            let said = place.run(&[command, &file]);
            said.is_refused_as("nested");
        }
    }
    // 240 KB, for which the compiler takes 4 GiB where it can have them.
    let deep = nested(20_000);
    assert!(deep.len() < 256 << 10, "{} bytes", deep.len());
    let error = prepare(&deep, |bounds| bounds.memory_bytes = 256 << 20).unwrap_err();
    assert!(error.to_string().contains("256 MiB of memory"), "{error}");
    // Beside a scenario that is sound, what is nested counts for nothing.
    let mut sound = Core::default().component();
    sound.extend(&nested(100)[8..]);
    let file = place.file("beside.wasm", sound);
    assert_eq!(place.run(&["check", &file]).code, 0);
}

#[test]
fn precompiled_code_is_refused_by_every_command() {
    let plugin = Plugin::compile(&Core::default().component(), Foreign::Refuse).unwrap();
    let place = Place::new();
    let file = place.file("code.wasm", plugin.precompiled().unwrap());
    for command in ["inspect", "check", "run"] {
        let said = place.run(&[command, &file]);
        said.is_refused_as("machine-code");
        assert!(
            said.err.contains("machine code cannot be checked"),
            "{said:?}"
        );
    }
}

#[test]
fn custom_sections_that_are_malformed_are_passed_over() {
    let place = Place::new();
    for name in [
        "name",
        "component-name",
        "producers",
        "component-type:x",
        "\u{1b}[31m",
    ] {
        for content in [&b""[..], b"\xff\xff\xff\xff\xff\xff", &[0x80; 3_000]] {
            let mut component = Core::default().component();
            let mut section = vec![u8::try_from(name.len()).unwrap()];
            section.extend(name.as_bytes());
            section.extend(content);
            component.push(0);
            let length = u32::try_from(section.len()).unwrap();
            component.extend([
                u8::try_from(length & 0x7f).unwrap() | 0x80,
                u8::try_from(length >> 7).unwrap(),
            ]);
            component.extend(section);
            let file = place.file("custom.wasm", component);
            let said = place.run(&["inspect", &file]);
            said.is_passed_over_as("custom-sections");
        }
    }
    // One whose length goes beyond the file is no section.
    let mut component = Core::default().component();
    component.extend([0, 0xff, 0x7f, 4, b'n', b'a', b'm', b'e']);
    let file = place.file("long.wasm", component);
    assert_eq!(place.run(&["inspect", &file]).code, 3);
}

/// What is kept of a plugin is made anew where it was changed, whoever did it.
#[test]
fn an_entry_that_was_changed_cut_or_replaced_is_made_anew() {
    let place = Place::new();
    let file = place.file("fixture.wasm", Core::default().component());
    let other = Core {
        describe: "i32.const 1024 i32.const 1024 i32.load i32.const 1 i32.add i32.store".to_owned(),
        ..Core::default()
    };
    let other = place.file("other.wasm", other.component());
    let inspect = |file: &str| {
        let said = place.run(&["inspect", file]);
        said.is_passed_over_as("changed-cache");
        said.out
    };
    let honest = inspect(&file);
    let folder = place.path().join("cache/plugins");
    let only = |folder: &Path| {
        let mut entries = std::fs::read_dir(folder).unwrap();
        entries.next().unwrap().unwrap().path()
    };
    let entry = only(&folder);
    let whole = std::fs::read(&entry).unwrap();
    assert_eq!(
        folder.metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    std::fs::remove_file(&entry).unwrap();
    assert_ne!(inspect(&other), honest);
    let replaced = std::fs::read(only(&folder)).unwrap();
    let mut changed = whole.clone();
    changed[100] ^= 1;
    let mut facts = whole.clone();
    let at = facts.len() - 40;
    facts[at] ^= 1;
    for bad in [&whole[..whole.len() / 2], &[], &changed, &facts, &replaced] {
        std::fs::write(&entry, bad).unwrap();
        assert_eq!(inspect(&file), honest);
        assert_eq!(std::fs::read(&entry).unwrap(), whole, "made anew");
    }
}
