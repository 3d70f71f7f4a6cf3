//! The catalogue of built-in work types, as `proscenium inspect --work-types`
//! shows it. Owns the form; the contents are the runtime's.

use std::io::{self, Write};

use proscenium_guest_runtime::contract::{Gives, WorkKind};
use serde::Serialize;

/// One work type.
#[derive(Serialize)]
pub(super) struct WorkType {
    name: &'static str,
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

/// Every work type.
pub(super) fn all() -> Vec<WorkType> {
    WorkKind::all().map(WorkType::of).collect()
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
