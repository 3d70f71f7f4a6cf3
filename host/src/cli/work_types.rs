//! The catalogue of built-in work types, as `proscenium inspect --work-types`
//! shows it. Owns the form; the contents are the runtime's.

use std::io::{self, Write};

use proscenium_guest_runtime::contract::{Gives, WorkKind};
use serde::Serialize;

use crate::error::ExpectedError;

/// One work type.
#[derive(Serialize)]
pub(super) struct WorkType {
    name: &'static str,
    family: &'static str,
    description: &'static str,
    iteration: &'static str,
    work_unit: &'static str,
    /// A number, or a sum of parameters and a number.
    group: String,
    wake_samples: Option<&'static str>,
    cost_samples: Option<&'static str>,
    timer_samples: Option<&'static str>,
    numa_pages: bool,
    parameters: Vec<Parameter>,
}

#[derive(Serialize)]
struct Parameter {
    name: &'static str,
    default: Option<String>,
    range: String,
    help: &'static str,
}

/// The work types of this name or family; of the empty name, all.
///
/// # Errors
///
/// There is none; the families are named.
pub(super) fn named(name: &str) -> Result<Vec<WorkType>, ExpectedError> {
    let chosen = |kind: &&WorkKind| name.is_empty() || [kind.name, kind.family].contains(&name);
    let found: Vec<WorkType> = WorkKind::all().filter(chosen).map(WorkType::of).collect();
    if found.is_empty() {
        let mut families: Vec<&str> = WorkKind::all().map(|kind| kind.family).collect();
        families.dedup();
        let name: String = name.chars().take(64).collect();
        let why = format!("the families are {}", families.join(", "));
        return Err(
            ExpectedError::refused(format!("no work type or family is called {name:?}"))
                .because(why)
                .remedy("`proscenium inspect --work-types` lists all types"),
        );
    }
    Ok(found)
}

/// One block of lines for each, with an empty line between.
pub(super) fn write(types: &[WorkType], out: &mut dyn Write) -> io::Result<()> {
    for (place, one) in types.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        one.write(out)?;
    }
    Ok(())
}

impl WorkType {
    fn of(kind: &WorkKind) -> Self {
        let (wake, cost, timer) = match kind.gives {
            Gives::Counts => (None, None, None),
            Gives::Wakes(what) => (Some(what), None, None),
            Gives::Costs(what) => (None, Some(what), None),
            Gives::Lateness(what) => (None, None, Some(what)),
        };
        Self {
            name: kind.name,
            family: kind.family,
            description: kind.description,
            iteration: kind.iteration,
            work_unit: kind.unit,
            group: kind.group_rule(),
            wake_samples: wake,
            cost_samples: cost,
            timer_samples: timer,
            numa_pages: kind.numa,
            parameters: kind
                .parameters
                .iter()
                .map(|one| Parameter {
                    name: one.name,
                    default: one.default().map(|value| value.to_string()),
                    range: one.range(),
                    help: one.help,
                })
                .collect(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}: {}", self.name, self.description)?;
        if self.group != "1" {
            writeln!(out, "  in groups of {}", self.group)?;
        }
        writeln!(out, "  family {}", self.family)?;
        writeln!(out, "  an iteration is {}", self.iteration)?;
        let samples = [
            ("wake", self.wake_samples),
            ("cost", self.cost_samples),
            ("timer", self.timer_samples),
        ];
        for (kind, what) in samples {
            if let Some(what) = what {
                writeln!(out, "  a {kind} sample is {what}")?;
            }
        }
        if self.numa_pages {
            writeln!(out, "  it reports the NUMA nodes of its pages")?;
        }
        for Parameter {
            name,
            default,
            range,
            help,
        } in &self.parameters
        {
            let default = match default.as_deref() {
                None => "no default".to_owned(),
                Some("") => "all by default".to_owned(),
                Some(value) => format!("default {value}"),
            };
            writeln!(out, "  {name:<15} {help}: {range}, {default}")?;
        }
        Ok(())
    }
}
