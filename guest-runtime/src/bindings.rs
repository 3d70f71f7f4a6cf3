//! The contract in Rust: the only `bindgen!` of the runtime.
//!
//! The records and variants generated here are the executor's plan language;
//! nothing else in the runtime describes a cgroup or an op a second time.

#![expect(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::absolute_paths,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    clippy::ptr_as_ptr,
    clippy::semicolon_if_nothing_returned,
    clippy::too_many_lines,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "generated"
)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: { default: trappable },
    // One conversion decides what a plugin may see and what ends it.
    trappable_error_type: { "proscenium:scenario/types.error" => crate::executor::Error },
    with: {
        "proscenium:scenario/cgroups.cgroup": crate::interface::cgroups::Handle,
        "proscenium:scenario/stage.step": crate::interface::stage::Handle,
    },
    additional_derives: [PartialEq],
});

pub use exports::proscenium::scenario::scenario;
pub use proscenium::scenario::{
    cgroups, checks, clock, log, ops, stage, stimulus, topology, types,
};
