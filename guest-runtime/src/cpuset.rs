//! A set of CPUs or NUMA nodes, and the kernel's text form of one.
//!
//! The form is the "list format" of cpuset(7): `0-3,5`. Parsing is bounded:
//! the text may come from a file that a scenario can influence.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Highest CPU or node number that is taken seriously (`NR_CPUS` of every
/// distribution kernel is below it).
pub const MAX_CPU: u32 = 65_535;

/// Ascending set of CPU (or node) numbers.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CpuSet(BTreeSet<u32>);

impl CpuSet {
    /// No CPU.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `cpu` is a member.
    #[must_use]
    pub fn contains(&self, cpu: u32) -> bool {
        self.0.contains(&cpu)
    }

    /// Members, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// Lowest member.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.0.first().copied()
    }

    /// Highest member.
    #[must_use]
    pub fn last(&self) -> Option<u32> {
        self.0.last().copied()
    }

    /// Adds one.
    pub fn insert(&mut self, cpu: u32) {
        self.0.insert(cpu);
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }

    /// Members of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    /// Members of this one only.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).copied().collect())
    }

    /// Whether every member is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }
}

impl FromIterator<u32> for CpuSet {
    fn from_iter<I: IntoIterator<Item = u32>>(cpus: I) -> Self {
        Self(cpus.into_iter().collect())
    }
}

impl From<&[u32]> for CpuSet {
    fn from(cpus: &[u32]) -> Self {
        cpus.iter().copied().collect()
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cpus = self.0.iter().copied().peekable();
        let mut separator = "";
        while let Some(start) = cpus.next() {
            let mut end = start;
            // A component may name the highest number that there is.
            while let Some(next) = end.checked_add(1).and_then(|next| cpus.next_if_eq(&next)) {
                end = next;
            }
            f.write_str(separator)?;
            separator = ",";
            if start == end {
                write!(f, "{start}")?;
            } else {
                write!(f, "{start}-{end}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

/// A text that is not a CPU list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a CPU list such as 0-3,5 with numbers up to {MAX_CPU}")]
pub struct ParseCpuSetError {
    text: String,
}

impl FromStr for CpuSet {
    type Err = ParseCpuSetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseCpuSetError {
            text: text.chars().take(80).collect(),
        };
        let mut set = Self::new();
        let text = text.trim();
        if text.is_empty() {
            return Ok(set);
        }
        for part in text.split(',') {
            let (start, end) = part.split_once('-').unwrap_or((part, part));
            let start: u32 = start.trim().parse().map_err(|_| error())?;
            let end: u32 = end.trim().parse().map_err(|_| error())?;
            if start > end || end > MAX_CPU {
                return Err(error());
            }
            set.0.extend(start..=end);
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runs_are_written_as_ranges() {
        assert_eq!(
            CpuSet::from([0, 1, 2, 3, 5].as_slice()).to_string(),
            "0-3,5"
        );
        assert_eq!(CpuSet::from([4].as_slice()).to_string(), "4");
        assert_eq!(CpuSet::new().to_string(), "");
        // Found by the fuzzer: there is none after the highest.
        assert_eq!(
            CpuSet::from([u32::MAX - 1, u32::MAX].as_slice()).to_string(),
            "4294967294-4294967295"
        );
    }

    #[test]
    fn nonsense_is_refused_without_work() {
        for text in ["a", "3-1", "1-", "-", "0-4294967295", "1,,2", "99999999999"] {
            assert!(text.parse::<CpuSet>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_form_round_trips(cpus in proptest::collection::btree_set(0..2048_u32, 0..64)) {
            let set: CpuSet = cpus.into_iter().collect();
            prop_assert_eq!(set.to_string().parse::<CpuSet>().unwrap(), set);
        }
    }
}
