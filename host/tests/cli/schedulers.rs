//! Schedulers under test through the real program, as far as nothing boots.

#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's own helpers is a failed test"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::support::{Place, SUFFICIENT, Said, example};

/// Refused, by the documented table of exit codes.
const REFUSED: i32 = 3;

/// A program that is certainly there: this one.
fn loader(place: &Place, name: &str, mode: u32, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = fs::read(std::env::current_exe().unwrap()).unwrap();
    change(&mut bytes);
    let path = place.file(name, bytes);
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn refused(said: &Said, says: &str) {
    assert_eq!(said.code, REFUSED, "{said:?}");
    assert!(said.err.contains(says), "{says}: {said:?}");
}

#[test]
fn what_cannot_load_a_scheduler_is_refused_before_anything_boots() {
    let place = Place::new();
    let steady = example("steady");
    let script = place.file("script", "#!/bin/sh\nexec scx_simple\n");
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    for (path, says) in [
        (
            "/nowhere/scx".to_owned(),
            "there is no program /nowhere/scx",
        ),
        (place.path().display().to_string(), "it is a folder"),
        (
            loader(&place, "plain", 0o644, |_| {}),
            "it is not executable",
        ),
        (
            loader(&place, "arm", 0o755, |bytes| bytes[18] = 183),
            "it is for another processor",
        ),
        (
            loader(&place, "cut", 0o755, |bytes| bytes.truncate(200)),
            "cannot run in the guest",
        ),
        (script, "it is a script"),
    ] {
        let said = place.run(&["run", &steady, "--scheduler", &format!("s={path}")]);
        refused(&said, says);
        assert!(said.err.contains(&path), "the file is named: {said:?}");
    }
    assert!(
        !place.path().join("state").exists(),
        "nothing was run, so there is no evidence"
    );
}

#[test]
fn a_file_of_schedulers_that_is_not_in_order_is_refused_with_the_place() {
    let place = Place::new();
    let steady = example("steady");
    let entry = "[[scheduler]]\nname = \"a\"\nbinary = \"/a\"\n";
    for (text, says) in [
        (format!("{entry}colour = 1\n"), "colour"),
        (format!("{entry}ready = \"1h\"\n"), "from 100ms to 10m"),
        (format!("{entry}{entry}"), "declared twice"),
        ("[[payload]]\n".to_owned(), "payload"),
        ("[[scheduler]\n".to_owned(), "schedulers.toml"),
    ] {
        let file = place.file("schedulers.toml", text);
        let said = place.run(&["check", &steady, "--schedulers", &file]);
        refused(&said, says);
    }
    let said = place.run(&["check", &steady, "--schedulers", "/nowhere.toml"]);
    refused(&said, "/nowhere.toml");
}

#[test]
fn the_kernel_of_this_machine_gets_no_scheduler() {
    let place = Place::new();
    let local = ["run", &example("steady"), "--local"];
    for more in [
        &["--scheduler", "a=/a"][..],
        &["--schedulers", "x.toml"],
        &["--attach", "none"],
    ] {
        let said = place.run(&[&local, more].concat());
        refused(&said, "not a scenario's to change");
    }
}

#[test]
fn a_kernel_without_sched_ext_is_refused_and_the_option_and_the_way_out_are_named() {
    let place = Place::new();
    let image = place.file("vmlinuz", "not looked at");
    let scheduler = format!("s={}", loader(&place, "scx", 0o755, |_| {}));
    let with = |command: &str| {
        let plugin = example("steady");
        let args = [
            command,
            &plugin,
            "--kernel",
            &image,
            "--scheduler",
            &scheduler,
        ];
        place.run(&args)
    };
    place.file("config", SUFFICIENT);
    for command in ["run", "check"] {
        let said = with(command);
        assert_eq!(said.code, REFUSED, "{command}: {said:?}");
        for text in ["CONFIG_SCHED_CLASS_EXT", "proscenium kernel fetch"] {
            assert!(said.out.contains(text), "{command}: {text}: {said:?}");
        }
    }
    place.file("config", format!("{SUFFICIENT}CONFIG_SCHED_CLASS_EXT=y\n"));
    let said = with("check");
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn check_takes_declared_names_and_says_which_scheduler_is_attached() {
    let place = Place::new();
    let check = |more: &[&str]| {
        let plugin = example("steady");
        let two = ["--scheduler", "a=/nowhere/a", "--scheduler", "b=/nowhere/b"];
        place.run(&[&["check", &plugin, "--json"][..], &two, more].concat())
    };
    for (more, attached) in [
        (&[][..], Value::from("a")),
        (&["--attach", "b"], Value::from("b")),
        (&["--attach", "none"], Value::Null),
    ] {
        let said = check(more);
        assert_eq!(said.code, 0, "{said:?}");
        let first: Value = serde_json::from_str(said.out.lines().next().unwrap()).unwrap();
        assert_eq!(first["event"]["scheduler"], attached);
        assert_eq!(first["event"]["schedulers"], serde_json::json!(["a", "b"]));
    }
    let said = check(&["--attach", "c"]);
    refused(&said, "cannot attach scheduler \"c\"");
    assert!(said.err.contains("there are a, b"), "{said:?}");
}
