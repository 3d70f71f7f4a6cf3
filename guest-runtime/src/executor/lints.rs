//! What is allowed in a plan and is probably not meant. Pure: the pre-flight
//! and the calls as they are made say it in the same words.

use std::time::Duration;

use proscenium_wire::Severity;

use super::findings::Lint;
use super::slot::RUNNER;
use crate::bindings::types::{CpuBandwidth, CpuLimits, HoldSpec, Work, WorkSpec};
use crate::name::quote;

/// A hold of `wanted` that gets less, by more than `slack`. A fraction of 1 is
/// how a plan says "the rest", so it only needs that there is one.
pub(super) fn clipped_hold(
    spec: &HoldSpec,
    wanted: Duration,
    left: Duration,
    slack: Duration,
) -> Option<Lint> {
    let rest = matches!(spec, HoldSpec::Fraction(share) if *share >= 1.0) && !left.is_zero();
    if rest || wanted.saturating_sub(left) <= slack {
        return None;
    }
    let remedy = "hold for less before it, or run the scenario longer";
    Some(if left.is_zero() {
        Lint::warning(
            "no-time-left",
            format!("no time is left for the hold of {wanted:?}: the scenario is over by then"),
            remedy,
        )
    } else {
        Lint::warning(
            "clipped-hold",
            format!("the hold of {wanted:?} is cut to {left:?}: the scenario is over by then"),
            remedy,
        )
    })
}

/// A repeating step that begins when the scenario's time is over.
pub(super) fn never_repeats() -> Lint {
    Lint::warning(
        "never-repeats",
        "no time is left for the repeat: its ops are never carried out",
        "hold for less before it, or run the scenario longer",
    )
}

/// Workers of a step in a cgroup that lasts.
pub(super) fn dies_with_step(cgroup: &str) -> Lint {
    Lint::warning(
        "dies-with-step",
        format!(
            "workers spawned into the backdrop's cgroup {} end with this step",
            quote(cgroup)
        ),
        "declare them in the backdrop to have them in all steps",
    )
}

/// Workers that do what the operator wants instead of what was declared.
pub(super) fn swapped(cgroup: Option<&str>, declared: &WorkSpec, done: &str) -> Option<Lint> {
    let name = match &declared.work {
        Work::Builtin(builtin) => &builtin.name,
        Work::Exported(name) => name,
    };
    (name != done).then(|| Lint {
        severity: Severity::Note,
        kind: "swapped-work",
        message: format!(
            "workers of cgroup {} do {done} instead of {}",
            quote(cgroup.unwrap_or(RUNNER)),
            quote(name)
        ),
        remedy: "leave --swap-work out to have the scenario's own work".to_owned(),
    })
}

/// The operator's work found no place.
pub(super) fn nothing_swapped(work: &str) -> Lint {
    Lint::warning(
        "nothing-swapped",
        format!("{} was swapped in nowhere", quote(work)),
        "make a definition swappable, with a multiple of the work's group of workers",
    )
}

/// A cap on CPU time while a scheduler under test runs. The kernel takes the
/// setting from everybody, and leaves it to the scheduler to keep it.
pub(super) fn doubtful_cap(
    cgroup: &str,
    limits: &CpuLimits,
    scheduler: Option<&str>,
) -> Option<Lint> {
    let capped = matches!(
        limits.max,
        Some(CpuBandwidth::Percent(_) | CpuBandwidth::Quota(_))
    );
    let scheduler = scheduler.filter(|_| capped)?;
    Some(Lint {
        severity: Severity::Note,
        kind: "doubtful-cap",
        message: format!(
            "cpu.max of cgroup {} is set while scheduler {} is attached: the kernel accepts it, and a scheduler under test need not enforce it",
            quote(cgroup),
            quote(scheduler)
        ),
        remedy: "see in cpu.stat whether it throttles before relying on it".to_owned(),
    })
}

/// A move from where nobody is.
pub(super) fn nothing_to_move(from: &str) -> Lint {
    let place = if from == RUNNER {
        "beside the runtime".to_owned()
    } else {
        format!("in cgroup {}", quote(from))
    };
    Lint::warning(
        "nothing-to-move",
        format!("there are no workers {place} to move"),
        "start workers there first: in the backdrop, or earlier in these ops",
    )
}
