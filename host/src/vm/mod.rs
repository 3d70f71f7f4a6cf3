//! The life of a virtual machine.
//!
//! ```text
//!  Topology ─┐
//!  Qemu ─────┤                      events  ──► frames
//!  Choice ───┼─► BootPlan ─► Vm ──► console ──► ConsoleTail
//!  kernel ───┘       ▲        │     control ◄── frames
//!  initramfs ────────┘        └──► pidfd ─────► VmExit
//! ```
//!
//! Everything before [`process::Vm`] is plain data. A `Vm` owns its process and
//! its descriptors: dropping it kills and reaps QEMU, and nothing is left on
//! disk, because the image and the channels are anonymous descriptors. One loop
//! of the session joins the descriptors; no thread runs here.

pub mod accel;
mod archive;
pub mod args;
mod binaries;
pub mod console;
pub mod initramfs;
pub mod plan;
pub mod probe;
pub mod process;
mod program;
pub mod qemu;
pub mod topology;
pub mod tsc;
