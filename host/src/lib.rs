//! Skeleton.

pub mod doctor;
pub mod kernel;
pub mod vm;
