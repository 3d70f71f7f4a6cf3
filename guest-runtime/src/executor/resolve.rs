//! From what a scenario says (a share, a cache, a pair of siblings) to CPU
//! numbers, against one machine. Pure.

use crate::bindings::types::{Affinity, CpusetSpec, Overlap, Partition};
use crate::cpuset::CpuSet;
use crate::executor::{Error, Result};
use crate::machine::Machine;

/// CPUs that `spec` means on `machine`. May be empty, for example for a narrow
/// range on a small machine; whether that is an error is the caller's affair.
///
/// # Errors
/// `invalid`, naming the value and what exists, for everything that section
/// 2.4 of the semantics lists.
pub fn cpuset(spec: &CpusetSpec, machine: &Machine) -> Result<CpuSet> {
    let usable = machine.usable();
    match spec {
        CpusetSpec::Llc(index) => usize::try_from(*index)
            .ok()
            .and_then(|index| machine.llcs.get(index))
            .map(|llc| llc.cpus.clone())
            .ok_or_else(|| {
                Error::invalid(format!(
                    "llc({index}) does not exist: the machine has {} last-level caches, numbered from 0",
                    machine.llcs.len()
                ))
                .remedy("take a larger topology, or another cache")
            }),
        CpusetSpec::Numa(node) => node_cpus(*node, machine),
        CpusetSpec::Range(range) => {
            let (start, end) = (range.start, range.end);
            let inside = |x: f64| x.is_finite() && (0.0..=1.0).contains(&x);
            if !inside(start) || !inside(end) || start >= end {
                return Err(Error::invalid(format!(
                    "range({start}, {end}) is not a range: both ends lie from 0 to 1, the first below the second"
                )));
            }
            let n = usable.len();
            Ok(CpuSet::from(&usable[truncated(n, start)..truncated(n, end)]))
        }
        CpusetSpec::Disjoint(Partition { index, of }) => {
            let (start, end) = part(*index, *of, usable.len())?;
            Ok(CpuSet::from(&usable[start..end]))
        }
        CpusetSpec::Overlap(Overlap { index, of, fraction }) => {
            let n = usable.len();
            let (start, end) = part(*index, *of, n)?;
            if !fraction.is_finite() || !(0.0..=1.0).contains(fraction) {
                return Err(Error::invalid(format!(
                    "overlap fraction {fraction} is out of range: 0 to 1"
                )));
            }
            let reach = truncated(n / *of as usize, *fraction);
            let start = start.saturating_sub(if *index == 0 { 0 } else { reach });
            Ok(CpuSet::from(&usable[start..(end + reach).min(n)]))
        }
        CpusetSpec::Exact(cpus) => exact(cpus, machine),
    }
}

/// CPUs of the last-level caches of a node, by its id.
fn node_cpus(node: u32, machine: &Machine) -> Result<CpuSet> {
    if !machine.nodes.contains(&node) {
        return Err(Error::invalid(format!(
            "numa({node}) does not exist: the machine has the nodes {:?}",
            machine.nodes
        )));
    }
    let mut cpus = CpuSet::new();
    for llc in machine.llcs.iter().filter(|llc| llc.node == node) {
        cpus.extend(&llc.cpus);
    }
    Ok(cpus)
}

/// What of `cpus` is on a node.
///
/// # Errors
/// `invalid` for a node that does not exist, and where nothing is left.
pub(super) fn on_node(node: u32, cpus: &CpuSet, machine: &Machine) -> Result<CpuSet> {
    let left = node_cpus(node, machine)?.intersection(cpus);
    if left.is_empty() {
        return Err(Error::invalid(format!(
            "numa-node {node} has no CPU in common with {cpus}, where the worker may run"
        )));
    }
    Ok(left)
}

/// A specification as a message shows it. `exact` is not shown in full: its
/// list is the author's, of any length.
pub(super) fn words(spec: &CpusetSpec) -> String {
    match spec {
        CpusetSpec::Llc(index) => format!("llc({index})"),
        CpusetSpec::Numa(node) => format!("numa({node})"),
        CpusetSpec::Range(range) => format!("range({}, {})", range.start, range.end),
        CpusetSpec::Disjoint(part) => format!("disjoint({} of {})", part.index, part.of),
        CpusetSpec::Overlap(part) => {
            format!("overlap({} of {}, {})", part.index, part.of, part.fraction)
        }
        CpusetSpec::Exact(cpus) => format!("exact({} CPUs)", cpus.len()),
    }
}

/// Start and end of part `index` of `of` over `n` CPUs; the last takes the rest.
fn part(index: u32, of: u32, n: usize) -> Result<(usize, usize)> {
    if of == 0 || index >= of {
        return Err(Error::invalid(format!(
            "part {index} of {of} does not exist: parts are numbered from 0 to one less than their number"
        )));
    }
    let (index, of) = (index as usize, of as usize);
    if n < of {
        return Err(Error::invalid(format!(
            "not enough usable CPUs: {of} parts need at least {of}, the machine has {n}"
        ))
        .remedy("take a larger topology, or fewer parts"));
    }
    let chunk = n / of;
    let end = if index + 1 == of {
        n
    } else {
        (index + 1) * chunk
    };
    Ok((index * chunk, end))
}

fn exact(cpus: &[u32], machine: &Machine) -> Result<CpuSet> {
    let wanted = CpuSet::from(cpus);
    if wanted.is_empty() {
        return Err(Error::invalid("exact() needs at least one CPU"));
    }
    let missing = wanted.difference(&machine.cpus);
    if !missing.is_empty() {
        return Err(Error::invalid(format!(
            "CPUs {missing} do not exist: the machine has {}, the highest is {}",
            machine.cpus,
            machine.cpus.last().unwrap_or(0)
        ))
        .remedy("take a larger topology, or other CPUs"));
    }
    Ok(wanted)
}

/// `n · share`, rounded toward zero, for a share within 0 to 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "n is a number of CPUs and the share was checked to lie from 0 to 1"
)]
fn truncated(n: usize, share: f64) -> usize {
    ((n as f64) * share) as usize
}

/// CPUs to which a worker is pinned, or `None` for no pinning. `pool` is the
/// cpuset of its cgroup, or all CPUs.
///
/// # Errors
/// `invalid` where the result would be empty, naming both sets.
pub(super) fn affinity(
    affinity: &Affinity,
    pool: &CpuSet,
    machine: &Machine,
    random: &mut fastrand::Rng,
) -> Result<Option<CpuSet>> {
    let within_pool = |cpus: &[u32], what: &str| {
        let set = CpuSet::from(cpus).intersection(pool);
        if set.is_empty() {
            return Err(Error::invalid(format!(
                "affinity {what}({}) has no CPU in common with {pool}, the cpuset in force",
                CpuSet::from(cpus)
            )));
        }
        Ok(set)
    };
    Ok(Some(match affinity {
        Affinity::Inherit => return Ok(None),
        Affinity::RandomSubset(subset) => {
            if subset.count == 0 {
                return Err(Error::invalid(
                    "affinity random-subset needs a count of at least 1",
                ));
            }
            let from: Vec<u32> = within_pool(&subset.from, "random-subset")?.iter().collect();
            let count = from.len().min(subset.count as usize);
            random
                .choose_multiple(from.iter(), count)
                .into_iter()
                .copied()
                .collect()
        }
        Affinity::LlcAligned => machine
            .llcs
            .iter()
            .map(|llc| llc.cpus.intersection(pool))
            // The first of equals wins, so the comparison is on length alone, reversed.
            .rev()
            .max_by_key(CpuSet::len)
            .filter(|set| !set.is_empty())
            .ok_or_else(|| Error::invalid(format!("no last-level cache has a CPU in {pool}")))?,
        Affinity::CrossCgroup => machine.cpus.clone(),
        Affinity::SingleCpu => pool
            .first()
            .map(|cpu| CpuSet::from([cpu].as_slice()))
            .ok_or_else(|| Error::invalid("affinity single-cpu in an empty cpuset"))?,
        Affinity::Exact(cpus) => {
            if cpus.is_empty() {
                return Err(Error::invalid("affinity exact() needs at least one CPU"));
            }
            within_pool(cpus, "exact")?
        }
        Affinity::SmtSiblings => machine
            .cores
            .iter()
            .map(|core| core.cpus.intersection(pool))
            .find(|siblings| siblings.len() >= 2)
            .map(|siblings| siblings.iter().take(2).collect())
            .ok_or_else(|| Error::invalid(format!("no core has two hardware threads in {pool}")))?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::types::{FractionRange, RandomSubset};

    fn eight() -> Machine {
        Machine::uniform(2, 2, 2, 2)
    }

    fn text(spec: &CpusetSpec) -> String {
        cpuset(spec, &eight()).map_or_else(|e| e.to_string(), |set| set.to_string())
    }

    #[test]
    fn shares_divide_the_usable_cpus_and_the_last_takes_the_rest() {
        let part = |index, of| text(&CpusetSpec::Disjoint(Partition { index, of }));
        assert_eq!([part(0, 2), part(1, 2)], ["0-2", "3-6"]);
        let range = |start, end| text(&CpusetSpec::Range(FractionRange { start, end }));
        assert_eq!(
            [range(0.0, 0.5), range(0.5, 1.0), range(0.0, 0.1)],
            ["0-2", "3-6", ""]
        );
    }

    #[test]
    fn neighbours_reach_into_each_other() {
        let overlap = |index| {
            text(&CpusetSpec::Overlap(Overlap {
                index,
                of: 2,
                fraction: 0.5,
            }))
        };
        assert_eq!([overlap(0), overlap(1)], ["0-3", "2-6"]);
    }

    #[test]
    fn whole_domains_include_the_reserved_cpu() {
        assert_eq!(text(&CpusetSpec::Llc(1)), "4-7");
        assert_eq!(text(&CpusetSpec::Numa(0)), "0-3");
        assert_eq!(text(&CpusetSpec::Exact(vec![7, 1])), "1,7");
    }

    #[test]
    fn refusals_name_the_value_and_what_exists() {
        for (spec, words) in [
            (CpusetSpec::Llc(9), ["llc(9)", "2 last-level"]),
            (CpusetSpec::Numa(5), ["numa(5)", "{0, 1}"]),
            (CpusetSpec::Exact(vec![]), ["exact", "at least one"]),
            (CpusetSpec::Exact(vec![1, 99]), ["99", "highest is 7"]),
            (
                CpusetSpec::Disjoint(Partition { index: 2, of: 2 }),
                ["2 of 2", "from 0"],
            ),
            (
                CpusetSpec::Disjoint(Partition { index: 0, of: 0 }),
                ["0 of 0", "from 0"],
            ),
            (
                CpusetSpec::Disjoint(Partition { index: 0, of: 8 }),
                ["8 parts", "has 7"],
            ),
            (
                CpusetSpec::Range(FractionRange {
                    start: f64::NAN,
                    end: 1.0,
                }),
                ["NaN", "0 to 1"],
            ),
            (
                CpusetSpec::Range(FractionRange {
                    start: 0.5,
                    end: 0.5,
                }),
                ["0.5", "below"],
            ),
            (
                CpusetSpec::Overlap(Overlap {
                    index: 0,
                    of: 2,
                    fraction: f64::INFINITY,
                }),
                ["inf", "0 to 1"],
            ),
        ] {
            let message = text(&spec);
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
    }

    #[test]
    fn affinities_stay_in_the_pool() {
        let machine = eight();
        let pool: CpuSet = "2-5".parse().unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        let mut of = |a| affinity(&a, &pool, &machine, &mut random);
        assert_eq!(of(Affinity::Inherit).unwrap(), None);
        assert_eq!(of(Affinity::SingleCpu).unwrap().unwrap().to_string(), "2");
        assert_eq!(
            of(Affinity::LlcAligned).unwrap().unwrap().to_string(),
            "2-3"
        );
        assert_eq!(
            of(Affinity::SmtSiblings).unwrap().unwrap().to_string(),
            "2-3"
        );
        assert_eq!(
            of(Affinity::CrossCgroup).unwrap().unwrap().to_string(),
            "0-7"
        );
        assert_eq!(
            of(Affinity::Exact(vec![0, 5]))
                .unwrap()
                .unwrap()
                .to_string(),
            "5"
        );
        let drawn = of(Affinity::RandomSubset(RandomSubset {
            from: vec![0, 3, 4, 5],
            count: 2,
        }));
        let drawn = drawn.unwrap().unwrap();
        assert_eq!(drawn.len(), 2);
        assert!(drawn.is_subset(&pool));
        for empty in [
            Affinity::Exact(vec![]),
            Affinity::Exact(vec![7]),
            Affinity::RandomSubset(RandomSubset {
                from: vec![7],
                count: 1,
            }),
            Affinity::RandomSubset(RandomSubset {
                from: vec![3],
                count: 0,
            }),
        ] {
            assert!(of(empty).is_err());
        }
    }
}
