//! Kernels: what they are, what they can do, where they come from.
//!
//! ```text
//!  mirror ─ fetch ─► cache ─┐
//!  a path, a name ──────────┴─ store::discover ─► Kernel ─ boot::prepare ─► Bootable
//!                                                            │ config: has it what we need?
//!                                                            │ modules: what must be loaded?
//!                                                            └ image: ELF inside the bzImage
//! ```
//!
//! Only [`fetch`] touches the network, and only when a user asks for it.

pub mod apt;
pub mod boot;
pub mod cache;
pub mod config;
pub mod decompress;
pub mod fetch;
pub mod image;
pub mod modules;
pub mod sources;
pub mod spec;
pub mod store;
