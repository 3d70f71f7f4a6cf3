//! The built-in profiles: grant files that come with the program.

use std::str::FromStr;

use super::{Grant, GrantFile};

/// A grant to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// Builds cgroups, starts no load.
    CgroupOnly,
    /// What is in force without a grant.
    Load,
    /// Any policy, and control of schedulers.
    SchedulerControl,
}

impl Profile {
    /// All of them, each including the one before.
    pub const ALL: [Self; 3] = [Self::CgroupOnly, Self::Load, Self::SchedulerControl];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CgroupOnly => "cgroup-only",
            Self::Load => "load",
            Self::SchedulerControl => "scheduler-control",
        }
    }

    /// The grant file that it is, with comments.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::CgroupOnly => include_str!("profiles/cgroup-only.toml"),
            Self::Load => include_str!("profiles/load.toml"),
            Self::SchedulerControl => include_str!("profiles/scheduler-control.toml"),
        }
    }

    /// What it grants.
    #[must_use]
    pub fn grant(self) -> Grant {
        // The files are part of the program, and a test reads each.
        GrantFile::parse(self.text()).map_or_else(|_| Grant::nothing(), |file| file.default_grant())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                format!("there is no such profile: there are {names}")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proscenium_wire::{Budget, Limits};

    #[test]
    fn each_profile_is_a_grant_file_that_grants_more_than_the_one_before() {
        for profile in Profile::ALL {
            let file = GrantFile::parse(profile.text()).unwrap();
            assert_eq!(file.default_grant(), profile.grant());
            assert_eq!(profile.name().parse(), Ok(profile));
        }
        let grants = Profile::ALL.map(Profile::grant);
        for pair in grants.windows(2) {
            for budget in Budget::ALL {
                assert!(pair[0].limits.get(budget) <= pair[1].limits.get(budget));
            }
            for name in pair[0].permissions.capabilities.iter() {
                assert!(pair[1].permissions.capabilities.allows(name), "{name}");
            }
            assert!(pair[0].permissions.real_time <= pair[1].permissions.real_time);
        }
        assert!("loads".parse::<Profile>().is_err());
    }

    #[test]
    fn load_has_the_usual_limits_and_neither_privileges_nor_schedulers() {
        let load = Profile::Load.grant();
        assert_eq!(load.limits, Limits::default());
        let permissions = load.permissions;
        assert_eq!((permissions.real_time, permissions.nice), (0, 0));
        assert!(!permissions.deadline && !permissions.runner && !permissions.interrupts);
        assert!(permissions.schedulers.is_empty());
        assert!(!permissions.capabilities.allows("scheduler"));
    }
}
