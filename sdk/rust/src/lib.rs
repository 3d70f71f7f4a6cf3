//! The crate's own page is its README, whose examples are tests.

#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

#[expect(missing_docs, reason = "generated")]
pub mod bindings;

pub mod cgroup_def;
pub mod checks;
pub mod clock;
pub mod context;
pub mod cpuset;
pub mod error;
pub mod live;
pub mod log;
pub mod manifest;
pub mod ops;
pub mod outcome;
pub mod payloads;
pub mod plan;
pub mod prelude;
pub mod request;
pub mod scenario;
pub mod scheduler;
pub mod stimulus;
pub mod time;
pub mod topology;
pub mod work;
pub mod work_spec;
pub mod worker;

/// The contract's plain data, under the contract's names.
pub use bindings::proscenium::scenario::types;
pub use cgroup_def::CgroupDef;
pub use context::Context;
pub use error::{Error, ErrorCode};
pub use manifest::Manifest;
pub use outcome::{Outcome, Verdict};
pub use plan::{Backdrop, Plan, Step};
pub use scenario::Scenario;
pub use work_spec::WorkSpec;
pub use worker::{Seat, Worker};
