//! From a name and numbers to a [`Work`]. Both come from plugins: names are
//! shown shortened and escaped, values are checked against the catalogue.

use thiserror::Error;

use super::Work;
use super::catalogue::{Parameter, WorkKind};

/// Why a work type was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WorkError {
    /// No such type.
    #[error("unknown work type \"{name}\": known are {known}")]
    UnknownWork {
        /// What was asked for, shortened and escaped.
        name: String,
        /// Every type's name.
        known: String,
    },
    /// No such parameter of this type.
    #[error("work type {work} has no parameter \"{parameter}\": {known}")]
    UnknownParameter {
        /// The type.
        work: &'static str,
        /// What was given, shortened and escaped.
        parameter: String,
        /// Every parameter's name and range.
        known: String,
    },
    /// A value outside its range.
    #[error("{parameter} of work type {work} is {value}: it must be {min} to {max} {unit}")]
    OutOfRange {
        /// The type.
        work: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// What was given.
        value: u64,
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
        /// Unit of all three.
        unit: &'static str,
    },
    /// A parameter twice.
    #[error("{parameter} of work type {work} is given twice: give it once")]
    Duplicate {
        /// The type.
        work: &'static str,
        /// The parameter.
        parameter: &'static str,
    },
    /// A sequence without phases, or with too many.
    #[error("work type {work} has {given} phases: give 1 to {max} of {known}")]
    Phases {
        /// The type.
        work: &'static str,
        /// How many were given.
        given: usize,
        /// Most that there may be.
        max: usize,
        /// Every phase's name and range.
        known: String,
    },
}

/// Checked values in the order given.
#[derive(Debug)]
pub(super) struct Given<'a> {
    kind: &'a WorkKind,
    pub(super) values: Vec<(&'static Parameter, u64)>,
}

impl Given<'_> {
    /// What was given for `name`, or its default.
    pub(super) fn get(&self, name: &str) -> u64 {
        let given = self
            .values
            .iter()
            .find(|(parameter, _)| parameter.name == name);
        let default = || {
            self.kind
                .parameter(name)
                .and_then(|parameter| parameter.default)
        };
        given
            .map(|(_, value)| *value)
            .or_else(default)
            .unwrap_or_default()
    }
}

pub(super) fn parse(name: &str, parameters: &[(String, u64)]) -> Result<Work, WorkError> {
    let kind = WorkKind::find(name).ok_or_else(|| WorkError::UnknownWork {
        name: shown(name),
        known: WorkKind::ALL
            .iter()
            .map(|kind| kind.name)
            .collect::<Vec<_>>()
            .join(", "),
    })?;
    let phases = |given| WorkError::Phases {
        work: kind.name,
        given,
        max: WorkKind::MAX_PHASES,
        known: known_parameters(kind),
    };
    if kind.phases && !(1..=WorkKind::MAX_PHASES).contains(&parameters.len()) {
        return Err(phases(parameters.len()));
    }
    let mut given = Given {
        kind,
        values: Vec::new(),
    };
    for (name, value) in parameters {
        let parameter = kind
            .parameter(name)
            .ok_or_else(|| WorkError::UnknownParameter {
                work: kind.name,
                parameter: shown(name),
                known: known_parameters(kind),
            })?;
        check(kind, &given, parameter, *value)?;
        given.values.push((parameter, *value));
    }
    Ok((kind.build)(&given))
}

fn check(
    kind: &WorkKind,
    given: &Given<'_>,
    parameter: &Parameter,
    value: u64,
) -> Result<(), WorkError> {
    let Parameter {
        name,
        unit,
        min,
        max,
        ..
    } = *parameter;
    if !kind.phases && given.values.iter().any(|(earlier, _)| earlier.name == name) {
        return Err(WorkError::Duplicate {
            work: kind.name,
            parameter: name,
        });
    }
    if !(min..=max).contains(&value) {
        return Err(WorkError::OutOfRange {
            work: kind.name,
            parameter: name,
            value,
            min,
            max,
            unit,
        });
    }
    Ok(())
}

/// `known are a (1 to 2 µs), b (…)`, or that there are none.
fn known_parameters(kind: &WorkKind) -> String {
    if kind.parameters.is_empty() {
        return "it takes none".to_owned();
    }
    let each = kind.parameters.iter().map(|parameter| {
        let Parameter {
            name,
            unit,
            min,
            max,
            ..
        } = parameter;
        format!("{name} ({min} to {max} {unit})")
    });
    format!("known are {}", each.collect::<Vec<_>>().join(", "))
}

/// At most 64 characters of what a stranger wrote, control characters escaped.
fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Phase, PhaseKind};
    use super::{Work, WorkError, WorkKind};

    fn given(parameters: &[(&str, u64)]) -> Vec<(String, u64)> {
        parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    }

    fn refusal(name: &str, parameters: &[(&str, u64)]) -> String {
        Work::parse(name, &given(parameters))
            .expect_err("it is refused")
            .to_string()
    }

    #[test]
    fn every_type_parses_to_itself_with_each_parameter_at_both_ends() {
        for kind in WorkKind::ALL {
            for end in [0, 1] {
                let ends = kind
                    .parameters
                    .iter()
                    .map(|parameter| [parameter.min, parameter.max][end]);
                let all: Vec<_> = kind
                    .parameters
                    .iter()
                    .map(|p| p.name.to_owned())
                    .zip(ends)
                    .collect();
                let work = Work::parse(kind.name, &all).expect("both ends are in range");
                assert_eq!((work.name(), work.parameters()), (kind.name, all));
            }
        }
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        for kind in WorkKind::ALL.iter().filter(|kind| !kind.phases) {
            let defaults: Vec<_> = kind
                .parameters
                .iter()
                .map(|p| (p.name.to_owned(), p.default.expect("it has one")))
                .collect();
            let work = Work::parse(kind.name, &[]).expect("defaults are in range");
            assert_eq!(work.parameters(), defaults);
        }
    }

    #[test]
    fn an_unknown_type_is_told_every_known_one() {
        let message = refusal("spin\u{1b}wait", &[]);
        assert!(
            message.starts_with("unknown work type \"spin\\u{1b}wait\": known are spin-wait, "),
            "{message}"
        );
        assert!(
            WorkKind::ALL.iter().all(|kind| message.contains(kind.name)),
            "{message}"
        );
    }

    #[test]
    fn a_long_name_is_shortened_in_the_message() {
        assert!(refusal(&"x".repeat(10_000), &[]).len() < 300);
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
    fn a_value_just_outside_its_range_is_refused_with_range_and_unit() {
        for kind in WorkKind::ALL {
            for parameter in kind.parameters {
                let outside = [parameter.min.checked_sub(1), parameter.max.checked_add(1)];
                for value in outside.into_iter().flatten() {
                    let error = Work::parse(kind.name, &given(&[(parameter.name, value)]))
                        .expect_err("refused");
                    assert!(matches!(error, WorkError::OutOfRange { .. }), "{error}");
                    assert!(error.to_string().ends_with(parameter.unit), "{error}");
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
    fn a_sequence_keeps_order_and_repeats() {
        let phases = [("sleep-us", 5), ("spin-us", 7), ("sleep-us", 9)];
        let work = Work::parse("sequence", &given(&phases)).expect("it parses");
        let phase = |kind, us| Phase {
            kind,
            lasts: Duration::from_micros(us),
        };
        let expected = vec![
            phase(PhaseKind::Sleep, 5),
            phase(PhaseKind::Spin, 7),
            phase(PhaseKind::Sleep, 9),
        ];
        assert_eq!(work, Work::Sequence { phases: expected });
    }

    #[test]
    fn a_sequence_needs_a_phase_and_has_a_bound() {
        assert!(
            refusal("sequence", &[])
                .starts_with("work type sequence has 0 phases: give 1 to 32 of ")
        );
        assert!(refusal("sequence", &[("spin-us", 1); 33]).contains("has 33 phases"));
    }

    #[test]
    fn every_demand_is_a_share_and_costs_something() {
        for kind in WorkKind::ALL {
            let minima: Vec<_> = kind
                .parameters
                .iter()
                .map(|p| (p.name.to_owned(), p.min))
                .collect();
            let demand = Work::parse(kind.name, &minima)
                .expect("minima are in range")
                .demand();
            assert!(
                (0.0..=1.0).contains(&demand.cpu_share) && demand.iteration_ns >= 1,
                "{}",
                kind.name
            );
        }
        let bursty = Work::parse("bursty", &given(&[("work-us", 1_000), ("sleep-us", 3_000)]))
            .expect("it parses");
        assert!((bursty.demand().cpu_share - 0.25).abs() < 1e-9);
        assert_eq!(bursty.demand().iteration_ns, 1_000_000);
    }
}
