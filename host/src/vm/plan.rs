//! What is to be booted, checked before anything is started.
//!
//! Owns [`BootPlan`] and the limits of the machine that QEMU models. Never
//! opens a file and never starts a process.

use std::path::PathBuf;

use super::accel::Accel;
use super::qemu::Qemu;
use super::topology::Topology;

/// CPUs that QEMU's `pc` machine models at most.
const MAX_PC_CPUS: u32 = 255;
/// Largest APIC id without x2APIC, which QEMU's TCG offers in recent versions only.
const MAX_APIC_ID: u64 = 254;
/// NUMA nodes that QEMU models at most.
const MAX_NODES: u32 = 128;
/// Least memory in MiB with which a distribution kernel and our image come up.
const LEAST_MEMORY_MIB: u64 = 128;

/// A machine with what it boots.
#[derive(Clone, Debug)]
pub struct BootPlan {
    /// The emulator.
    pub qemu: Qemu,
    /// Real virtualisation or emulation; see [`super::accel::choose`].
    pub accel: Accel,
    /// Processors, caches and nodes.
    pub topology: Topology,
    /// Guest memory in MiB; [`Topology::default_memory_mib`] is a good value.
    pub memory_mib: u64,
    /// ELF with a PVH entry, or a bzImage; see [`crate::kernel::boot`].
    pub kernel: PathBuf,
    /// Added to the kernel's command line after our own words, one word each.
    pub kernel_words: Vec<String>,
}

/// Why a machine cannot be built as planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The emulated machine has too few CPU slots.
    #[error(
        "topology {topology} has {cpus} CPUs and QEMU's machine takes {MAX_PC_CPUS}: choose a smaller one"
    )]
    TooManyCpus {
        /// The shape.
        topology: Topology,
        /// Its CPUs.
        cpus: u32,
    },
    /// The shape's APIC ids have holes that push them over eight bits.
    #[error(
        "topology {topology} needs APIC ids up to {highest} and QEMU's machine takes {MAX_APIC_ID}: each count takes whole bits, so choose powers of two or smaller counts"
    )]
    ApicIds {
        /// The shape.
        topology: Topology,
        /// The largest id that it needs.
        highest: u64,
    },
    /// More nodes than QEMU models.
    #[error("topology {topology} has more than the {MAX_NODES} nodes that QEMU takes")]
    TooManyNodes {
        /// The shape.
        topology: Topology,
    },
    /// Too little memory to come up, or to give each node some.
    #[error(
        "{memory_mib} MiB of guest memory are too little for {topology}: give it at least {least} MiB"
    )]
    Memory {
        /// The shape.
        topology: Topology,
        /// What was asked for.
        memory_mib: u64,
        /// What it takes.
        least: u64,
    },
    /// A word for the command line that is none, or would end ours.
    #[error(
        "{word:?} is not one word for the kernel's command line: it must be printable ASCII without spaces"
    )]
    KernelWord {
        /// The word, shortened.
        word: String,
    },
}

impl BootPlan {
    /// Checks the plan against what the emulated machine can be.
    ///
    /// # Errors
    ///
    /// The first limit that the plan exceeds.
    pub fn check(&self) -> Result<(), PlanError> {
        check_machine(self.topology, self.memory_mib)?;
        for word in &self.kernel_words {
            if word.is_empty() || word.len() > 256 || !word.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(PlanError::KernelWord {
                    word: word.chars().take(40).collect(),
                });
            }
        }
        Ok(())
    }
}

/// Checks a shape with `memory_mib` MiB against QEMU's limits, without a whole plan.
///
/// # Errors
///
/// The first limit that is exceeded.
pub fn check_machine(topology: Topology, memory_mib: u64) -> Result<(), PlanError> {
    if topology.nodes() > MAX_NODES {
        return Err(PlanError::TooManyNodes { topology });
    }
    let cpus = topology.cpus();
    if cpus > MAX_PC_CPUS {
        return Err(PlanError::TooManyCpus { topology, cpus });
    }
    let highest = topology.highest_apic_id();
    if highest > MAX_APIC_ID {
        return Err(PlanError::ApicIds { topology, highest });
    }
    let least = LEAST_MEMORY_MIB.max(u64::from(topology.nodes()) * 64);
    if memory_mib < least {
        return Err(PlanError::Memory {
            topology,
            memory_mib,
            least,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(topology: &str) -> Result<(), PlanError> {
        let topology: Topology = topology.parse().unwrap();
        check_machine(topology, topology.default_memory_mib())
    }

    #[test]
    fn ordinary_shapes_pass() {
        for text in ["1n1l1c1t", "1n2l4c1t", "2n4l2c2t", "240cpu-15llc"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn shapes_beyond_the_emulated_machine_say_which_limit() {
        assert!(matches!(
            check("1n1l256c1t"),
            Err(PlanError::TooManyCpus { cpus: 256, .. })
        ));
        assert!(matches!(
            check("252cpu-14llc-smt"),
            Err(PlanError::ApicIds { highest: 433, .. })
        ));
        assert!(matches!(
            check("200n200l1c1t"),
            Err(PlanError::TooManyNodes { .. })
        ));
    }

    #[test]
    fn memory_must_reach_every_node() {
        let topology: Topology = "4n4l1c1t".parse().unwrap();
        assert!(matches!(
            check_machine(topology, 255),
            Err(PlanError::Memory { least: 256, .. })
        ));
    }
}
