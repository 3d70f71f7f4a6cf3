//! What a plugin asks for beyond its grant, and the line for each that would
//! allow it. One comparison; refusals and suggestions are both made of it.

use proscenium_wire::{Budget, KernelAccess, Names, Permissions};

use super::number::written;
use super::{Ask, Grant};

/// One thing that is asked for and not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// What is asked for and what is granted, in words.
    pub what: String,
    /// The line of a grant that allows it, and what was allowed before.
    pub line: String,
}

/// Everything in which `ask` goes beyond `grant`, in a fixed order.
pub(super) fn all(grant: &Grant, ask: &Ask) -> Vec<Excess> {
    let granted = &grant.permissions;
    let lists = lists(granted, ask);
    let switches = [
        ("own-work", granted.own_work, ask.own_work),
        ("runner", granted.runner, ask.runner),
        ("deadline", granted.deadline, ask.deadline),
        ("interrupts", granted.interrupts, ask.interrupts),
    ];
    let switches = switches
        .into_iter()
        .filter(|(_, granted, wanted)| *wanted && !granted)
        .map(|(key, ..)| Excess {
            what: format!("{key} is not granted"),
            line: format!("{key} = true"),
        });
    let numbers = [
        (ask.real_time > granted.real_time).then(|| {
            let (wanted, granted) = (ask.real_time, granted.real_time);
            number("real-time", &wanted.to_string(), &granted.to_string())
        }),
        (ask.nice < granted.nice)
            .then(|| number("nice", &ask.nice.to_string(), &granted.nice.to_string())),
        (ask.kernel > granted.kernel).then(|| {
            let word = |access: KernelAccess| format!("\"{}\"", access.as_str());
            number("kernel", &word(ask.kernel), &word(granted.kernel))
        }),
    ];
    let amounts = ask.said().filter_map(|(budget, wanted)| {
        let granted = grant.limits.get(budget);
        (wanted > granted).then(|| amount(budget, wanted, granted))
    });
    lists
        .into_iter()
        .flatten()
        .chain(switches)
        .chain(numbers.into_iter().flatten())
        .chain(amounts)
        .collect()
}

/// What is asked for by name.
fn lists(granted: &Permissions, ask: &Ask) -> [Option<Excess>; 5] {
    let none = Names::default();
    [
        ("capabilities", &granted.capabilities, &ask.capabilities),
        (
            "controllers",
            &granted.controllers,
            ask.controllers.as_ref().unwrap_or(&none),
        ),
        (
            "work-types",
            &granted.work_types,
            ask.work_types.as_ref().unwrap_or(&none),
        ),
        (
            "payloads",
            &granted.payloads,
            ask.payloads.as_ref().unwrap_or(&none),
        ),
        (
            "schedulers",
            &granted.schedulers,
            ask.schedulers.as_ref().unwrap_or(&none),
        ),
    ]
    .map(|(key, granted, wanted)| names(key, granted, wanted))
}

fn names(key: &str, granted: &Names, wanted: &Names) -> Option<Excess> {
    let beyond: Vec<&str> = wanted.iter().filter(|name| !granted.allows(name)).collect();
    if beyond.is_empty() {
        return None;
    }
    Some(Excess {
        what: format!("{key}: {} not granted", beyond.join(", ")),
        line: format!("{key} = {}", list(&granted.with(wanted.iter()))),
    })
}

fn number(key: &str, wanted: &str, granted: &str) -> Excess {
    Excess {
        what: format!("{key}: {wanted} asked for, {granted} granted"),
        line: format!("{key} = {wanted}"),
    }
}

fn amount(budget: Budget, wanted: u64, granted: u64) -> Excess {
    let unit = budget.unit();
    number(
        &format!("limits.{}", budget.key()),
        &written(unit, wanted),
        &written(unit, granted),
    )
}

/// Names as TOML.
pub(super) fn list(names: &Names) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| toml::Value::from(name).to_string())
        .collect();
    format!("[{}]", quoted.join(", "))
}
