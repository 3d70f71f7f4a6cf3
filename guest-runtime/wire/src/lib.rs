//! What crosses the line between host and guest, and nothing else.
//!
//! ```text
//!   guest runtime ── Event, proscenium.events ──────▶ host
//!                 ◀── Command, proscenium.control ──
//!                 ◀── Job, a file in the image ─────
//!
//!   stream   │ frame │ frame │ frame │ …            as many as there are, no gaps
//!   frame    │ header (16 bytes) │ payload (0 … 4 MiB) │
//!   header   │ "PRSC" │ kind u16 │ check u16 │ length u32 │ crc u32 │
//!   payload  numbers only: a fixed layout; otherwise postcard
//! ```
//!
//! [`encode`] appends one frame to a buffer, so a batch is one buffer;
//! [`Decoder`] takes the stream in pieces of any size. The first frame of each
//! direction is a hello, and [`check_version`] decides on it. The last frame of
//! a guest is [`Event::End`].
//!
//! This crate does no I/O, reads no clock and depends on nothing else of ours.
//! Both sides treat the other's bytes as hostile: every length is bounded
//! before use. A decoded message can be larger than its payload, since a byte
//! can stand for an empty string in a list; the tests hold it to 52 times.
//!
//! # Adding or changing a message
//!
//! 1. Add the variant to [`Event`] or [`Command`]; the compiler leads to the tag
//!    enum in `codec`, where it gets the next free number. Numbers of removed
//!    messages stay reserved.
//! 2. Nothing but numbers: give it a struct in `codec::layout`. Else postcard.
//!    Reordering fields or enum cases changes postcard bytes.
//! 3. Add a sample to `tests/golden.rs` and write its file with
//!    `GOLDEN=write cargo test -p proscenium-wire --test golden`. If a file that
//!    was there changes, raise [`WIRE_VERSION`] and say in the commit what an old
//!    and a new reader make of old and new bytes.
//! 4. Add it to the strategies in `tests/support`.

#![forbid(unsafe_code)]

mod audit;
mod budget;
mod codec;
mod command;
mod decoder;
mod event;
mod finding;
mod frame;
mod grant;
mod hello;
mod job;
mod name;
mod payload;
mod saturate;
mod scheduler;
mod stats;
mod verdict;

pub use audit::{AuditCall, AuditTotals, Decision, FunctionTotal};
pub use budget::{Budget, Unit};
pub use codec::{Corruption, Message};
pub use command::Command;
pub use decoder::{Decoder, Received, Truncated};
pub use event::{
    Event, Hello, LogLevel, LogSource, Mark, Mediation, StepInfo, StepMark, Tasks, TasksReason,
};
pub use finding::{Finding, OpPlace, Severity};
pub use frame::{EncodeError, HEADER_LEN, MAGIC, MAX_PAYLOAD, encode};
pub use grant::{ANY, KernelAccess, Names, OnDenied, Permissions};
pub use hello::{VersionMismatch, WIRE_VERSION, check_version};
pub use job::{
    Job, JobError, Limits, MAX_JOB, SwapValue, SwapWork, Thresholds, WorkerDefaults, decode_job,
    encode_job,
};
pub use name::{MAX_NAME, is_name};
pub use payload::{
    MAX_PAYLOADS, Metric, MetricHint, PayloadCheck, PayloadCheckResult, PayloadExit, PayloadKind,
    PayloadOutput, PayloadRecord, PayloadSpec, Polarity,
};
pub use saturate::WideMark;
pub use scheduler::{
    MAX_SCHEDULER_LOG, MAX_SCHEDULERS, Obituary, SchedulerChange, SchedulerExit, SchedulerNews,
    SchedulerSpec,
};
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
