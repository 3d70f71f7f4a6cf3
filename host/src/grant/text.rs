//! Grants as text: the lines that would allow what was refused, a whole grant
//! as a file, and one line for people.

use std::fmt::Write;

use proscenium_wire::{Budget, KernelAccess, OnDenied};

use super::excess::list;
use super::number::written;
use super::{Excess, Grant};

/// What a grant file needs for one plugin: its section with these lines.
#[must_use]
pub fn lines(plugin: &str, excesses: &[Excess]) -> String {
    let lines = excesses.iter().map(|excess| excess.line.as_str());
    let header = format!("[plugin.{plugin}]");
    [header.as_str()]
        .into_iter()
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}

/// All of a grant as a grant file, so that it can be compared and used again.
#[must_use]
pub fn in_force(grant: &Grant) -> String {
    let what = &grant.permissions;
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key} = {value}");
    };
    for (key, names) in [
        ("capabilities", &what.capabilities),
        ("controllers", &what.controllers),
        ("work-types", &what.work_types),
        ("payloads", &what.payloads),
        ("schedulers", &what.schedulers),
    ] {
        line(key, list(names));
    }
    for (key, on) in [
        ("own-work", what.own_work),
        ("runner", what.runner),
        ("deadline", what.deadline),
        ("interrupts", what.interrupts),
    ] {
        line(key, on.to_string());
    }
    line("real-time", what.real_time.to_string());
    line("nice", what.nice.to_string());
    line("kernel", format!("\"{}\"", what.kernel.as_str()));
    line("denied", format!("\"{}\"", what.denied.as_str()));
    for budget in Budget::ALL {
        let amount = written(budget.unit(), grant.limits.get(budget));
        line(&format!("limits.{}", budget.key()), amount);
    }
    text
}

/// The numbers of a grant and its privileges, in one line.
#[must_use]
pub fn summary(grant: &Grant) -> String {
    let (what, most) = (&grant.permissions, &grant.limits);
    let amount = |budget: Budget| written(budget.unit(), most.get(budget)).replace('"', "");
    let mut words = vec![
        format!("{} cgroups", most.cgroups),
        format!("{} workers", most.workers),
        format!("{} of computing", amount(Budget::Compute)),
        format!("{} of memory", amount(Budget::Memory)),
        format!("{} in all", amount(Budget::Duration)),
    ];
    let privileges = [
        (what.real_time > 0).then(|| format!("real-time priority {}", what.real_time)),
        what.deadline.then(|| "the deadline policy".to_owned()),
        (what.nice < 0).then(|| format!("nice {}", what.nice)),
        what.runner.then(|| "load beside the runtime".to_owned()),
        what.interrupts.then(|| "interrupts".to_owned()),
        (!what.schedulers.is_empty()).then(|| "control of schedulers".to_owned()),
        (what.kernel > KernelAccess::None)
            .then(|| format!("kernel memory ({})", what.kernel.as_str())),
        (what.denied == OnDenied::Count).then(|| "denied calls only count".to_owned()),
    ];
    let mut privileges: Vec<String> = privileges.into_iter().flatten().collect();
    if privileges.is_empty() {
        privileges.push("no privileges".to_owned());
    }
    words.append(&mut privileges);
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::{GrantFile, Profile};

    #[test]
    fn a_grant_that_was_written_is_the_same_when_it_is_read() {
        for profile in Profile::ALL {
            let grant = profile.grant();
            let read = GrantFile::parse(&in_force(&grant)).unwrap();
            assert_eq!(read.default_grant(), grant, "{}", profile.name());
        }
    }

    #[test]
    fn privileges_are_named_and_their_absence_is_too() {
        assert!(summary(&Profile::Load.grant()).ends_with("no privileges"));
        let all = summary(&Profile::SchedulerControl.grant());
        for words in ["real-time priority 99", "nice -20", "control of schedulers"] {
            assert!(all.contains(words), "{all}");
        }
    }
}
