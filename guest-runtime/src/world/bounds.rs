//! The bounds of the scenario's root, as a world takes them.

/// Bounds on all that is in the scenario's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootBounds {
    /// `pids.max`.
    pub processes: u32,
    /// `memory.max`, in bytes; a world may choose less to have some left.
    pub memory: u64,
}

/// How often the bounds of the scenario's root were hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RootHits {
    /// Processes that could not be started. Before Linux 6.11 those in cgroups
    /// that have a `pids.max` beside them are not counted.
    pub processes: u64,
    /// Times that memory ran out.
    pub memory: u64,
}
