//! What the fold makes of sound, holed and hostile sequences.

use proptest::prelude::*;

use proscenium_wire::{LogSource, Mark as WireMark, Outcome, SchedulerChange, SchedulerNews};

use super::*;

fn at(phase: u16, elapsed_ms: u32, total_iterations: u64) -> StepMark {
    StepMark {
        phase,
        elapsed_ms,
        total_iterations,
        ..StepMark::default()
    }
}

fn verdict() -> Verdict {
    Verdict {
        outcome: Outcome::Pass,
        details: vec![],
        notes: vec![],
        asserted: true,
        cgroups: vec![],
        phases: vec![],
    }
}

fn tell(events: impl IntoIterator<Item = Event>) -> Vec<RunEvent> {
    let mut timeline = Timeline::new(Bounds::default());
    let mut told: Told = events
        .into_iter()
        .flat_map(|event| timeline.fold(event))
        .collect();
    told.extend(timeline.finish());
    told.into_iter().map(|(_, event)| event).collect()
}

fn endings(events: impl IntoIterator<Item = Event>) -> Vec<StepEnded> {
    let ended = |event| match event {
        RunEvent::StepEnded(step) => Some(step),
        _ => None,
    };
    tell(events).into_iter().filter_map(ended).collect()
}

#[test]
fn s_133_a_steps_rate_is_between_its_own_two_frames() {
    let info = StepInfo {
        index: 1,
        label: Some("half".into()),
        hold_ns: None,
    };
    let steps = endings([
        Event::StepStart(at(1, 0, 0)),
        Event::StepEnd(at(1, 2_000, 4_000)),
        Event::StepInfo(info),
        Event::StepStart(at(2, 2_500, 1_000)),
        Event::StepEnd(at(2, 4_500, 3_000)),
    ]);
    let figures: Vec<_> = steps
        .iter()
        .map(|s| (s.held_ms, s.iterations, s.rate_per_s))
        .collect();
    assert_eq!(
        figures,
        [
            (Some(2_000), Some(4_000), Some(2_000.0)),
            (Some(2_000), Some(2_000), Some(1_000.0))
        ]
    );
    assert_eq!(steps[1].label.as_deref(), Some("half"));
    assert_eq!(steps[0].label, None);
}

#[test]
fn s_101_a_missing_end_frame_is_made_up_for_by_the_scenarios_end() {
    let steps = endings([
        Event::StepStart(at(1, 1_000, 10)),
        Event::ScenarioEnd {
            elapsed_ms: 2_000,
            total_iterations: 110,
        },
    ]);
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].ending, StepEnding::ScenarioEnd);
    assert_eq!(steps[0].rate_per_s, Some(100.0));
}

#[test]
fn s_132_a_step_without_an_end_is_cut_short_and_has_no_rate() {
    for end in [
        Some(Event::StepStart(at(2, 9, 9))),
        Some(Event::Verdict(verdict())),
        Some(Event::End),
        None,
    ] {
        let steps = endings([Event::StepStart(at(1, 0, 0))].into_iter().chain(end));
        assert_eq!(steps[0].ending, StepEnding::CutShort);
        assert_eq!((steps[0].iterations, steps[0].rate_per_s), (None, None));
    }
}

#[test]
fn s_134_and_135_any_one_frame_may_be_missing_and_the_other_steps_figures_stand() {
    let steps = (1..=3_u16).flat_map(|phase| {
        let from = u32::from(phase) * 1_000;
        [
            Event::StepStart(at(phase, from, 0)),
            Event::Resume,
            Event::StepEnd(at(phase, from + 500, 50)),
            Event::Pause,
        ]
    });
    let end = Event::ScenarioEnd {
        elapsed_ms: 3_500,
        total_iterations: 50,
    };
    let sound: Vec<Event> = [Event::ScenarioStart]
        .into_iter()
        .chain(steps)
        .chain([end, Event::Verdict(verdict()), Event::End])
        .collect();
    for missing in 0..sound.len() {
        let mut events = sound.clone();
        let gone = events.remove(missing);
        let hit = match &gone {
            Event::StepStart(mark) => Some(mark.phase),
            // The scenario's end makes up for the last one.
            Event::StepEnd(mark) if mark.phase < 3 => Some(mark.phase),
            _ => None,
        };
        let ended = endings(events);
        assert_eq!(ended.len(), 3, "without {gone:?}");
        for step in ended {
            let rate = (Some(step.phase) != hit).then_some(100.0);
            assert_eq!(
                step.rate_per_s, rate,
                "step {} without {gone:?}",
                step.phase
            );
        }
    }
}

#[test]
fn an_end_without_a_start_is_told_without_figures() {
    let steps = endings([Event::StepEnd(at(3, 500, 70))]);
    assert_eq!(
        (steps[0].phase, steps[0].iterations, steps[0].held_ms),
        (3, None, None)
    );
}

#[test]
fn time_and_counters_that_go_backwards_give_no_rate() {
    let steps = endings([
        Event::StepStart(at(1, 100, 100)),
        Event::StepEnd(at(1, 50, 200)),
        Event::StepStart(at(2, 100, 100)),
        Event::StepEnd(at(2, 100, 200)),
        Event::StepStart(at(3, 100, 100)),
        Event::StepEnd(at(3, 200, 50)),
    ]);
    assert!(steps.iter().all(|step| step.rate_per_s.is_none()));
}

#[test]
fn a_label_is_for_the_step_that_it_names_only() {
    let info = StepInfo {
        index: 7,
        label: Some("other".into()),
        hold_ns: None,
    };
    let told = tell([Event::StepInfo(info), Event::StepStart(at(1, 0, 0))]);
    assert!(matches!(&told[0], RunEvent::StepStarted(step) if step.label.is_none()));
}

#[test]
fn a_second_verdict_and_words_after_the_end_are_damage() {
    let damage = |events: Vec<Event>| {
        tell(events)
            .iter()
            .filter(|e| matches!(e, RunEvent::Damaged { .. }))
            .count()
    };
    assert_eq!(damage(vec![Event::Verdict(verdict()), Event::End]), 0);
    assert_eq!(
        damage(vec![
            Event::Verdict(verdict()),
            Event::Verdict(verdict()),
            Event::End
        ]),
        1
    );
    assert_eq!(
        damage(vec![
            Event::Verdict(verdict()),
            Event::End,
            Event::Pause,
            Event::Pause
        ]),
        1
    );
}

#[test]
fn a_flood_of_log_lines_is_cut_and_said_once() {
    let mut timeline = Timeline::new(Bounds {
        logs: 3,
        ..Bounds::default()
    });
    let line = || Event::Log {
        source: LogSource::Plugin,
        level: LogLevel::Info,
        message: "x".into(),
    };
    let told: Vec<_> = (0..100).flat_map(|_| timeline.fold(line())).collect();
    assert_eq!(told.len(), 4);
    let RunEvent::Log(last) = &told[3].1 else {
        panic!("{told:?}")
    };
    assert!(last.source == Speaker::Host && last.message.contains("left out"));
}

#[test]
fn figures_that_are_no_numbers_become_null_in_json() {
    let fields = vec![("a".to_owned(), f64::NAN), ("b".to_owned(), 1.5)];
    let told = tell([Event::Mark(WireMark {
        at_ns: 1,
        name: "m\n\x1b[2J".into(),
        fields,
    })]);
    let json = serde_json::to_string(&told[0]).unwrap();
    assert_eq!(
        json,
        r#"{"type":"mark","at_ns":1,"name":"m","fields":[["a",null],["b",1.5]]}"#
    );
    assert_eq!(serde_json::from_str::<RunEvent>(&json).unwrap(), told[0]);
}

fn refused(start: u32, reason: String) -> SchedulerNews {
    SchedulerNews {
        start,
        name: reason.clone(),
        at_ns: 0,
        phase: 0,
        change: SchedulerChange::Refused { reason },
    }
}

#[test]
fn a_flood_of_news_of_schedulers_is_cut_and_said_once() {
    let mut timeline = Timeline::new(Bounds {
        schedulers: 3,
        ..Bounds::default()
    });
    let told: Vec<_> = (0..100)
        .flat_map(|start| {
            let bytes = b"last words".to_vec();
            let log = Event::SchedulerLog {
                start,
                bytes,
                dropped: 0,
            };
            let mut told = timeline.fold(log);
            told.extend(timeline.fold(Event::Scheduler(refused(start, "no".into()))));
            told
        })
        .collect();
    assert_eq!(told.len(), 4);
    assert!(matches!(&told[1].1, RunEvent::SchedulerWords(words) if words.lines == ["last words"]));
    assert!(matches!(&told[3].1, RunEvent::Log(log) if log.message.contains("left out")));
}

fn any_event() -> impl Strategy<Value = Event> {
    let mark = || (0u16..4, any::<u32>(), any::<u64>()).prop_map(|(p, e, t)| at(p, e, t));
    prop_oneof![
        mark().prop_map(Event::StepStart),
        mark().prop_map(Event::StepEnd),
        mark().prop_map(Event::Progress),
        (any::<u32>(), any::<Option<String>>()).prop_map(|(index, label)| {
            Event::StepInfo(StepInfo {
                index,
                label,
                hold_ns: None,
            })
        }),
        any::<(u64, u64)>().prop_map(|(elapsed_ms, total_iterations)| Event::ScenarioEnd {
            elapsed_ms,
            total_iterations
        }),
        any::<String>().prop_map(|message| Event::Fault { message }),
        (0u32..3, any::<Vec<u8>>()).prop_map(|(start, bytes)| Event::SchedulerLog {
            start,
            bytes,
            dropped: 0
        }),
        (0u32..3, any::<String>())
            .prop_map(|(start, reason)| { Event::Scheduler(refused(start, reason)) }),
        Just(Event::Verdict(verdict())),
        Just(Event::End),
        Just(Event::Pause),
    ]
}

proptest! {
    #[test]
    fn starts_and_ends_always_pair_and_rates_are_finite(events in prop::collection::vec(any_event(), 0..60)) {
        let mut open = None;
        let mut verdicts = 0;
        for event in tell(events) {
            match event {
                RunEvent::StepStarted(step) => {
                    prop_assert_eq!(open, None);
                    open = Some(step.phase);
                }
                RunEvent::StepEnded(step) => {
                    if open.take().is_none() {
                        prop_assert!(step.iterations.is_none());
                    }
                    prop_assert!(step.rate_per_s.is_none_or(|rate| rate.is_finite() && rate >= 0.0));
                }
                RunEvent::Verdict(_) => verdicts += 1,
                _ => {}
            }
        }
        prop_assert_eq!(open, None);
        prop_assert!(verdicts <= 1);
    }
}
