//! A bounded, ordered list of named numbers.

use std::collections::HashMap;

use crate::name::clean_line;

/// Most figures of one payload.
const MAX_FIGURES: usize = 1_024;
/// Longest name, in bytes.
const MAX_NAME: usize = 200;

/// Named finite numbers, in the order in which they were printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    list: Vec<(String, f64)>,
    seen: HashMap<String, u32>,
    cut: bool,
}

impl Figures {
    /// Adds one. A name that is there already gets `#2`, `#3` and so on; what
    /// is not finite or beyond the bound is left out and the list marked as cut.
    pub(super) fn push(&mut self, name: &str, value: f64) {
        if !value.is_finite() || self.list.len() >= MAX_FIGURES {
            return self.cut();
        }
        if name.len() > MAX_NAME {
            self.cut();
        }
        let mut name = clean_line(name, MAX_NAME);
        let times = self.seen.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            name = format!("{name}#{times}");
        }
        self.list.push((name, value));
    }

    /// Notes that something was left out.
    pub(super) fn cut(&mut self) {
        self.cut = true;
    }

    /// Whether something was left out.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// One by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.list
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_come_again_are_told_apart() {
        let mut figures = Figures::default();
        for value in [1.0, 2.0, 3.0] {
            figures.push("iops", value);
        }
        let all: Vec<_> = figures.iter().collect();
        assert_eq!(all, [("iops", 1.0), ("iops#2", 2.0), ("iops#3", 3.0)]);
    }

    #[test]
    fn a_flood_of_figures_is_cut_and_says_so() {
        let mut figures = Figures::default();
        (0..2_000).for_each(|n| figures.push(&format!("f{n}"), f64::from(n)));
        assert_eq!(figures.iter().count(), MAX_FIGURES);
        assert!(figures.is_cut());
    }

    #[test]
    fn what_is_no_number_is_no_figure() {
        let mut figures = Figures::default();
        figures.push("a", f64::NAN);
        figures.push("b", f64::INFINITY);
        assert!(figures.is_empty() && figures.is_cut());
    }
}
