//! What a scenario needs against what it would get, before anything is booted.

use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::plugin::Needs;
use proscenium_wire::SchedulerSpec;

use crate::vm::topology::Topology;

/// What a scenario would get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Have {
    cpus: u32,
    llcs: u32,
    nodes: u32,
    smt: bool,
    /// There is a scheduler under test.
    scheduler: bool,
    /// In words, such as `topology 1n1l2c1t`.
    place: String,
    /// What to do where it is too small.
    larger: &'static str,
    /// What to do where it has one thread per core.
    threads: &'static str,
    /// What to do where its kernel is too old.
    kernel: &'static str,
    /// What to do where there is no scheduler under test.
    schedulers: &'static str,
}

impl Have {
    /// A VM of this shape.
    pub(super) fn of_vm(topology: Topology) -> Self {
        Self {
            cpus: topology.cpus(),
            llcs: topology.llcs(),
            nodes: topology.nodes(),
            smt: topology.threads() > 1,
            scheduler: false,
            place: format!("topology {topology}"),
            larger: "choose a larger --topology",
            threads: "end it with 2t",
            kernel: "choose another --kernel",
            schedulers: "declare one with --scheduler NAME=PATH",
        }
    }

    /// With these schedulers under test.
    pub(super) fn staging(self, schedulers: &[SchedulerSpec]) -> Self {
        Self {
            scheduler: !schedulers.is_empty(),
            ..self
        }
    }

    /// This machine.
    pub(super) fn of_machine(machine: &Machine) -> Self {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let elsewhere = "run it in a VM, without --local";
        Self {
            cpus: count(machine.cpus.len()),
            llcs: count(machine.llcs.len()),
            nodes: count(machine.nodes.len()),
            smt: machine.has_smt(),
            scheduler: false,
            place: "this machine".to_owned(),
            larger: elsewhere,
            threads: elsewhere,
            kernel: elsewhere,
            schedulers: elsewhere,
        }
    }
}

/// The first need that is not met, in words; none if the scenario makes sense.
/// `kernel`: its release, where one is known.
pub(super) fn unmet(needs: &Needs, have: &Have, kernel: Option<&str>) -> Option<String> {
    let Have { place, larger, .. } = have;
    let fewer = |has: u32, need: u32, what: &str| {
        (has < need).then(|| format!("needs {need} {what}, {place} has {has}: {larger}"))
    };
    fewer(have.cpus, needs.min_cpus, "CPUs")
        .or_else(|| fewer(have.llcs, needs.min_llcs, "last-level caches"))
        .or_else(|| fewer(have.nodes, needs.min_nodes, "NUMA nodes"))
        .or_else(|| {
            (needs.smt && !have.smt).then(|| {
                let threads = have.threads;
                format!("needs cores with two threads, {place} has none: {threads}")
            })
        })
        .or_else(|| {
            (needs.scheduler && !have.scheduler).then(|| {
                let declare = have.schedulers;
                format!("needs a scheduler under test, and there is none: {declare}")
            })
        })
        .or_else(|| {
            let need = needs.min_kernel.as_deref()?;
            let kernel = kernel?;
            let other = have.kernel;
            older(kernel, need)?
                .then(|| format!("needs kernel {need}, this one is {kernel}: {other}"))
        })
}

/// Whether release `have` is older than `need`; none if either is no version.
fn older(have: &str, need: &str) -> Option<bool> {
    Some(version(have)? < version(need)?)
}

/// The numbers that a release begins with: `6.12.5-amd64` is 6, 12, 5.
fn version(release: &str) -> Option<Vec<u32>> {
    let end = release
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(release.len());
    let numbers = release[..end].trim_end_matches('.');
    numbers.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs() -> Needs {
        Needs {
            min_cpus: 1,
            min_llcs: 1,
            min_nodes: 1,
            smt: false,
            scheduler: false,
            min_kernel: None,
        }
    }

    fn unmet_on(topology: &str, needs: &Needs) -> Option<String> {
        let have = Have::of_vm(topology.parse().unwrap());
        unmet(needs, &have, Some("6.1.0-50-amd64"))
    }

    #[test]
    fn each_need_that_is_not_met_is_named() {
        let table = [
            (
                Needs {
                    min_cpus: 3,
                    ..needs()
                },
                "1n1l3c1t",
                "3 CPUs",
            ),
            (
                Needs {
                    min_llcs: 2,
                    ..needs()
                },
                "1n2l1c1t",
                "2 last-level caches",
            ),
            (
                Needs {
                    min_nodes: 2,
                    ..needs()
                },
                "2n2l1c1t",
                "2 NUMA nodes",
            ),
            (
                Needs {
                    smt: true,
                    ..needs()
                },
                "1n1l1c2t",
                "two threads",
            ),
        ];
        for (needs, enough, words) in table {
            let message = unmet_on("1n1l2c1t", &needs).unwrap();
            assert!(message.contains(words), "{message}");
            assert_eq!(unmet_on(enough, &needs), None);
        }
    }

    #[test]
    fn a_scheduler_under_test_is_any_that_was_declared() {
        let needs = Needs {
            scheduler: true,
            ..needs()
        };
        let message = unmet_on("1n1l1c1t", &needs).unwrap();
        assert!(message.contains("--scheduler NAME=PATH"), "{message}");
        let declared = crate::scheduler::from_argument("a=/a").unwrap();
        let have = Have::of_vm("1n1l1c1t".parse().unwrap()).staging(&[declared.spec]);
        assert_eq!(unmet(&needs, &have, None), None);
    }

    #[test]
    fn kernels_compare_by_number_and_not_by_letter() {
        let with = |need: &str| Needs {
            min_kernel: Some(need.to_owned()),
            ..needs()
        };
        assert!(unmet_on("1n1l1c1t", &with("6.12")).is_some());
        assert_eq!(unmet_on("1n1l1c1t", &with("6.1")), None);
        assert_eq!(unmet_on("1n1l1c1t", &with("5.15.3")), None);
    }

    #[test]
    fn a_kernel_whose_release_is_not_known_gets_the_benefit_of_the_doubt() {
        let needs = Needs {
            min_kernel: Some("9.9".into()),
            ..needs()
        };
        let have = Have::of_vm("1n1l1c1t".parse().unwrap());
        assert_eq!(unmet(&needs, &have, Some("bzImage")), None);
        assert_eq!(unmet(&needs, &have, None), None);
    }

    #[test]
    fn a_machine_that_is_too_small_is_not_told_to_choose_another_topology() {
        let needs = Needs {
            min_llcs: 2,
            ..needs()
        };
        let have = Have::of_machine(&Machine::uniform(1, 1, 4, 2));
        let message = unmet(&needs, &have, None).unwrap();
        assert!(message.contains("this machine has 1"), "{message}");
        assert!(message.contains("without --local"), "{message}");
    }
}
