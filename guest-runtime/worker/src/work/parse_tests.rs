//! What holds for every entry of the catalogue, and what refusals say.

use std::time::Duration;

use super::super::kind::{Parameter, Takes};
use super::super::{Demand, Directory, Phase, PhaseKind, Sequence};
use super::{Value, Work, WorkError, WorkKind};

fn given<V: Clone + Into<Value>>(parameters: &[(&str, V)]) -> Vec<(String, Value)> {
    parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        .collect()
}

fn refusal<V: Clone + Into<Value>>(name: &str, parameters: &[(&str, V)]) -> String {
    Work::parse(name, &given(parameters))
        .expect_err("it is refused")
        .to_string()
}

/// Values at the two ends of what a parameter can be.
fn ends(parameter: &Parameter) -> [Value; 2] {
    match parameter.takes {
        Takes::Number { min, max, .. } => [min.into(), max.into()],
        Takes::OneOf(words) => [words[0].into(), words[words.len() - 1].into()],
        Takes::Nodes => ["".into(), "0,63".into()],
        Takes::Cgroups(most) => ["a".into(), vec!["a/b"; most].join(",").as_str().into()],
    }
}

/// Every parameter of a type at one of its ends.
fn all_at(kind: &WorkKind, end: usize) -> Vec<(String, Value)> {
    kind.parameters
        .iter()
        .map(|parameter| (parameter.name.to_owned(), ends(parameter)[end].clone()))
        .collect()
}

/// What must be given, and nothing else.
fn least(kind: &WorkKind) -> Vec<(String, Value)> {
    let mut all = all_at(kind, 0);
    if !kind.phases {
        all.retain(|(name, _)| kind.parameter(name).is_some_and(|p| p.default().is_none()));
    }
    all
}

#[test]
fn names_are_all_different() {
    let mut names: Vec<_> = WorkKind::all().map(|kind| kind.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), count), (44, 44));
}

#[test]
fn every_type_parses_to_itself_with_each_parameter_at_both_ends() {
    for kind in WorkKind::all() {
        for end in [0, 1] {
            let all = all_at(kind, end);
            let work = Work::parse(kind.name, &all).expect("both ends are in range");
            assert_eq!((work.name(), work.parameters()), (kind.name, all));
        }
    }
}

#[test]
fn what_is_not_given_has_its_default() {
    for kind in WorkKind::all().filter(|kind| !kind.phases) {
        let work = Work::parse(kind.name, &least(kind)).expect("defaults are in range");
        for (name, value) in work.parameters() {
            let default = kind.parameter(&name).and_then(Parameter::default);
            assert_eq!(value, default.unwrap_or("a".into()), "{} {name}", kind.name);
        }
    }
}

#[test]
fn an_unknown_type_is_told_every_known_one() {
    let message = refusal::<u64>("spin\u{1b}wait", &[]);
    assert!(
        message.starts_with("unknown work type \"spin\\u{1b}wait\": known are spin-wait, "),
        "{message}"
    );
    assert!(
        WorkKind::all().all(|kind| message.contains(kind.name)),
        "{message}"
    );
}

#[test]
fn what_a_stranger_wrote_is_shortened_in_the_message() {
    assert!(refusal::<u64>(&"x".repeat(10_000), &[]).len() < 1_000);
    let long = "x".repeat(10_000);
    assert!(refusal("wake-chain", &[("through", long.as_str())]).len() < 200);
}

#[test]
fn an_unknown_parameter_is_told_every_known_one() {
    assert_eq!(
        refusal("cache-pressure", &[("size", 1)]),
        "work type cache-pressure has no parameter \"size\": \
         known are size-kib (4 to 262144 KiB), stride (8 to 4096 bytes)"
    );
    assert_eq!(
        refusal("fork-exit", &[("n", 1)]),
        "work type fork-exit has no parameter \"n\": it takes none"
    );
}

#[test]
fn a_value_just_outside_its_range_or_of_another_kind_is_refused_with_the_range() {
    for kind in WorkKind::all() {
        for parameter in kind.parameters {
            let wrong: Vec<Value> = match parameter.takes {
                Takes::Number { min, max, .. } => {
                    let outside = [min.checked_sub(1), max.checked_add(1)];
                    let outside = outside.into_iter().flatten().map(Value::from);
                    outside.chain(["1".into()]).collect()
                }
                Takes::OneOf(_) => vec!["".into(), "Normal".into(), 0.into()],
                Takes::Nodes => vec!["64".into(), "a".into(), 0.into()],
                Takes::Cgroups(most) => {
                    let many = vec!["a"; most + 1].join(",");
                    vec!["".into(), many.as_str().into(), 1.into()]
                }
            };
            for value in wrong {
                let error = Work::parse(kind.name, &[(parameter.name.to_owned(), value)])
                    .expect_err("refused");
                assert!(matches!(error, WorkError::OutOfRange { .. }), "{error}");
                assert!(error.to_string().ends_with(&parameter.range()), "{error}");
            }
        }
    }
}

#[test]
fn a_parameter_given_twice_is_refused() {
    assert_eq!(
        refusal("mixed", &[("spins", 1), ("spins", 1)]),
        "spins of work type mixed is given twice: give it once"
    );
}

#[test]
fn a_parameter_without_a_default_must_be_given() {
    assert_eq!(
        refusal::<u64>("cgroup-attach-storm", &[]),
        "work type cgroup-attach-storm needs cgroup: the name of a cgroup of the scenario"
    );
}

#[test]
fn a_sequence_keeps_order_and_repeats() {
    let phases = [("sleep-us", 5), ("spin-us", 7), ("sleep-us", 9)];
    let work = Work::parse("sequence", &given(&phases)).expect("it parses");
    let phase = |kind, us| Phase {
        kind,
        lasts: Duration::from_micros(us),
    };
    let phases = vec![
        phase(PhaseKind::Sleep, 5),
        phase(PhaseKind::Spin, 7),
        phase(PhaseKind::Sleep, 9),
    ];
    assert_eq!(work, Work::Sequence(Sequence { phases }));
}

#[test]
fn a_sequence_needs_a_phase_and_has_a_bound() {
    assert!(
        refusal::<u64>("sequence", &[])
            .starts_with("work type sequence has 0 phases: give 1 to 32 of ")
    );
    assert!(refusal("sequence", &[("spin-us", 1); 33]).contains("has 33 phases"));
}

#[test]
fn groups_are_as_large_as_parameters_say() {
    let size = |name, parameters: &[(&str, u64)]| {
        let work = Work::parse(name, &given(parameters)).expect("it parses");
        let rule = work.kind().expect("it is in the catalogue").group_rule();
        (work.group_size(), rule)
    };
    let rule = |size: u32, rule: &str| (size, rule.to_owned());
    assert_eq!(size("spin-wait", &[]), rule(1, "1"));
    assert_eq!(size("pipe-io", &[]), rule(2, "2"));
    assert_eq!(size("futex-fan-out", &[]), rule(5, "fan + 1"));
    assert_eq!(size("fan-out-compute", &[("fan", 2)]), rule(3, "fan + 1"));
    assert_eq!(
        size("mutex-contention", &[("contenders", 3)]),
        rule(3, "contenders")
    );
    assert_eq!(size("thundering-herd", &[]), rule(8, "waiters + 1"));
    assert_eq!(size("wake-chain", &[("depth", 6)]), rule(6, "depth"));
    assert_eq!(size("preempt-storm", &[]), rule(3, "normal + 1"));
    assert_eq!(
        size("priority-inversion", &[("low", 4)]),
        rule(6, "high + medium + low")
    );
    assert_eq!(size("rt-starvation", &[]), rule(2, "rt + normal"));
}

#[test]
fn directories_are_the_own_one_first_and_then_those_that_are_named() {
    let parse =
        |name, cgroups: &[(&str, &str)]| Work::parse(name, &given(cgroups)).expect("it parses");
    let churn = parse("cgroup-churn", &[("cgroups", "a, b/c")]);
    assert_eq!(
        churn.directories(),
        [
            Directory::Own,
            Directory::Named("a"),
            Directory::Named("b/c")
        ]
    );
    let storm = parse("cgroup-attach-storm", &[("cgroup", "x")]);
    assert_eq!(storm.directories(), [Directory::Named("x")]);
    let cross = parse("cross-affinity-churn", &[]);
    assert_eq!(cross.directories(), [Directory::Own]);
    assert!(parse("fork-exit", &[]).directories().is_empty());
}

#[test]
fn every_demand_is_a_share_and_costs_something() {
    for kind in WorkKind::all() {
        for parameters in [least(kind), all_at(kind, 0), all_at(kind, 1)] {
            let Demand {
                cpu_share,
                iteration_ns,
            } = Work::parse(kind.name, &parameters)
                .expect("it is in range")
                .demand();
            assert!(
                (0.0..=1.0).contains(&cpu_share) && iteration_ns >= 1,
                "{}: {cpu_share} {iteration_ns}",
                kind.name
            );
        }
    }
    let bursty = given(&[("work-us", 1_000), ("sleep-us", 3_000)]);
    let demand = Work::parse("bursty", &bursty).expect("it parses").demand();
    assert!((demand.cpu_share - 0.25).abs() < 1e-9);
    assert_eq!(demand.iteration_ns, 1_000_000);
}
