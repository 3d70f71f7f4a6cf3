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
    additional_derives: [PartialEq],
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
