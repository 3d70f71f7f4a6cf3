//! The scheduling that work chooses for itself. Whoever may not start a worker
//! of a class may not start work that enters it either.

use super::{Churn, Class, Groups, Pairs, Work};
use crate::Policy;

/// The most that a worker makes of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privilege {
    /// Highest real-time priority; 0: none.
    pub real_time: u8,
    /// It enters `SCHED_DEADLINE`.
    pub deadline: bool,
    /// Lowest nice value, at most 0.
    pub nice: i8,
}

impl Privilege {
    /// What one policy takes.
    #[must_use]
    pub fn of(policy: Policy) -> Self {
        match policy {
            Policy::Fifo(priority) | Policy::RoundRobin(priority) => Self {
                real_time: priority,
                ..Self::default()
            },
            Policy::Deadline { .. } => Self {
                deadline: true,
                ..Self::default()
            },
            Policy::Normal | Policy::Batch | Policy::Idle | Policy::Ext => Self::default(),
        }
    }

    /// What both take.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            real_time: self.real_time.max(other.real_time),
            deadline: self.deadline || other.deadline,
            nice: self.nice.min(other.nice),
        }
    }
}

impl Work {
    /// What its workers make of themselves, whatever they are started as.
    #[must_use]
    pub fn privilege(&self) -> Privilege {
        let real_time = |priority: u64| Privilege {
            real_time: u8::try_from(priority).unwrap_or(u8::MAX),
            ..Privilege::default()
        };
        let class = |class: &Class| Privilege::of(class.policy());
        match self {
            Self::Pairs(Pairs::AsymmetricWaker {
                class_a, class_b, ..
            }) => class(class_a).with(class(class_b)),
            Self::Groups(Groups::PriorityInversion { .. } | Groups::PreemptStorm { .. }) => {
                real_time(50)
            }
            Self::Groups(Groups::RtStarvation { priority, .. }) => real_time(*priority),
            Self::Churn(Churn::Policy { .. }) => real_time(1),
            Self::Churn(Churn::NiceSweep { .. }) => Privilege {
                nice: -20,
                ..Privilege::default()
            },
            _ => Privilege::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::WorkKind;

    fn of(name: &str, parameters: &[(&str, &str)]) -> Privilege {
        let given: Vec<_> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect();
        Work::parse(name, &given).unwrap().privilege()
    }

    #[test]
    fn work_whose_description_speaks_of_real_time_takes_it() {
        for kind in WorkKind::all().filter(|kind| kind.description.contains("real-time")) {
            assert!(of(kind.name, &[]).real_time > 0, "{}", kind.name);
        }
        assert_eq!(of("spin-wait", &[]), Privilege::default());
        assert_eq!(of("policy-churn", &[]).real_time, 1);
        assert_eq!(of("nice-sweep", &[]).nice, -20);
    }

    #[test]
    fn classes_that_parameters_choose_count_together() {
        let both = of(
            "asymmetric-waker",
            &[("class-a", "rt"), ("class-b", "deadline")],
        );
        assert_eq!((both.real_time, both.deadline), (50, true));
        let neither = of(
            "asymmetric-waker",
            &[("class-a", "normal"), ("class-b", "idle")],
        );
        assert_eq!(neither, Privilege::default());
    }
}
