//! What an operator lets a plugin do, and what the plugin asks for.
//!
//! ```text
//!   grant file, or a built-in profile ──► Grant ─┐
//!                                                ├─ admit ──► Grant in force
//!   manifest and imports ───────────────► Ask   ─┘     └────► what is beyond it,
//!                                                             and the lines that allow it
//! ```
//!
//! Nothing is allowed by default. A request beyond the grant is an error and
//! never a silent narrowing; what is in force is what was asked for. The guest
//! runtime enforces it; nothing here does.

mod ask;
mod entry;
mod excess;
mod file;
mod number;
mod profile;
mod text;

use proscenium_wire::{Limits, Permissions};

pub use ask::Ask;
pub use excess::Excess;
pub use file::{GrantError, GrantFile};
pub use profile::Profile;
pub use text::{in_force, lines, summary};

/// What may be done in one run, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What.
    pub permissions: Permissions,
    /// How much.
    pub limits: Limits,
}

impl Grant {
    /// Nothing; with it go the usual bounds on a component's own code.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            permissions: Permissions::default(),
            limits: Limits {
                cgroups: 0,
                workers: 0,
                payloads: 0,
                marks: 0,
                ..Limits::default()
            },
        }
    }

    /// What is in force for a plugin that asks for this: what it asks for.
    ///
    /// # Errors
    ///
    /// Everything that is beyond this grant.
    pub fn admit(&self, ask: &Ask) -> Result<Self, Vec<Excess>> {
        let excesses = excess::all(self, ask);
        if !excesses.is_empty() {
            return Err(excesses);
        }
        let mut limits = self.limits;
        for (budget, wanted) in ask.amounts() {
            // What goes without saying may well be more than is granted.
            limits.set(budget, wanted.min(limits.get(budget)));
        }
        Ok(Self {
            permissions: ask.within(&self.permissions),
            limits,
        })
    }
}

#[cfg(test)]
mod tests {
    use proscenium_guest_runtime::capability::Capability;
    use proscenium_guest_runtime::plugin::{Controllers, Request};
    use proscenium_wire::Names;

    use super::*;

    fn silent() -> Request {
        Request {
            controllers: None,
            cgroups: None,
            workers: None,
            marks: None,
            work_types: None,
            real_time: None,
            deadline: false,
            nice: None,
            runner: false,
            payloads: None,
            schedulers: None,
            kernel: None,
            interrupts: false,
        }
    }

    fn ask(request: &Request) -> Ask {
        let imports = [Capability::Stage, Capability::Checks];
        Ask::new(&imports, false, request, 4_000_000_000)
    }

    #[test]
    fn a_plugin_that_says_nothing_gets_little_and_never_more_than_is_granted() {
        let grant = Profile::Load.grant().admit(&ask(&silent())).unwrap();
        let what = &grant.permissions;
        assert_eq!(what.capabilities, Names::from_iter(["stage", "checks"]));
        assert_eq!(what.controllers, Names::from_iter(["cpu", "cpuset"]));
        assert_eq!(what.work_types, Names::any());
        assert!(what.payloads.is_empty() && what.schedulers.is_empty());
        assert_eq!((grant.limits.cgroups, grant.limits.workers), (16, 64));

        let grant = Profile::CgroupOnly.grant().admit(&ask(&silent())).unwrap();
        assert_eq!((grant.limits.cgroups, grant.limits.workers), (16, 0));
        assert!(grant.permissions.work_types.is_empty());
    }

    #[test]
    fn what_is_asked_for_is_what_is_in_force() {
        let request = Request {
            controllers: Some(Controllers::MEMORY),
            workers: Some(500),
            work_types: Some(vec!["bursty".to_owned()]),
            real_time: Some(10),
            schedulers: Some(vec!["x".to_owned()]),
            ..silent()
        };
        let grant = Profile::SchedulerControl.grant();
        let grant = grant.admit(&ask(&request)).unwrap();
        let what = &grant.permissions;
        assert_eq!(what.controllers, Names::from_iter(["memory"]));
        assert_eq!(what.work_types, Names::from_iter(["bursty"]));
        assert_eq!((what.real_time, what.nice), (10, 0));
        assert_eq!(what.schedulers, Names::from_iter(["x"]));
        assert_eq!(grant.limits.workers, 500);
    }

    #[test]
    fn every_excess_is_listed_and_its_lines_allow_it() {
        let request = Request {
            controllers: Some(Controllers::all()),
            cgroups: Some(5_000),
            workers: Some(9_000),
            marks: Some(1_000_000),
            work_types: Some(vec!["*".to_owned()]),
            real_time: Some(10),
            deadline: true,
            nice: Some(-5),
            runner: true,
            payloads: Some(vec!["a".to_owned()]),
            schedulers: Some(vec!["b".to_owned()]),
            kernel: Some(proscenium_guest_runtime::plugin::KernelAccess::Read),
            interrupts: true,
        };
        let imports = Capability::ALL;
        let ask = Ask::new(&imports, true, &request, 7_200_000_000_000);
        let excesses = Grant::nothing().admit(&ask).unwrap_err();
        assert_eq!(excesses.len(), 16, "{excesses:#?}");
        let file = GrantFile::parse(&lines("greedy", &excesses)).unwrap();
        assert!(file.default_grant().admit(&ask).is_err());
        let grant = file.grant_for("greedy", "").admit(&ask).unwrap();
        assert_eq!(
            (grant.limits.workers, grant.limits.duration_ms),
            (9_000, 7_200_000)
        );

        let excesses = Profile::Load.grant().admit(&ask).unwrap_err();
        let what: Vec<&str> = excesses.iter().map(|one| one.what.as_str()).collect();
        assert!(
            what.contains(&"real-time: 10 asked for, 0 granted"),
            "{what:?}"
        );
        assert!(what.contains(&"schedulers: b not granted"), "{what:?}");
    }

    #[test]
    fn a_suggestion_holds_what_goes_without_saying() {
        let whole = ask(&silent()).whole();
        let file = GrantFile::parse(&lines("quiet", &whole)).unwrap();
        let suggested = file.grant_for("quiet", "").admit(&ask(&silent())).unwrap();
        let usual = Profile::Load.grant().admit(&ask(&silent())).unwrap();
        assert_eq!(suggested.permissions, usual.permissions);
        assert_eq!(suggested.limits.workers, usual.limits.workers);
    }
}
