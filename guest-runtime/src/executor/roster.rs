//! The cgroups of one slot: in order of creation, and found by name.
//!
//! Plans name cgroups in every op, and may have thousands of both: a search
//! would cost more than what the op does. Owns the order and the names; never
//! touches a cgroup.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::slice::Iter;

use super::slot::Group;
use crate::world::GroupId;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Roster {
    groups: Vec<Group>,
    /// Where each name is in there. Names come from the plugin, so hashing
    /// them has to withstand names that were chosen for it.
    places: HashMap<String, usize>,
}

impl Roster {
    pub(super) fn get(&self, name: &str) -> Option<&Group> {
        self.groups.get(*self.places.get(name)?)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Group> {
        self.groups.get_mut(*self.places.get(name)?)
    }

    /// Adds a cgroup whose name is not taken.
    pub(super) fn push(&mut self, group: Group) {
        self.places.insert(group.name.clone(), self.groups.len());
        self.groups.push(group);
    }

    /// Forgets one; those that were made after it move up.
    pub(super) fn remove(&mut self, id: GroupId) {
        self.groups.retain(|group| group.id != id);
        let names = self.groups.iter().map(|group| group.name.clone());
        self.places = names.zip(0..).collect();
    }
}

impl Deref for Roster {
    type Target = [Group];

    fn deref(&self) -> &[Group] {
        &self.groups
    }
}

impl DerefMut for Roster {
    fn deref_mut(&mut self) -> &mut [Group] {
        &mut self.groups
    }
}

impl<'a> IntoIterator for &'a Roster {
    type Item = &'a Group;
    type IntoIter = Iter<'a, Group>;

    fn into_iter(self) -> Iter<'a, Group> {
        self.groups.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(names: &[&str]) -> Roster {
        let mut roster = Roster::default();
        for (name, id) in names.iter().zip(0..) {
            roster.push(Group::new((*name).to_owned(), GroupId(id), false));
        }
        roster
    }

    fn names(roster: &Roster) -> Vec<&str> {
        roster.iter().map(|group| &*group.name).collect()
    }

    #[test]
    fn groups_keep_their_order_and_are_found_by_name() {
        let mut roster = roster(&["b", "a", "c"]);
        assert_eq!(names(&roster), ["b", "a", "c"]);
        assert_eq!(roster.get("a").map(|group| group.id), Some(GroupId(1)));
        roster.get_mut("c").unwrap().frozen = true;
        assert!(roster.last().unwrap().frozen);
        assert!(roster.get("d").is_none());
    }

    #[test]
    fn what_was_removed_is_found_no_more_and_the_others_are() {
        let mut roster = roster(&["b", "a", "c"]);
        roster.remove(GroupId(0));
        assert_eq!(names(&roster), ["a", "c"]);
        assert!(roster.get("b").is_none());
        for name in ["a", "c"] {
            assert_eq!(roster.get(name).unwrap().name, name);
        }
        roster.remove(GroupId(7));
        assert_eq!(roster.len(), 2);
    }
}
