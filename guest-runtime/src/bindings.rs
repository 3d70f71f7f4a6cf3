//! The contract in Rust: the only place of the runtime with a `bindgen!`.
//!
//! The records and variants generated here are the executor's plan language;
//! nothing else in the runtime describes a cgroup or an op a second time.

#![expect(missing_docs, unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: { default: trappable },
    // One conversion decides what a plugin may see and what ends it.
    trappable_error_type: { "proscenium:scenario/types.error" => crate::executor::Error },
    with: {
        "proscenium:scenario/cgroups.cgroup": crate::interface::cgroups::Handle,
        "proscenium:scenario/payloads.payload": crate::interface::payloads::Handle,
        "proscenium:scenario/stage.step": crate::interface::stage::Handle,
    },
    // Plans cross into the process that mediates, where there is one.
    additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
});

/// The exports of a component that has work of its own, without the imports:
/// in a worker there are none.
pub mod own_work {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "package proscenium:runtime; world own-work { export proscenium:scenario/work@0.1.0; }",
        world: "proscenium:runtime/own-work",
    });

    pub use exports::proscenium::scenario::work::Seat;
}

pub use exports::proscenium::scenario::scenario;
pub use proscenium::scenario::{
    cgroups, checks, clock, log, ops, payloads, scheduler, stage, stimulus, topology, types,
};

/// Sets cross as their bits, for they are no records.
mod flags {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::scenario::Controllers;
    use super::types::MemPolicyFlags;

    macro_rules! as_bits {
        ($type:ident: $($flag:ident),*) => {
            impl Serialize for $type {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let flags = [$(Self::$flag),*].into_iter().enumerate();
                    let set = flags.filter(|(_, flag)| self.contains(*flag));
                    serializer.serialize_u8(set.fold(0, |bits, (at, _)| bits | 1 << at))
                }
            }

            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let bits = u8::deserialize(deserializer)?;
                    let flags = [$(Self::$flag),*].into_iter().enumerate();
                    let set = flags.filter(|(at, _)| bits & (1 << at) != 0);
                    Ok(set.fold(Self::empty(), |set, (_, flag)| set | flag))
                }
            }
        };
    }

    as_bits!(MemPolicyFlags: STATIC_NODES, RELATIVE_NODES, NUMA_BALANCING);
    as_bits!(Controllers: CPUSET, CPU, MEMORY, IO, PIDS);
}
