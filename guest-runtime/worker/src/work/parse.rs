//! From a name and values to a [`Work`]. Both come from plugins: names are
//! shown shortened and escaped, values are checked against the catalogue.

use thiserror::Error;

use super::Work;
use super::kind::{Parameter, WorkKind};
use super::value::{Field, Value};

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
    /// A value outside its range, or of another kind.
    #[error("{parameter} of work type {work} is {value}: it must be {range}")]
    OutOfRange {
        /// The type.
        work: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// What was given, shortened and escaped.
        value: String,
        /// What it can be.
        range: String,
    },
    /// A parameter without a default is missing.
    #[error("work type {work} needs {parameter}: {range}")]
    Missing {
        /// The type.
        work: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// What it can be.
        range: String,
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
    pub(super) values: Vec<(&'static Parameter, Value)>,
}

impl Given<'_> {
    /// What was given for `name`, or its default.
    pub(super) fn field<T: Field>(&self, name: &str) -> T {
        let given = self
            .values
            .iter()
            .find(|(parameter, _)| parameter.name == name)
            .map(|(_, value)| value.clone());
        let default = || self.kind.parameter(name).and_then(Parameter::default);
        T::read(&given.or_else(default).unwrap_or(Value::Number(0)))
    }
}

pub(super) fn parse(name: &str, parameters: &[(String, Value)]) -> Result<Work, WorkError> {
    let kind = WorkKind::find(name).ok_or_else(|| WorkError::UnknownWork {
        name: shown(name),
        known: WorkKind::all()
            .map(|kind| kind.name)
            .collect::<Vec<_>>()
            .join(", "),
    })?;
    if kind.phases && !(1..=WorkKind::MAX_PHASES).contains(&parameters.len()) {
        return Err(WorkError::Phases {
            work: kind.name,
            given: parameters.len(),
            max: WorkKind::MAX_PHASES,
            known: known_parameters(kind),
        });
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
        check(kind, &given, parameter, value)?;
        given.values.push((parameter, value.clone()));
    }
    let is_missing = |parameter: &&Parameter| {
        parameter.default().is_none() && given.values.iter().all(|(given, _)| given != parameter)
    };
    match kind.parameters.iter().find(is_missing) {
        Some(missing) if !kind.phases => Err(WorkError::Missing {
            work: kind.name,
            parameter: missing.name,
            range: missing.range(),
        }),
        _ => Ok((kind.build)(&given)),
    }
}

fn check(
    kind: &WorkKind,
    given: &Given<'_>,
    parameter: &'static Parameter,
    value: &Value,
) -> Result<(), WorkError> {
    if !kind.phases
        && given
            .values
            .iter()
            .any(|(earlier, _)| *earlier == parameter)
    {
        return Err(WorkError::Duplicate {
            work: kind.name,
            parameter: parameter.name,
        });
    }
    if !parameter.allows(value) {
        return Err(WorkError::OutOfRange {
            work: kind.name,
            parameter: parameter.name,
            value: match value {
                Value::Number(number) => number.to_string(),
                Value::Text(text) => format!("\"{}\"", shown(text)),
            },
            range: parameter.range(),
        });
    }
    Ok(())
}

/// `known are a (1 to 2 µs), b (…)`, or that there are none.
fn known_parameters(kind: &WorkKind) -> String {
    if kind.parameters.is_empty() {
        return "it takes none".to_owned();
    }
    let each = kind
        .parameters
        .iter()
        .map(|parameter| format!("{} ({})", parameter.name, parameter.range()));
    format!("known are {}", each.collect::<Vec<_>>().join(", "))
}

/// At most 64 characters of what a stranger wrote, control characters escaped.
fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
