//! Skeleton.

pub mod kernel;
pub mod vm;
