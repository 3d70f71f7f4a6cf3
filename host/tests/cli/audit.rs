//! `audit` of runs that are over, cut short, or have none.

use crate::support::{Place, Said};

/// A run's directory with these lines in its audit.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn run(place: &Place, name: &str, lines: &str) {
    let dir = place.path().join("state/runs").join(name);
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("audit.jsonl"), lines).unwrap();
}

fn call(function: &str, decision: &str) -> String {
    format!(
        r#"{{"type":"call","at_ns":1500,"duration_ns":2000000,"function":"{function}","decision":"{decision}"}}"#
    )
}

const TOTALS: &str = r#"{"type":"totals","not_recorded":5,"functions":[{"function":"stage.step.hold","done":6,"refused":1,"denied":2,"ended":0,"not_recorded":5,"total_ns":9000000,"max_ns":3000000}]}"#;

fn audit(place: &Place, args: &[&str]) -> Said {
    place.run(&[&["audit"], args].concat())
}

#[test]
fn a_run_is_a_table_a_list_or_json() {
    let place = Place::new();
    let lines = [
        call("stage.step.hold", "done"),
        call("stage.step.hold", "denied"),
        TOTALS.to_owned(),
    ];
    run(&place, "one", &lines.join("\n"));
    let said = audit(&place, &["one"]);
    assert_eq!(said.code, 0, "{said:?}");
    for part in [
        "9 calls of 1 function",
        "stage.step.hold",
        "2.0 ms",
        "3.0 ms",
        "5 more calls",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let said = audit(&place, &["one", "--calls"]);
    let list: Vec<&str> = said.out.lines().collect();
    assert!(
        list[0].contains("1.5 µs") && list[0].ends_with("done"),
        "{list:?}"
    );
    assert!(
        list[1].ends_with("stage.step.hold                 denied"),
        "{list:?}"
    );

    let json = |args: &[&str]| -> serde_json::Value {
        serde_json::from_str(&audit(&place, args).out).unwrap()
    };
    let report = json(&["one", "--json"]);
    assert_eq!(report["functions"][0]["calls"], 9);
    assert_eq!(report["functions"][0]["denied"], 2);
    assert_eq!(
        (&report["complete"], &report["calls"]),
        (&true.into(), &().into())
    );
    assert_eq!(
        json(&["one", "--json", "--calls"])["calls"][1]["decision"],
        "denied"
    );
}

#[test]
fn a_record_that_was_cut_short_says_so_and_what_is_in_it_is_harmless() {
    let place = Place::new();
    let hostile = call("\\u001b[31m::error::x", "done");
    run(
        &place,
        "cut",
        &format!("{hostile}\n{{\"type\":\"call\",\"at_"),
    );
    let said = audit(&place, &["cut"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("there may have been more"),
        "{}",
        said.out
    );
    assert!(said.out.contains("1 line cannot be read"), "{}", said.out);
    for args in [&["cut"][..], &["cut", "--calls"]] {
        let said = audit(&place, args);
        assert!(
            !said.out.contains('\u{1b}') && !said.out.contains("::error"),
            "{said:?}"
        );
    }
}

#[test]
fn a_run_that_is_not_there_or_has_no_audit_is_refused() {
    let place = Place::new();
    let said = audit(&place, &[]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("there is no run latest"), "{}", said.err);
    run(&place, "empty", "");
    let said = audit(&place, &["empty"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("never started"), "{}", said.err);
}
