//! What a plugin may do in one run, beside the numbers in [`crate::Limits`].
//!
//! The host makes it from the operator's grant and the plugin's request; the
//! guest enforces it and knows neither. Nothing is allowed by default.

use serde::{Deserialize, Serialize};

/// Stands for every name in a list of names.
pub const ANY: &str = "*";

/// See the module. `Default` allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// Interfaces of the contract that are linked.
    pub capabilities: Names,
    /// Cgroup controllers that may be enabled.
    pub controllers: Names,
    /// Built-in work types of workers.
    pub work_types: Names,
    /// Workers may run loops that the component exports.
    pub own_work: bool,
    /// Workers and payloads may run beside the runtime, where the bounds of the
    /// scenario's root do not reach.
    pub runner: bool,
    /// Highest real-time priority, 1 to 99; 0: no real-time policy at all.
    pub real_time: u8,
    /// `SCHED_DEADLINE` may be used.
    pub deadline: bool,
    /// Lowest nice value, -20 to 0.
    pub nice: i8,
    /// Declared payloads that may be started.
    pub payloads: Names,
    /// Declared schedulers that may be attached, detached and replaced.
    pub schedulers: Names,
    /// Access to the guest kernel's memory.
    pub kernel: KernelAccess,
    /// Interrupts may be steered.
    pub interrupts: bool,
    /// What a denied call does to the verdict.
    pub denied: OnDenied,
}

impl Permissions {
    /// Everything; for tests and benches of what lies behind the checks.
    #[must_use]
    pub fn all() -> Self {
        Self {
            capabilities: Names::any(),
            controllers: Names::any(),
            work_types: Names::any(),
            own_work: true,
            runner: true,
            real_time: 99,
            deadline: true,
            nice: -20,
            payloads: Names::any(),
            schedulers: Names::any(),
            kernel: KernelAccess::Write,
            interrupts: true,
            denied: OnDenied::Fail,
        }
    }
}

/// A list of names, or every name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Names(Vec<String>);

impl Names {
    /// Every name.
    #[must_use]
    pub fn any() -> Self {
        Self(vec![ANY.to_owned()])
    }

    /// Whether `name` is among them.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        self.0.iter().any(|one| one == name || one == ANY)
    }

    /// Whether every name is.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0.iter().any(|one| one == ANY)
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, as they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// With the names of `more` that were not allowed; any is any alone.
    #[must_use]
    pub fn with<'a>(&self, more: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = self.clone();
        for name in more {
            if !all.allows(name) {
                all.0.push(name.to_owned());
            }
        }
        if all.is_any() { Self::any() } else { all }
    }
}

impl<S: Into<String>> FromIterator<S> for Names {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

/// Access to the guest kernel's memory; each case includes those before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum KernelAccess {
    /// None.
    #[default]
    None,
    /// Reading, and captures.
    Read,
    /// Writing.
    Write,
}

impl KernelAccess {
    /// The word for it in grants.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What a denied call does to the verdict. It is counted in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDenied {
    /// The run fails, whatever the plugin makes of the answer.
    #[default]
    Fail,
    /// Nothing else.
    Count,
}

impl OnDenied {
    /// The word for it in grants.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Count => "count",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_every_name_and_nothing_is_allowed_by_default() {
        assert!(Names::any().allows("x") && Names::any().is_any());
        assert!(!Names::default().allows("x") && Names::default().is_empty());
        let some = Names::from_iter(["a", "b"]);
        assert!(some.allows("b") && !some.allows("c") && !some.is_any());
        assert_eq!(
            some.with(["b", "c"]).iter().collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
        assert_eq!(some.with(["*"]), Names::any());
    }
}
