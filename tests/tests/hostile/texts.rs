//! Text that a terminal, a CI system or a parser of reports would act on, in
//! all three reports.

use serde_json::Value;

use proscenium_tests::layout;

use crate::cli::{Place, Said};
use crate::support::attack;

fn check(place: &Place, more: &[&str]) -> Said {
    let program = layout::program("hostile").display().to_string();
    // It imports everything that there is.
    let granted = ["check", &program, "--profile", "scheduler-control"];
    let said = place.run(&[&granted[..], &["-p", "attack=texts"], more].concat());
    assert_eq!(said.code, 1, "{said:?}");
    said
}

#[test]
fn its_verdict_is_what_it_would_be_without_them() {
    attack("texts");
}

#[test]
fn nothing_on_the_terminal_is_acted_on() {
    let place = Place::new();
    let said = check(&place, &[]);
    assert!(said.out.starts_with("FAILED  hostile"), "{}", said.out);
    assert!(said.err.lines().count() > 50, "the texts were said");
    said.is_harmless();
}

#[test]
fn json_lines_stay_one_event_a_line() {
    let place = Place::new();
    let said = check(&place, &["--json"]);
    let events: Vec<Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let verdicts = |event: &&Value| event["event"]["type"] == "verdict";
    assert_eq!(events.iter().filter(verdicts).count(), 1);
    assert_eq!(events.last().unwrap()["event"]["outcome"], "failed");
    for line in said.out.lines() {
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
        assert!(
            !line.contains("\\u001b") && !line.contains("\\u009b"),
            "{line}"
        );
    }
}

#[test]
fn a_junit_report_has_the_one_case_that_there_was() {
    let place = Place::new();
    let file = place.path().join("junit.xml");
    check(&place, &["--junit", file.to_str().unwrap()]);
    let xml = std::fs::read_to_string(file).unwrap();
    assert_eq!(xml.matches("<testcase ").count(), 1, "{xml}");
    assert_eq!(xml.matches("</testcase>").count(), 1, "{xml}");
    assert!(!xml.contains("name=\"forged\""), "{xml}");
    assert!(!xml.contains("]]>"), "{xml}");
    let controls = |c: char| c.is_control() && c != '\n';
    assert!(!xml.contains(controls), "{xml}");
}
