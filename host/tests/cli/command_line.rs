//! The command line through the real program: help, input, exit codes.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::support::{Place, said};

/// Refused, by the documented table of exit codes.
const REFUSED: i32 = 3;
const COULD_NOT_RUN: i32 = 4;

/// A component that exports nothing.
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// A core module that says nothing of a contract.
const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

#[test]
fn help_of_each_command_is_as_reviewed() {
    let place = Place::new();
    for words in [
        &[][..],
        &["run"],
        &["check"],
        &["inspect"],
        &["audit"],
        &["grant"],
        &["grant", "show"],
        &["grant", "suggest"],
        &["new"],
        &["kernel"],
        &["kernel", "fetch"],
        &["doctor"],
        &["cleanup"],
        &["completions"],
    ] {
        let said = place.run(&[words, &["--help"]].concat());
        assert_eq!(said.code, 0, "{said:?}");
        let name = if words.is_empty() {
            "proscenium".to_owned()
        } else {
            words.join("_")
        };
        insta::assert_snapshot!(format!("help_{name}"), said.out);
    }
}

#[test]
fn wrong_usage_is_refused_with_the_documented_code() {
    let place = Place::new();
    for (words, says) in [
        (&[][..], "Usage"),
        (&["walk"], "unrecognized subcommand 'walk'"),
        (&["check"], "<PLUGIN>"),
        (&["check", "x", "--topology", "2n1l1c1t"], "2n1l1c1t"),
        (&["check", "x", "--topology", "large"], "large"),
        (
            &["check", "x", "--duration", "4"],
            "write it as 500ms, 4s or 2m",
        ),
        (&["check", "x", "--duration", "0s"], "from 1ms to 24h"),
        (&["check", "x", "--param", "workers"], "NAME=VALUE"),
        (&["check", "x", "--check", "fair"], "there is no such check"),
        (&["check", "x", "--workers", "0"], "1..=1024"),
        (&["run", "x", "--memory", "63"], "64..=1048576"),
        (&["run", "x", "--accel", "hvf"], "hvf"),
        (
            &["new", "My_Plugin"],
            "lower-case letters, digits and dashes",
        ),
        (&["completions", "tcsh"], "tcsh"),
        (&["kernel", "fetch", "../x"], "../x"),
        (&["inspect"], "PLUGIN"),
    ] {
        let said = place.run(words);
        assert_eq!(said.code, REFUSED, "{words:?}: {said:?}");
        assert!(said.err.contains(says), "{words:?}: {}", said.err);
        assert_eq!(said.out, "", "{words:?}");
    }
}

#[test]
fn what_is_no_plugin_is_refused_and_the_message_says_why_and_what_to_do() {
    let place = Place::new();
    let empty = place.path().join("folder");
    std::fs::create_dir(&empty).unwrap();
    let huge = place.path().join("huge.wasm");
    std::fs::File::create(&huge)
        .unwrap()
        .set_len((64 << 20) + 1)
        .unwrap();
    let table = [
        (place.file("hello.wasm", "hello"), "not WebAssembly"),
        (place.file("none.wasm", ""), "not WebAssembly"),
        (place.file("text.wat", "(module)"), "wasm-tools parse"),
        (
            place.file("core.wasm", EMPTY_MODULE),
            "a core module, not a component",
        ),
        (
            place.file("component.wasm", EMPTY_COMPONENT),
            "not a scenario",
        ),
        (
            place.file("cut.wasm", &EMPTY_COMPONENT[..6]),
            "invalid component",
        ),
        (
            place.path().join("missing.wasm").display().to_string(),
            "No such file",
        ),
        (empty.display().to_string(), "the folder has no Cargo.toml"),
        (huge.display().to_string(), "larger than 64 MiB"),
        ("/dev/null".to_owned(), "not a regular file"),
    ];
    for (plugin, says) in &table {
        for command in ["inspect", "check", "run"] {
            let said = place.run(&[command, plugin]);
            assert_eq!(said.code, REFUSED, "{command} {plugin}: {said:?}");
            assert!(said.err.contains(says), "{command} {plugin}: {}", said.err);
            assert!(
                said.err.contains(plugin),
                "the message names it: {}",
                said.err
            );
            assert_eq!(said.out, "", "{command} {plugin}");
        }
    }
    assert!(
        !place.path().join("state").exists(),
        "nothing was run, so there is no evidence"
    );
}

#[test]
fn machines_get_a_refusal_as_a_whole_stream() {
    let place = Place::new();
    let plugin = place.file("hello.wasm", "hello");
    let junit = place.path().join("junit.xml");
    let said = place.run(&[
        "check",
        &plugin,
        "--json",
        "--junit",
        junit.to_str().unwrap(),
    ]);
    assert_eq!(said.code, REFUSED);
    let events: Vec<serde_json::Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.first().unwrap()["event"]["type"], "run-started");
    let last = &events.last().unwrap()["event"];
    assert_eq!(
        (&last["type"], &last["outcome"]),
        (&"run-ended".into(), &"refused".into())
    );
    assert!(
        std::fs::read_to_string(junit)
            .unwrap()
            .contains("not WebAssembly")
    );
}

#[test]
fn of_several_plugins_each_is_tried_and_the_worst_decides() {
    let place = Place::new();
    let (a, b) = (place.file("a.wasm", "a"), place.file("b.wasm", "b"));
    let said = place.run(&["check", &a, &b]);
    assert_eq!(said.code, REFUSED);
    assert!(
        said.err.contains(&a) && said.err.contains(&b),
        "{}",
        said.err
    );
}

#[test]
fn completions_are_scripts_that_name_every_command() {
    let place = Place::new();
    for (shell, marker) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef proscenium"),
        ("fish", "complete -c proscenium"),
    ] {
        let said = place.run(&["completions", shell]);
        assert_eq!(said.code, 0);
        assert!(said.out.contains(marker), "{shell}");
        for command in ["run", "check", "inspect", "new", "kernel", "doctor"] {
            assert!(said.out.contains(command), "{shell} {command}");
        }
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = Place::new();
    let mut child = place
        .command(&["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn a_full_standard_output_is_an_error_of_the_machine() {
    let place = Place::new();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = place
        .command(&["completions", "bash"])
        .stdout(full)
        .output()
        .unwrap();
    let said = said(output);
    assert_eq!(said.code, COULD_NOT_RUN);
    assert!(
        said.err.contains("cannot write to standard output"),
        "{}",
        said.err
    );
}

#[test]
fn work_types_are_listed_with_their_parameters() {
    let place = Place::new();
    let text = place.run(&["inspect", "--work-types"]);
    assert_eq!(text.code, 0);
    let json = place.run(&["inspect", "--work-types", "--json"]);
    let types: Vec<serde_json::Value> = serde_json::from_str(&json.out).unwrap();
    assert!(types.iter().any(|kind| kind["name"] == "spin-wait"));
    for kind in &types {
        assert!(text.out.contains(kind["name"].as_str().unwrap()));
    }
}

#[test]
fn one_work_type_or_family_is_listed_by_name_and_others_are_refused() {
    let place = Place::new();
    let listed = |name: &str| -> Vec<String> {
        let said = place.run(&["inspect", "--json", "--work-types", name]);
        assert_eq!(said.code, 0, "{}", said.err);
        let types: Vec<serde_json::Value> = serde_json::from_str(&said.out).unwrap();
        let names = types.iter().map(|kind| kind["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    };
    assert_eq!(listed("bursty"), ["bursty"]);
    let timers = listed("timers");
    assert!(
        timers.len() > 1 && timers.contains(&"bursty".to_owned()),
        "{timers:?}"
    );
    let said = place.run(&["inspect", "--work-types", "spin"]);
    assert_eq!(said.code, REFUSED);
    assert!(
        said.err.contains("families are compute, cache"),
        "{}",
        said.err
    );
}

#[test]
fn kernels_that_are_not_there_cannot_be_removed() {
    let place = Place::new();
    let said = place.run(&["kernel", "remove", "../state"]);
    assert_eq!(said.code, REFUSED);
    assert!(
        said.err.contains("not among the fetched ones"),
        "{}",
        said.err
    );
    assert_eq!(place.run(&["kernel", "list"]).out, "");
}

#[test]
fn a_cache_that_others_can_write_to_is_not_trusted() {
    let place = Place::new();
    let plugins = place.path().join("cache/plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    std::fs::set_permissions(&plugins, PermissionsExt::from_mode(0o777)).unwrap();
    let said = place.run(&["check", &place.file("a.wasm", "a")]);
    assert_eq!(said.code, COULD_NOT_RUN);
    assert!(
        said.err.contains("others than you may write"),
        "{}",
        said.err
    );
}

#[test]
fn new_refuses_to_overwrite() {
    let place = Place::new();
    let file = place.file("precious", "mine");
    let said = place.run(&["new", "mine", "--dir", place.path().to_str().unwrap()]);
    assert_eq!(said.code, REFUSED);
    assert!(said.err.contains("nothing is overwritten"), "{}", said.err);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}
