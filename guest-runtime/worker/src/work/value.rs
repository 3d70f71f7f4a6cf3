//! Values of parameters, and the Rust types that they become.
//!
//! A [`Value`] is what a scenario gives. It is checked against the catalogue
//! before it becomes a [`Field`], so that reading it cannot fail.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::setup::Policy;

/// What a parameter is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A quantity, in the parameter's unit.
    Number(u64),
    /// A choice, a list of nodes or names of cgroups.
    Text(String),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// A type that a checked value becomes, and that shows itself as one again.
pub(super) trait Field {
    fn read(value: &Value) -> Self;
    fn show(&self) -> Value;
}

impl Field for u64 {
    fn read(value: &Value) -> Self {
        match value {
            Value::Number(number) => *number,
            Value::Text(_) => 0,
        }
    }

    fn show(&self) -> Value {
        Value::Number(*self)
    }
}

/// 0 or 1.
impl Field for bool {
    fn read(value: &Value) -> Self {
        u64::read(value) != 0
    }

    fn show(&self) -> Value {
        Value::Number((*self).into())
    }
}

/// Microseconds.
impl Field for Duration {
    fn read(value: &Value) -> Self {
        Self::from_micros(u64::read(value))
    }

    fn show(&self) -> Value {
        Value::Number(micros(*self))
    }
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// NUMA nodes, ascending, below [`Nodes::MAX`]; none means every node that
/// the worker may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nodes(pub Vec<u32>);

impl Nodes {
    /// Nodes are below this.
    pub const MAX: u32 = 64;

    /// From a list such as `0-1,3`.
    #[must_use]
    pub fn parse(list: &str) -> Option<Self> {
        let mut nodes = Vec::new();
        for part in list.split(',').map(str::trim).filter(|_| !list.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            if first > last || last >= Self::MAX {
                return None;
            }
            nodes.extend(first..=last);
        }
        nodes.sort_unstable();
        nodes.dedup();
        Some(Self(nodes))
    }
}

impl Field for Nodes {
    fn read(value: &Value) -> Self {
        Self::parse(&value.to_string()).unwrap_or_default()
    }

    fn show(&self) -> Value {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        Value::Text(numbers.join(","))
    }
}

/// Names of cgroups of the scenario, as the scenario calls them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroups(pub Vec<String>);

impl Field for Cgroups {
    fn read(value: &Value) -> Self {
        let list = value.to_string();
        Self(list.split(',').map(|name| name.trim().to_owned()).collect())
    }

    fn show(&self) -> Value {
        Value::Text(self.0.join(","))
    }
}

/// Declares an enum whose cases have names that scenarios use.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $($(#[$case_doc])* $case,)* }

        impl $name {
            /// The names of all cases, the default first.
            pub const NAMES: &'static [&'static str] = &[$($text),*];
        }

        impl Field for $name {
            fn read(value: &Value) -> Self {
                match value.to_string().as_str() {
                    $($text => Self::$case,)*
                    _ => Self::default(),
                }
            }

            fn show(&self) -> Value {
                match self { $(Self::$case => $text.into(),)* }
            }
        }
    };
}

choice! {
    /// The scheduling class of one part of a group.
    Class {
        /// `SCHED_OTHER`.
        #[default]
        Normal = "normal",
        /// `SCHED_BATCH`.
        Batch = "batch",
        /// `SCHED_IDLE`.
        Idle = "idle",
        /// `SCHED_FIFO` with priority 50.
        Rt = "rt",
        /// `SCHED_DEADLINE` with 2 µs in 1 ms, every 10 ms.
        Deadline = "deadline",
        /// `SCHED_EXT`.
        Ext = "ext",
    }
}

choice! {
    /// How a wake-up is handed on.
    Through {
        /// A byte in a pipe.
        #[default]
        Pipe = "pipe",
        /// A futex.
        Futex = "futex",
    }
}

choice! {
    /// What kind of lock is fought for.
    Lock {
        /// The kernel knows nothing of its owner.
        #[default]
        Plain = "plain",
        /// `FUTEX_LOCK_PI`: the owner inherits the priority of who waits.
        Inheriting = "inheriting",
    }
}

choice! {
    /// How many bits one arithmetic instruction works on.
    Width {
        /// The widest that the CPU has.
        #[default]
        Widest = "widest",
        /// 64-bit general registers.
        Scalar = "scalar",
        /// 128-bit vectors.
        Sse2 = "sse2",
        /// 256-bit vectors.
        Avx2 = "avx2",
    }
}

impl Class {
    /// The policy that puts a thread into it.
    #[must_use]
    pub fn policy(self) -> Policy {
        match self {
            Self::Normal => Policy::Normal,
            Self::Batch => Policy::Batch,
            Self::Idle => Policy::Idle,
            Self::Rt => Policy::Fifo(50),
            Self::Deadline => Policy::Deadline {
                runtime: 2_000,
                deadline: 1_000_000,
                period: 10_000_000,
            },
            Self::Ext => Policy::Ext,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Nodes};

    #[test]
    fn nodes_are_lists_of_numbers_and_ranges() {
        let parsed = |list| Nodes::parse(list).map(|nodes| nodes.0);
        assert_eq!(parsed("3,0-1,1"), Some(vec![0, 1, 3]));
        assert_eq!(parsed(""), Some(vec![]));
        for wrong in ["x", "2-1", "64", "0-64", "1,", "-", "0-4294967295"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
        assert_eq!(Nodes(vec![0, 3]).show(), "0,3".into());
    }
}
