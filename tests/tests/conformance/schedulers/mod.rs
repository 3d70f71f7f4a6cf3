//! Schedulers under test: their lifecycle, their deaths, and what a scenario
//! is told of both.

mod deaths;
mod lifecycle;
mod moments;
mod noticed;
mod refusals;
pub(crate) mod support;
