//! Checks that cannot be met, or judge nothing, whatever the scheduler does:
//! known from the work that a scenario starts.

use std::time::Duration;

use proscenium_wire::Thresholds;
use proscenium_worker::work::{Gives, PhaseKind, Timers, Work};

use super::findings::{Lint, MAX_FINDINGS};
use super::slot::RUNNER;
use crate::name::quote;
use crate::verdict::gap_limit;

/// What the checks have to judge: every kind of crew that was planned or
/// started, once.
#[derive(Debug, Default)]
pub(super) struct Seen {
    crews: Vec<Crew>,
    /// Some cgroup had a cpuset.
    confined: bool,
    /// Some workers do what the operator wants instead.
    swapped: bool,
}

#[derive(Debug, PartialEq)]
struct Crew {
    cgroup: String,
    work: Work,
    workers: u32,
}

impl Seen {
    pub(super) fn is_empty(&self) -> bool {
        self.crews.is_empty()
    }

    /// Workers of one specification; no name: beside the runtime.
    pub(super) fn crew(&mut self, cgroup: Option<&str>, work: &Work, workers: u32) {
        let crew = Crew {
            cgroup: cgroup.unwrap_or(RUNNER).to_owned(),
            work: work.clone(),
            workers,
        };
        if self.crews.len() < MAX_FINDINGS && !self.crews.contains(&crew) {
            self.crews.push(crew);
        }
    }

    /// A cgroup was given a cpuset.
    pub(super) fn cpuset(&mut self) {
        self.confined = true;
    }

    /// Workers do what the operator wants instead.
    pub(super) fn swapped(&mut self) {
        self.swapped = true;
    }

    /// Whether any do.
    pub(super) fn any_swapped(&self) -> bool {
        self.swapped
    }

    /// What `other` has seen as well.
    pub(super) fn join(&mut self, other: Self) {
        self.confined |= other.confined;
        self.swapped |= other.swapped;
        for crew in other.crews {
            let cgroup = Some(crew.cgroup.as_str());
            self.crew(cgroup, &crew.work, crew.workers);
        }
    }
}

/// Everything that is wrong with `thresholds` for these crews.
pub(super) fn lints(thresholds: &Thresholds, seen: &Seen) -> Vec<Lint> {
    if !thresholds.any() {
        return Vec::new();
    }
    if seen.is_empty() {
        return vec![Lint::warning(
            "nothing-to-judge",
            "checks are on and no worker is ever started: they judge nothing",
            "give a cgroup work, or leave the checks out",
        )];
    }
    let mut lints: Vec<Lint> = seen
        .crews
        .iter()
        .flat_map(|crew| crew_lints(thresholds, crew))
        .collect();
    let confined = [
        ("isolation", thresholds.isolation == Some(true)),
        ("min-page-locality", thresholds.min_page_locality.is_some()),
    ];
    if !seen.confined {
        lints.extend(each_on(confined, |check| {
            Lint::warning(
                "no-cpuset",
                format!("{check} is checked and no cgroup has a cpuset: it judges nothing"),
                format!("give a cgroup a cpuset, or leave {check} out"),
            )
        }));
    }
    lints
}

fn crew_lints(thresholds: &Thresholds, crew: &Crew) -> Vec<Lint> {
    let subject = format!("{} {}", crew.work.name(), place(crew));
    [
        wake(thresholds, crew, &subject),
        sleeping(thresholds, crew, &subject),
        rates(thresholds, crew, &subject),
        comparisons(thresholds, crew, &subject),
        pages(thresholds, crew, &subject),
    ]
    .concat()
}

/// One lint for each check of a list that is on.
fn each_on<const N: usize>(checks: [(&str, bool); N], lint: impl Fn(&str) -> Lint) -> Vec<Lint> {
    let on = checks.into_iter().filter(|(_, on)| *on);
    on.map(|(check, _)| lint(check)).collect()
}

fn wake(thresholds: &Thresholds, crew: &Crew, subject: &str) -> Vec<Lint> {
    // Of a loop of the component's own nothing is known.
    if crew
        .work
        .kind()
        .is_none_or(|kind| matches!(kind.gives, Gives::Wakes(_)))
    {
        return Vec::new();
    }
    let checks = [
        ("max-p99-wake", thresholds.max_p99_wake_ns.is_some()),
        ("max-wake-cv", thresholds.max_wake_cv.is_some()),
    ];
    each_on(checks, |check| {
        Lint::warning(
            "no-wake-samples",
            format!("{check} cannot be decided for {subject}: it gives no wake samples"),
            "use a work type that sleeps or waits, or leave the check out",
        )
    })
}

/// What cannot be had of workers that sleep of their own accord.
fn sleeping(thresholds: &Thresholds, crew: &Crew, subject: &str) -> Vec<Lint> {
    let Some(sleep) = longest_pause(&crew.work) else {
        return Vec::new();
    };
    let mut lints = Vec::new();
    let below = |limit: &Duration| sleep > *limit;
    if let Some(limit) = gap_limit(thresholds)
        .map(Duration::from_nanos)
        .filter(below)
    {
        lints.push(Lint::warning(
            "gap-below-sleep",
            format!(
                "a gap of at most {limit:?} cannot be met by {subject}: it sleeps {sleep:?} of its own accord"
            ),
            "allow a longer gap, or let it sleep for less",
        ));
    }
    // Samples of other types may be of something shorter than the sleep.
    let wake = thresholds.max_p99_wake_ns.map(Duration::from_nanos);
    if matches!(crew.work, Work::Timers(Timers::Bursty { .. }))
        && let Some(limit) = wake.filter(below)
    {
        lints.push(Lint::warning(
            "wake-below-sleep",
            format!(
                "max-p99-wake of {limit:?} cannot be met by {subject}: its samples contain its sleep of {sleep:?}"
            ),
            "allow more than the sleep, or let it sleep for less",
        ));
    }
    lints
}

fn rates(thresholds: &Thresholds, crew: &Crew, subject: &str) -> Vec<Lint> {
    if crew.work.demand().cpu_share > 0.0 {
        return Vec::new();
    }
    let checks = [
        ("min-work-rate", thresholds.min_work_rate.is_some()),
        (
            "min-iteration-rate",
            thresholds.min_iteration_rate.is_some(),
        ),
    ];
    each_on(checks, |check| {
        Lint::warning(
            "no-cpu-time",
            format!("{check} cannot be met by {subject}: it only sleeps"),
            "give it something to compute, or leave the check out",
        )
    })
}

fn comparisons(thresholds: &Thresholds, crew: &Crew, subject: &str) -> Vec<Lint> {
    if crew.workers > 1 {
        return Vec::new();
    }
    let checks = [
        ("max-spread", thresholds.max_spread_percent.is_some()),
        ("max-throughput-cv", thresholds.max_throughput_cv.is_some()),
    ];
    each_on(checks, |check| {
        Lint::warning(
            "one-worker",
            format!("{check} compares workers, and {subject} has one"),
            "start two or more, or leave the check out",
        )
    })
}

fn pages(thresholds: &Thresholds, crew: &Crew, subject: &str) -> Vec<Lint> {
    if crew.work.kind().is_some_and(|kind| kind.numa) {
        return Vec::new();
    }
    let checks = [
        ("min-page-locality", thresholds.min_page_locality.is_some()),
        (
            "max-cross-node-migration-ratio",
            thresholds.max_cross_node_migration_ratio.is_some(),
        ),
        (
            "max-slow-tier-ratio",
            thresholds.max_slow_tier_ratio.is_some(),
        ),
    ];
    each_on(checks, |check| {
        Lint::warning(
            "no-pages",
            format!("{check} cannot be met by {subject}: it looks at no pages"),
            "use a work type that says where its pages are, or leave the check out",
        )
    })
}

fn place(crew: &Crew) -> String {
    if crew.cgroup == RUNNER {
        "beside the runtime".to_owned()
    } else {
        format!("in cgroup {}", quote(&crew.cgroup))
    }
}

/// The longest time for which it sleeps because it was told to.
fn longest_pause(work: &Work) -> Option<Duration> {
    match work {
        Work::Timers(Timers::Bursty { sleep, .. }) => Some(*sleep),
        Work::Timers(Timers::IdleChurn { idle, .. }) => Some(*idle),
        Work::Sequence(sequence) => sequence
            .phases
            .iter()
            .filter(|phase| phase.kind == PhaseKind::Sleep)
            .map(|phase| phase.lasts)
            .max(),
        _ => None,
    }
}
