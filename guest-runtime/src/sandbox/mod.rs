//! A component in a process of its own, for machines that are somebody's.
//!
//! ```text
//!   runtime: the mediator                     the component's process
//!   Stage, worlds, checks   socket, slots     wasmtime, the component's code
//!   broker.rs  ◀────────────── Said ────────  proxy.rs
//!              ──── Start, answers ────────▶  confine.rs: no privileges,
//! ```
//!
//! In a throw-away VM the component runs inside PID 1, where a call costs some
//! ten instructions of ours instead of two switches between processes. On
//! `run --local` a hole in the compiler would be a hole in the user's machine,
//! so there the code runs where nothing can be reached but this socket.
//!
//! What comes out of the socket is hostile even if the component is not
//! supposed to be able to write to it: lengths are bounded, handles are looked
//! up, every call takes the same checks as one from inside. Nothing here
//! decides what a call may do.

mod broker;
#[cfg(feature = "kernel")]
pub(crate) mod calls;
mod channel;
#[cfg(feature = "kernel")]
mod confine;
#[cfg(feature = "kernel")]
mod inside;
mod protocol;
mod proxy;
mod slots;
#[cfg(test)]
mod tests;

pub use broker::Ends;
#[cfg(feature = "kernel")]
pub(crate) use confine::OVERHEAD;
#[cfg(feature = "kernel")]
pub use inside::{arguments, run};
pub(crate) use proxy::Proxy;
pub use slots::memory;
