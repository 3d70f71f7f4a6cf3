//! The shape of the guest's processors, as a user writes it.
//!
//! Owns the notation `NnNlNcNt` (nodes, last-level caches in all, cores per
//! cache, threads per core), the named presets and the numbers that follow
//! from them. Never knows which emulator will show the shape to a kernel: what
//! QEMU can take is checked in [`super::plan`].

use std::fmt;
use std::str::FromStr;

/// Most CPUs that the notation accepts. Emulators take fewer.
pub const MAX_CPUS: u32 = 1024;

/// Least guest memory in MiB, whatever the shape.
const MIN_MEMORY_MIB: u64 = 256;
/// Guest memory in MiB for each CPU.
const MEMORY_MIB_PER_CPU: u64 = 64;

/// Nodes, last-level caches, cores and threads of a uniform machine.
///
/// Every node holds the same number of caches and every cache the same number
/// of cores. CPUs are numbered cache by cache, core by core, thread by thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Topology {
    nodes: u32,
    llcs: u32,
    cores: u32,
    threads: u32,
}

/// Why a shape was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// Neither the notation nor a preset's name.
    #[error(
        "{text:?} is not a topology: write nodes, caches in all, cores per cache and threads as in 1n2l4c1t, or name a preset such as 8cpu-2llc-smt"
    )]
    Syntax {
        /// What was written, shortened.
        text: String,
    },
    /// A count of zero.
    #[error("a topology needs at least one of its {part}")]
    Zero {
        /// Which of the four counts.
        part: &'static str,
    },
    /// A count that does not fit into 32 bits.
    #[error("the number of {part} is too large")]
    Overflow {
        /// Which of the four counts.
        part: &'static str,
    },
    /// The caches cannot be spread evenly.
    #[error(
        "{llcs} caches cannot be spread evenly over {nodes} nodes: the second number counts caches in all, so make it a multiple of {nodes}"
    )]
    Uneven {
        /// Last-level caches in all.
        llcs: u32,
        /// NUMA nodes.
        nodes: u32,
    },
    /// More CPUs than [`MAX_CPUS`].
    #[error("{cpus} CPUs are more than the {MAX_CPUS} that are supported")]
    TooManyCpus {
        /// CPUs that the four counts multiply to.
        cpus: u128,
    },
}

/// Named shapes: name, nodes, caches in all, cores per cache, threads.
const PRESETS: &[(&str, u32, u32, u32, u32)] = &[
    ("4cpu-1llc", 1, 1, 4, 1),
    ("4cpu-2llc", 1, 2, 2, 1),
    ("9cpu-3llc", 1, 3, 3, 1),
    ("15cpu-5llc", 1, 5, 3, 1),
    ("14cpu-7llc", 1, 7, 2, 1),
    ("8cpu-2llc-smt", 1, 2, 2, 2),
    ("12cpu-3llc-smt", 1, 3, 2, 2),
    ("32cpu-4llc-smt", 1, 4, 4, 2),
    ("64cpu-8llc-smt", 1, 8, 4, 2),
    ("128cpu-4llc-smt", 1, 4, 16, 2),
    ("128cpu-8llc-smt", 1, 8, 8, 2),
    ("240cpu-15llc-smt", 1, 15, 8, 2),
    ("252cpu-14llc-smt", 1, 14, 9, 2),
    ("32cpu-4llc", 1, 4, 8, 1),
    ("64cpu-8llc", 1, 8, 8, 1),
    ("128cpu-4llc", 1, 4, 32, 1),
    ("128cpu-8llc", 1, 8, 16, 1),
    ("240cpu-15llc", 1, 15, 16, 1),
    ("252cpu-14llc", 1, 14, 18, 1),
    ("2numa-32cpu-2llc-smt", 2, 2, 8, 2),
    ("2numa-16cpu-4llc", 2, 4, 4, 1),
    ("2numa-128cpu-8llc-smt", 2, 8, 8, 2),
    ("2numa-128cpu-8llc", 2, 8, 16, 1),
    ("4numa-32cpu-8llc", 4, 8, 4, 1),
    ("4numa-192cpu-12llc-smt", 4, 12, 8, 2),
];

impl Topology {
    /// A shape from its four counts: `nodes`, `llcs` in all, `cores` per cache, `threads` per core.
    ///
    /// # Errors
    ///
    /// When a count is zero, the caches do not spread evenly over the nodes, or
    /// there are more than [`MAX_CPUS`] CPUs.
    pub fn new(nodes: u32, llcs: u32, cores: u32, threads: u32) -> Result<Self, TopologyError> {
        for (part, count) in [
            ("nodes", nodes),
            ("caches", llcs),
            ("cores", cores),
            ("threads", threads),
        ] {
            if count == 0 {
                return Err(TopologyError::Zero { part });
            }
        }
        if !llcs.is_multiple_of(nodes) {
            return Err(TopologyError::Uneven { llcs, nodes });
        }
        let cpus = u128::from(llcs) * u128::from(cores) * u128::from(threads);
        if cpus > u128::from(MAX_CPUS) {
            return Err(TopologyError::TooManyCpus { cpus });
        }
        Ok(Self {
            nodes,
            llcs,
            cores,
            threads,
        })
    }

    /// Names of the presets, in the order in which help lists them.
    pub fn preset_names() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|preset| preset.0)
    }

    /// The presets: name and shape, in the order of [`Self::preset_names`].
    pub fn presets() -> impl Iterator<Item = (&'static str, Self)> {
        PRESETS.iter().map(|&(name, nodes, llcs, cores, threads)| {
            let shape = Self {
                nodes,
                llcs,
                cores,
                threads,
            };
            (name, shape)
        })
    }

    /// NUMA nodes.
    #[must_use]
    pub const fn nodes(self) -> u32 {
        self.nodes
    }

    /// Last-level caches in all.
    #[must_use]
    pub const fn llcs(self) -> u32 {
        self.llcs
    }

    /// Last-level caches in one node.
    #[must_use]
    pub const fn llcs_per_node(self) -> u32 {
        self.llcs / self.nodes
    }

    /// Cores that share one last-level cache.
    #[must_use]
    pub const fn cores(self) -> u32 {
        self.cores
    }

    /// Hardware threads of one core.
    #[must_use]
    pub const fn threads(self) -> u32 {
        self.threads
    }

    /// CPUs in all, 1 to [`MAX_CPUS`].
    #[must_use]
    pub const fn cpus(self) -> u32 {
        self.llcs * self.cores * self.threads
    }

    /// Memory in MiB that a guest of this shape gets unless told otherwise:
    /// 64 MiB for each CPU, at least 256 MiB, at least 64 MiB in each node.
    #[must_use]
    pub fn default_memory_mib(self) -> u64 {
        (u64::from(self.cpus()) * MEMORY_MIB_PER_CPU).max(MIN_MEMORY_MIB)
    }

    /// Largest APIC id in the shape. x86 gives threads, cores, caches and
    /// nodes a bit field each, so counts that are no powers of two leave holes.
    #[must_use]
    pub fn highest_apic_id(self) -> u64 {
        let mut id = 0_u64;
        for count in [self.nodes, self.llcs_per_node(), self.cores, self.threads] {
            let width = u32::BITS - (count - 1).leading_zeros();
            id = (id << width) | u64::from(count - 1);
        }
        id
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}n{}l{}c{}t",
            self.nodes, self.llcs, self.cores, self.threads
        )
    }
}

impl FromStr for Topology {
    type Err = TopologyError;

    fn from_str(text: &str) -> Result<Self, TopologyError> {
        if let Some((_, preset)) = Self::presets().find(|(name, _)| *name == text) {
            return Ok(preset);
        }
        let mut rest = text;
        let mut counts = [0_u32; 4];
        let parts = [
            ('n', "nodes"),
            ('l', "caches"),
            ('c', "cores"),
            ('t', "threads"),
        ];
        for (count, (letter, part)) in counts.iter_mut().zip(parts) {
            let (digits, after) = rest.split_once(letter).ok_or_else(|| syntax(text))?;
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(syntax(text));
            }
            *count = digits
                .parse()
                .map_err(|_| TopologyError::Overflow { part })?;
            rest = after;
        }
        if !rest.is_empty() {
            return Err(syntax(text));
        }
        let [nodes, llcs, cores, threads] = counts;
        Self::new(nodes, llcs, cores, threads)
    }
}

/// The text goes into a message, so it is cut to what fits on a line.
fn syntax(text: &str) -> TopologyError {
    TopologyError::Syntax {
        text: text.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Topology, TopologyError> {
        text.parse()
    }

    #[test]
    fn the_four_counts_come_back_as_written() {
        let topology = parse("2n4l2c2t").unwrap();
        assert_eq!((topology.nodes(), topology.llcs()), (2, 4));
        assert_eq!((topology.cores(), topology.threads()), (2, 2));
        assert_eq!(topology.llcs_per_node(), 2);
        assert_eq!(topology.cpus(), 16);
        assert_eq!(topology.to_string(), "2n4l2c2t");
    }

    #[test]
    fn each_preset_has_the_cpus_that_its_name_says() {
        for name in Topology::preset_names() {
            let topology = parse(name).unwrap();
            let cpus = name.split('-').find_map(|w| w.strip_suffix("cpu")).unwrap();
            let llcs = name.split('-').find_map(|w| w.strip_suffix("llc")).unwrap();
            assert_eq!(topology.cpus().to_string(), cpus, "{name}");
            assert_eq!(topology.llcs().to_string(), llcs, "{name}");
            assert_eq!(topology.threads() == 2, name.ends_with("-smt"), "{name}");
        }
    }

    #[test]
    fn a_zero_names_the_count_that_is_zero() {
        for (text, part) in [
            ("0n1l1c1t", "nodes"),
            ("1n0l1c1t", "caches"),
            ("1n1l0c1t", "cores"),
            ("1n1l1c0t", "threads"),
        ] {
            assert_eq!(parse(text), Err(TopologyError::Zero { part }));
        }
    }

    #[test]
    fn caches_that_do_not_divide_by_the_nodes_are_refused() {
        assert_eq!(
            parse("2n3l1c1t"),
            Err(TopologyError::Uneven { llcs: 3, nodes: 2 })
        );
    }

    #[test]
    fn large_counts_are_refused_without_overflow() {
        assert_eq!(
            parse("1n1025l1c1t"),
            Err(TopologyError::TooManyCpus { cpus: 1025 })
        );
        assert!(matches!(
            parse("1n4294967295l4294967295c4294967295t"),
            Err(TopologyError::TooManyCpus { .. })
        ));
        assert_eq!(
            parse("1n1l99999999999c1t"),
            Err(TopologyError::Overflow { part: "cores" })
        );
    }

    #[test]
    fn garbage_is_refused_and_shortened() {
        for text in [
            "",
            "1n",
            "1n2l",
            "1n2l3c",
            "1n2l3c4",
            "1n2l3c4tx",
            "+1n1l1c1t",
            "1n 1l1c1t",
            "n1l1c1t",
        ] {
            assert!(
                matches!(parse(text), Err(TopologyError::Syntax { .. })),
                "{text:?}"
            );
        }
        let Err(TopologyError::Syntax { text }) = parse(&"x".repeat(10_000)) else {
            panic!("a long text must be a syntax error");
        };
        assert_eq!(text.len(), 40);
    }

    #[test]
    fn memory_grows_with_the_cpus_from_a_floor() {
        assert_eq!(parse("1n1l1c1t").unwrap().default_memory_mib(), 256);
        assert_eq!(parse("1n4l4c1t").unwrap().default_memory_mib(), 1024);
    }

    #[test]
    fn apic_ids_leave_holes_where_a_count_is_no_power_of_two() {
        assert_eq!(parse("1n2l4c1t").unwrap().highest_apic_id(), 7);
        // Nine cores take four bits, fourteen caches take four, threads one.
        assert_eq!(parse("252cpu-14llc-smt").unwrap().highest_apic_id(), 433);
    }

    proptest! {
        #[test]
        fn what_is_displayed_parses_to_the_same(nodes in 1..4_u32, per_node in 1..4_u32, cores in 1..9_u32, threads in 1..3_u32) {
            let topology = Topology::new(nodes, nodes * per_node, cores, threads).unwrap();
            prop_assert_eq!(topology.to_string().parse::<Topology>().unwrap(), topology);
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = text.parse::<Topology>();
        }
    }
}
