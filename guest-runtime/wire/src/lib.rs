//! What crosses the line between host and guest, and nothing else.
//!
//! Two virtio ports carry frames: `proscenium.events` from the guest to the
//! host, `proscenium.control` the other way. A frame is a fixed header
//! ([`frame`]) and one message ([`Event`] or [`Command`]). What the guest is to
//! do arrives as a [`Job`] in the image that it boots from.
//!
//! This crate does no I/O and depends on nothing else of ours. Both sides
//! treat the other's bytes as hostile: every length is bounded before use.

#![forbid(unsafe_code)]

mod command;
mod event;
mod job;
mod stats;
mod verdict;

pub use command::Command;
pub use event::{Event, Hello, LogLevel, LogSource, Mark, Mediation, StepInfo, StepMark};
pub use job::{Job, Limits, Thresholds, WorkerDefaults};
pub use stats::{CgroupStats, CpuTime, PhaseStats};
pub use verdict::{Detail, DetailKind, Outcome, Verdict};

/// Name of the virtio port on which the guest sends [`Event`] frames.
pub const EVENTS_PORT: &str = "proscenium.events";
/// Name of the virtio port on which the host sends [`Command`] frames.
pub const CONTROL_PORT: &str = "proscenium.control";
/// Where the guest finds its [`Job`], in the image's second archive.
pub const JOB_PATH: &str = "/job/job.bin";
/// Where the guest finds the precompiled component.
pub const PLUGIN_PATH: &str = "/job/plugin.cwasm";
