//! The list of attacks: what each tries, what stands against it, how it ends.
//!
//! Owns `list.txt` and its form. The suites `hostile` and `vm` compare what they
//! see with it, `tests/HOSTILE.md` is written from it. Never attacks anything.

/// Attacks that belong together.
#[derive(Debug)]
pub struct Group {
    /// Heading.
    pub title: &'static str,
    /// In the order of the list.
    pub attacks: Vec<Attack>,
}

/// One line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attack {
    /// By which tests ask for it.
    pub name: &'static str,
    /// What is tried.
    pub what: &'static str,
    /// What stands against it.
    pub defence: &'static str,
    /// How it ends: [`REFUSED`], [`HARMLESS`], or an outcome and the kinds of
    /// the details that the verdict has, in alphabetical order.
    pub result: &'static str,
}

/// Result of what is not run at all: exit code 3, and the reason.
pub const REFUSED: &str = "refused";

/// Result of what is taken as it is and changes nothing.
pub const HARMLESS: &str = "harmless";

/// All attacks, in groups.
#[must_use]
pub fn groups() -> Vec<Group> {
    let blocks = include_str!("list.txt").trim().split("\n\n");
    blocks.filter_map(group).collect()
}

/// The attack with this name, if it is in the list.
#[must_use]
pub fn named(name: &str) -> Option<Attack> {
    let all = groups().into_iter().flat_map(|group| group.attacks);
    all.into_iter().find(|attack| attack.name == name)
}

fn group(block: &'static str) -> Option<Group> {
    let (title, lines) = block.split_once('\n')?;
    Some(Group {
        title,
        attacks: lines.lines().map(attack).collect(),
    })
}

/// `name | what | defence | result`.
fn attack(line: &'static str) -> Attack {
    let mut fields = line.split(" | ");
    let mut next = || fields.next().unwrap_or_default();
    Attack {
        name: next(),
        what: next(),
        defence: next(),
        result: next(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_is_long_well_formed_and_names_each_attack_once() {
        let groups = groups();
        let all: Vec<_> = groups.iter().flat_map(|group| &group.attacks).collect();
        assert!(all.len() >= 40, "{} attacks", all.len());
        let names: BTreeSet<_> = all.iter().map(|attack| attack.name).collect();
        assert_eq!(names.len(), all.len());
        for attack in all {
            let fields = [attack.name, attack.what, attack.defence, attack.result];
            assert!(fields.iter().all(|field| !field.is_empty()), "{attack:?}");
            assert_eq!(named(attack.name), Some(*attack));
        }
    }
}
