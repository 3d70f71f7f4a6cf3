//! Skeleton.

pub mod vm;
