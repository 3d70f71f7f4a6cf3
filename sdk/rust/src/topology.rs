//! The machine. Capability: `topology`. Looks, changes nothing.

use crate::bindings::proscenium::scenario::topology;
pub use crate::bindings::proscenium::scenario::topology::{Core, Llc, Machine};
use crate::error::Error;
use crate::types::{Cpu, CpusetSpec};

/// Every CPU, cache, core and node.
#[must_use]
pub fn discover() -> Machine {
    topology::discover()
}

/// The CPUs that a specification means on this machine. May be empty.
///
/// # Errors
///
/// `invalid` where the same set would be refused for a cgroup.
pub fn resolve(spec: &CpusetSpec) -> Result<Vec<Cpu>, Error> {
    topology::resolve(spec)
}
