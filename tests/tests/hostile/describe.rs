//! `describe`: it runs before anything is granted, and may say anything.

use proscenium_guest_runtime::plugin::{CallError, Foreign, Plugin};
use proscenium_wire::Limits;

use crate::cli::Place;
use crate::fixture::{Core, Manifest};
use crate::support::SHORT;

fn describe(core: &Core) -> Result<String, CallError> {
    let plugin = Plugin::compile(&core.component(), Foreign::Refuse).unwrap();
    let limits = Limits {
        compute_ms: SHORT,
        ..Limits::default()
    };
    plugin.describe(&limits).map(|manifest| manifest.name)
}

fn refusal(core: &Core) -> String {
    let error = describe(core).unwrap_err().to_string();
    assert!(error.len() < 2_048, "{} bytes", error.len());
    error
}

fn of(manifest: Manifest) -> Core {
    Core {
        manifest,
        ..Core::default()
    }
}

#[test]
fn a_describe_that_does_not_return_ends_with_its_limits() {
    let table = [
        ("unreachable", "trapped"),
        ("loop $l br $l end", "computing time of 200ms"),
        ("i32.const 2000 memory.grow drop", "hit a limit"),
    ];
    for (body, says) in table {
        let core = Core {
            describe: body.to_owned(),
            ..Core::default()
        };
        let error = refusal(&core);
        assert!(error.contains(says), "{body}: {error}");
        let core = Core {
            start: body.to_owned(),
            ..Core::default()
        };
        let error = refusal(&core);
        assert!(error.contains(says), "start function, {body}: {error}");
    }
}

#[test]
fn a_describe_that_calls_the_host_is_refused_by_name() {
    let core = Core {
        imports: r#"(import "proscenium:scenario/clock@0.1.0" "elapsed"
            (func $elapsed (result i64)))"#
            .to_owned(),
        describe: "call $elapsed drop".to_owned(),
        ..Core::default()
    };
    let error = refusal(&core);
    assert!(error.contains("proscenium:scenario/clock@0.1.0"), "{error}");
    let place = Place::new();
    let file = place.file("calls.wasm", core.component());
    place
        .run(&["inspect", &file])
        .is_refused_as("call-in-describe");
}

#[test]
fn manifests_beyond_their_bounds_are_refused_and_named() {
    let parameter = |name: &[u8], default: &[u8]| [name.to_vec(), default.to_vec(), vec![]];
    let with = |change: fn(&mut Manifest)| {
        let mut manifest = Manifest::default();
        change(&mut manifest);
        manifest
    };
    let table = [
        (with(|m| m.name = vec![]), "lower-case letters"),
        (with(|m| m.name = vec![b'a'; 65]), "lower-case letters"),
        (with(|m| m.name = b"../x".to_vec()), "lower-case letters"),
        (with(|m| m.name = b"a\x1b[31m".to_vec()), "\\u{1b}"),
        (with(|m| m.duration = 0), "1 ms to 24 h"),
        (with(|m| m.duration = u64::MAX), "1 ms to 24 h"),
        (
            Manifest {
                parameters: vec![parameter(b"a", b""); 65],
                ..Manifest::default()
            },
            "65 parameters, 64 is the most",
        ),
        (
            Manifest {
                parameters: vec![parameter(b"a", b""); 2],
                ..Manifest::default()
            },
            "is there twice",
        ),
        (
            Manifest {
                parameters: vec![parameter(b"A", b"")],
                ..Manifest::default()
            },
            "lower-case letters",
        ),
        (
            Manifest {
                parameters: vec![parameter(b"a", &[b'x'; 1_025])],
                ..Manifest::default()
            },
            "over 1024 bytes",
        ),
    ];
    for (manifest, says) in table {
        let error = refusal(&of(manifest));
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn manifests_that_do_not_decode_are_refused() {
    let forged = |words: &[(usize, u32)]| Manifest {
        forged: words.to_vec(),
        ..Manifest::default()
    };
    let (summary, parameters) = (Manifest::SUMMARY, Manifest::PARAMETERS);
    let table = [
        (
            Manifest {
                summary: vec![0xff, 0xfe],
                ..Manifest::default()
            },
            "utf-8",
        ),
        (forged(&[(summary, u32::MAX - 8)]), "out of bounds"),
        (forged(&[(summary + 4, u32::MAX)]), "out of bounds"),
        (forged(&[(parameters + 4, u32::MAX)]), "out of bounds"),
        (forged(&[(Manifest::MIN_KERNEL, 7)]), "discriminant"),
    ];
    for (manifest, says) in table {
        let error = refusal(&of(manifest));
        assert!(error.contains(says), "{error}");
    }
    // Any byte but 0 is true, says the component model.
    let odd = forged(&[(Manifest::SMT, 0x0101_0107)]);
    assert_eq!(describe(&of(odd)), Ok("fixture".to_owned()));
}

#[test]
fn requests_out_of_range_are_refused() {
    let asks = |at: usize, value: u32| Manifest {
        forged: vec![
            (Manifest::REQUEST + at, 1),
            (Manifest::REQUEST + at + 4, value),
        ],
        ..Manifest::default()
    };
    for (manifest, says) in [
        (asks(40, 0), "real-time priority"),
        (asks(40, 100), "real-time priority"),
        (asks(52, 1), "nice value"),
        (asks(52, i32::MIN.cast_unsigned()), "nice value"),
    ] {
        let error = refusal(&of(manifest));
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(describe(&of(asks(40, 99))), Ok("fixture".to_owned()));
}

#[test]
fn a_manifest_of_megabytes_is_not_copied() {
    let manifest = Manifest {
        summary: vec![b'x'; 2 << 20],
        ..Manifest::default()
    };
    let error = refusal(&of(manifest));
    assert!(error.contains("fuel allocated for hostcalls"), "{error}");
}

#[test]
fn long_lines_are_cut_and_escapes_do_not_reach_a_terminal() {
    let place = Place::new();
    let core = of(Manifest {
        version: b"1\x1b[31m\n::error::x".to_vec(),
        summary: [&b"\x1b]0;title\x07"[..], &[b's'; 100_000]].concat(),
        parameters: vec![[
            b"a".to_vec(),
            b"\x1b[2J\n::error::x".to_vec(),
            b"help\n::error::x".to_vec(),
        ]],
        ..Manifest::default()
    });
    let file = place.file("cut.wasm", core.component());
    for arguments in [&["inspect", &file][..], &["check", &file]] {
        let said = place.run(arguments);
        said.is_passed_over_as("describe-escapes");
        assert!(said.out.len() < 8_000, "{} bytes", said.out.len());
    }
}

/// A component has no entropy before it runs: told apart are only calls within
/// one instance, and each question gets an instance of its own.
#[test]
fn a_describe_that_changes_its_mind_is_always_asked_for_the_first_time() {
    let fickle = Core {
        // Each call gives the name without one more of its first letters.
        describe: "i32.const 1024 i32.const 1024 i32.load i32.const 1 i32.add i32.store
            i32.const 1028 i32.const 1028 i32.load i32.const 1 i32.sub i32.store"
            .to_owned(),
        run: "call $describe drop".to_owned(),
        ..Core::default()
    };
    let plugin = Plugin::compile(&fickle.component(), Foreign::Refuse).unwrap();
    for _ in 0..3 {
        let manifest = plugin.describe(&Limits::default()).unwrap();
        assert_eq!(manifest.name, "ixture");
    }
    let place = Place::new();
    let file = place.file("fickle.wasm", fickle.component());
    assert!(place.run(&["inspect", &file]).out.starts_with("ixture "));
    let said = place.run(&["check", &file]);
    said.is_passed_over_as("describe-lies");
    assert!(said.out.starts_with("PASSED  ixture "), "{said:?}");
}

#[test]
fn the_cli_refuses_each_with_its_documented_code() {
    let place = Place::new();
    let endless = Core {
        describe: "loop $l br $l end".to_owned(),
        ..Core::default()
    };
    let endless = place.file("endless.wasm", endless.component());
    let unnamed = of(Manifest {
        name: vec![],
        ..Manifest::default()
    });
    let unnamed = place.file("unnamed.wasm", unnamed.component());
    for (attack, file, says) in [
        ("describe-loop", endless, "computing time of 2s"),
        ("describe-manifest", unnamed, "name \"\""),
    ] {
        let said = place.run(&["inspect", &file]);
        said.is_refused_as(attack);
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{said:?}");
        assert!(
            said.err.contains(says) && said.err.contains(&file),
            "{}",
            said.err
        );
    }
}
