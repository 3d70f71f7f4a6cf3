//! G. Holds, as far as no scheduler is needed.

use nix::errno::Errno;
use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::stage::HoldOutcome;
use proscenium_guest_runtime::contract::types::{ErrorCode, HoldSpec};
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::world::simulated::{Effect, Simulated};
use proscenium_wire::{DetailKind, Event, Outcome};
use std::time::Duration;

use crate::support::{MS, Rig, def, ms, nothing, step};

fn marks(events: &[Event]) -> Vec<(u32, u32)> {
    let start = |event: &Event| match event {
        Event::StepStart(mark) => Some(mark.elapsed_ms),
        _ => None,
    };
    let end = |event: &Event| match event {
        Event::StepEnd(mark) => Some(mark.elapsed_ms),
        _ => None,
    };
    events
        .iter()
        .filter_map(start)
        .zip(events.iter().filter_map(end))
        .collect()
}

#[test]
fn s_102_fractions_are_of_the_duration_and_all_is_clipped_to_the_end() {
    let steps = vec![
        step(vec![], vec![], HoldSpec::Fraction(0.25)),
        step(vec![], vec![], ms(100)),
        step(vec![], vec![], HoldSpec::Fraction(1.0)),
        step(vec![], vec![], ms(100)),
    ];
    let ended = Rig::new().execute(nothing(), steps);
    assert_eq!(
        marks(&ended.events),
        [(0, 250), (250, 350), (350, 1000), (1000, 1000)]
    );
}

#[test]
fn s_103_a_zero_hold_returns_at_once() {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    assert_eq!(rig.stage.hold(id, &ms(0)).unwrap(), HoldOutcome::Elapsed(0));
}

#[test]
fn s_075_bad_holds_are_refused_with_the_steps_index() {
    for bad in [
        HoldSpec::Fraction(0.0),
        HoldSpec::Fraction(-1.0),
        HoldSpec::Fraction(1.5),
        HoldSpec::Fraction(f64::NAN),
        HoldSpec::Fraction(f64::INFINITY),
        HoldSpec::Repeat(0),
    ] {
        let good = || step(vec![def("a")], vec![], ms(1));
        let plan = vec![good(), good(), good(), step(vec![], vec![], bad)];
        let error = Rig::new().refused(nothing(), plan);
        assert!(error.contains("step 3"), "{error}");
    }
}

#[test]
fn s_088_a_repeat_sets_up_once_and_repeats_its_ops() {
    let ops = vec![Op::AddCgroup("t".into()), Op::RemoveCgroup("t".into())];
    let plan = vec![step(vec![def("a")], ops, HoldSpec::Repeat(100 * MS))];
    let ended = Rig::new().execute(nothing(), plan);
    let lines = ended.log.lines();
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("create \"t\""), 10);
    assert_eq!(count("create \"a\""), 1);
    assert_eq!(
        ended.markers(),
        ["start", "step-start", "resume", "step-end", "pause", "end"]
    );
}

#[test]
fn s_089_a_repeat_ends_with_the_scenario() {
    let plan = vec![step(vec![], vec![], HoldSpec::Repeat(300 * MS))];
    let ended = Rig::new().execute(nothing(), plan);
    assert_eq!(marks(&ended.events), [(0, 1000)]);
    // One that starts when the time is over runs its ops zero times.
    let plan = vec![
        step(vec![], vec![], HoldSpec::Fraction(1.0)),
        step(
            vec![],
            vec![Op::AddCgroup("never".into())],
            HoldSpec::Repeat(MS),
        ),
    ];
    let ended = Rig::new().execute(nothing(), plan);
    assert!(!ended.log.lines().iter().any(|line| line.contains("never")));
}

#[test]
fn s_109_without_a_scheduler_a_hold_is_a_plain_wait() {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    assert_eq!(
        rig.stage.hold(id, &ms(300)).unwrap(),
        HoldOutcome::Elapsed(300 * MS)
    );
    assert_eq!(
        rig.lines()
            .iter()
            .filter(|line| line.starts_with("wait"))
            .count(),
        1,
        "one wait, no polling"
    );
}

#[test]
fn s_113_a_cancelled_hold_ends_then_and_the_verdict_says_so() {
    let world = Simulated::new(Machine::uniform(1, 1, 2, 1))
        .cancelled_at(Duration::from_millis(300), "interrupted by the user");
    let mut rig = Rig::with(world, |_| {});
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("a")]).unwrap();
    let error = rig.stage.hold(id, &ms(900)).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Cancelled));
    assert_eq!(
        rig.stage.apply(id, &[]).unwrap_err().code(),
        Some(ErrorCode::Cancelled)
    );
    let ended = rig.close();
    assert_eq!(ended.verdict.outcome, Outcome::Inconclusive);
    assert!(
        ended
            .verdict
            .details
            .iter()
            .any(|d| d.kind == DetailKind::Cancelled)
    );
    assert_eq!(
        ended.markers(),
        ["start", "step-start", "resume", "pause"],
        "no step end, no end frame"
    );
    ended.position("remove \"a\"");
}

#[test]
fn s_108_a_hold_that_cannot_wait_is_a_defect_of_the_environment() {
    let broken = || {
        let rig = Rig::new();
        rig.fail(Errno::EMFILE, |effect| {
            matches!(effect, Effect::Wait { .. })
        });
        rig
    };
    let mut rig = broken();
    let id = rig.stage.begin(None).unwrap();
    let error = rig.stage.hold(id, &ms(1)).unwrap_err();
    assert_eq!(error.code(), None, "not the plugin's to handle");
    let text = error.to_string();
    for word in ["wait on", "Too many open files", "please report it"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    // A whole plan ends with it as well, and is torn down.
    let mut rig = broken();
    let plan = step(vec![def("a")], vec![], ms(1));
    let error = rig.stage.execute(&nothing(), &[plan]).unwrap_err();
    assert_eq!(error.code(), None);
    let ended = rig.close();
    assert_eq!(ended.markers(), ["start", "step-start", "resume", "pause"]);
    ended.position("remove \"a\"");
}
