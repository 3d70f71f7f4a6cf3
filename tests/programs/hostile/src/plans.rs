//! Plans and thresholds with numbers that are none, or far out of range.

use proscenium_sdk::bindings::proscenium::scenario::stage;
use proscenium_sdk::prelude::*;
use proscenium_sdk::types::{DeadlineParams, FractionRange};

use crate::loaded_step;

const NO_NUMBERS: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

fn hands_over(step: Step) -> Result<(), Error> {
    stage::execute(&Backdrop::new(), &[Step::new("sound"), step])
}

fn with_hold(hold: HoldSpec) -> Step {
    Step {
        hold,
        ..Step::new("hold")
    }
}

/// Each is wrong in one number.
fn wrong_defs() -> Vec<CgroupDef> {
    let def = || CgroupDef::new("c");
    let ns = Duration::from_nanos;
    let deadline = DeadlineParams {
        runtime: u64::MAX,
        deadline: u64::MAX,
        period: u64::MAX,
    };
    let mut defs = vec![
        def().workers(0),
        def().workers(u32::MAX),
        def().workers_per_cpu(1e300),
        def().policy(SchedPolicy::Fifo(u32::MAX)),
        def().policy(SchedPolicy::Deadline(deadline)),
        def().nice(i32::MIN),
        def().cpu_percent(0),
        def().cpu_weight(u32::MAX),
        def().cpu_quota(ns(0), ns(u64::MAX)),
        def().cpuset(exact([u32::MAX])),
        def().cpuset(llc(u32::MAX)),
        def().cpuset(disjoint(u32::MAX, u32::MAX)),
        def().cpuset_mems([u32::MAX]),
        def().io_weight(u32::MAX),
        def().pids_max(0),
    ];
    for bad in NO_NUMBERS {
        defs.push(def().workers_per_cpu(bad));
        let range = FractionRange {
            start: bad,
            end: 1.0,
        };
        defs.push(def().cpuset(CpusetSpec::Range(range)));
    }
    defs
}

/// Hands over one plan for each wrong number, after a step that is sound.
pub(crate) fn numbers() -> Result<Outcome, Error> {
    let mut steps: Vec<Step> = wrong_defs()
        .into_iter()
        .map(|def| Step::new("def").cgroup(def))
        .collect();
    steps.push(Step::new("irq").op(ops::steer_irq(u32::MAX, u32::MAX)));
    for bad in NO_NUMBERS.into_iter().chain([0.0, -1.0, 1e308]) {
        steps.push(with_hold(HoldSpec::Fraction(bad)));
    }
    steps.push(with_hold(HoldSpec::Repeat(0)));
    let asked = steps.len();
    let wrong: Vec<String> = steps
        .into_iter()
        .filter_map(|step| {
            let shown: String = format!("{step:?}").chars().take(400).collect();
            match hands_over(step) {
                Err(error)
                    if matches!(
                        error.code,
                        ErrorCode::Invalid | ErrorCode::LimitExceeded | ErrorCode::NotFound
                    ) =>
                {
                    None
                }
                answer => Some(format!("{answer:?}: {shown}")),
            }
        })
        .collect();
    Ok(if wrong.is_empty() {
        Outcome::pass_because(format!("{asked} refused"))
    } else {
        Outcome::fail(wrong.join("; "))
    })
}

/// A plan of the greatest numbers that there are where any number is allowed.
pub(crate) fn extremes() -> Result<Outcome, Error> {
    let greatest = CgroupDef::new("c")
        .cpu_percent(u32::MAX)
        .memory_max(u64::MAX)
        .memory_high(u64::MAX)
        .memory_low(u64::MAX)
        .pids_max(u64::MAX);
    let step = Step {
        hold: HoldSpec::Fixed(u64::MAX),
        ..Step::new("longest").cgroup(greatest)
    };
    hands_over(step)?;
    Ok(Outcome::pass_because("it ended"))
}

/// Thresholds that any figure meets, against whatever the operator asked for.
pub(crate) fn thresholds() -> Result<Outcome, Error> {
    for bad in NO_NUMBERS {
        let some = Some(bad);
        checks::set(Thresholds {
            not_starved: Some(false),
            isolation: Some(false),
            max_gap: Some(u64::MAX),
            max_spread_percent: some,
            max_throughput_cv: some,
            min_work_rate: some,
            max_p99_wake_latency: Some(u64::MAX),
            max_wake_latency_cv: some,
            min_iteration_rate: some,
            max_migration_ratio: some,
            min_page_locality: some,
            max_cross_node_migration_ratio: some,
            max_slow_tier_ratio: some,
        });
    }
    // The last of them counts: none is a number.
    let none = Some(f64::NAN);
    checks::set(Thresholds {
        max_spread_percent: none,
        max_throughput_cv: none,
        min_work_rate: none,
        max_wake_latency_cv: none,
        min_iteration_rate: none,
        max_migration_ratio: none,
        min_page_locality: none,
        max_cross_node_migration_ratio: none,
        max_slow_tier_ratio: none,
        ..Thresholds::new()
    });
    loaded_step()?.finish()?;
    Ok(Outcome::pass_because("says that it passed"))
}
