//! Carries a scenario out: backdrop, steps, ops, holds, teardown.
//!
//! ```text
//!             set-backdrop          begin            hold*
//!  ┌───────┐ ─────────────► ┌──────┐ ─────► ┌──────┐ ─────┐
//!  │ empty │                │ idle │        │ step │ ◄────┘ apply, setup
//!  └───────┘ ─────────────► └──────┘ ◄───── └──────┘
//!      │         begin          │    finish     │ drop, error, trap
//!      └────────────────────────┴───── close ───┘
//!                                       │
//!                     step collected, then backdrop, then one verdict
//! ```
//!
//! One [`Stage`] serves both ways of driving: a whole plan (`execute`) and
//! step by step. It decides everything and touches nothing: effects go through
//! a [`World`](crate::world::World), news through a [`Sink`](crate::sink::Sink).
//! There is one way out for whatever was made (`collect`), so an early return
//! anywhere leaks nothing.
//!
//! What each part does is stated in the conformance list S-01 … S-148.

mod backdrop;
mod collect;
mod confine;
mod crew;
mod error;
mod evidence;
mod findings;
mod groups;
mod hold;
mod interrupts;
mod lifetimes;
mod limits;
mod lints;
mod liveness;
mod moves;
mod obituary;
mod ops;
mod payload_rules;
mod payloads;
mod permits;
mod plan;
mod policy;
mod preflight;
mod preflight_notes;
mod preflight_payloads;
mod preflight_work;
mod refusals;
mod requirements;
mod resolve;
mod roster;
mod scheduler;
mod scheduler_log;
mod scheduler_rules;
mod scheduler_start;
mod settings;
mod setup;
mod slot;
mod stage;
mod start;
mod step;
mod teams;
mod unmet;

pub(crate) use permits::linkable;

pub use crew::swap_work;
pub use error::{Error, Refusal, Result};
pub use requirements::op_bit;
pub use resolve::cpuset as resolve_cpuset;
pub use settings::Settings;
pub use stage::Stage;
pub use step::StepId;
