//! One slot as typed references: what the worker writes and the runtime reads.

use std::sync::atomic::AtomicU64;

use super::layout::{Geometry, Slice, Slot};
use super::map::Mapping;

/// One worker's part of the arena.
#[derive(Debug)]
pub struct SlotView<'a> {
    /// The fixed part.
    pub slot: &'a Slot,
    /// Wake samples of the run.
    pub wake: &'a [AtomicU64],
    /// The ring of slices, each with its wake samples; at least two.
    pub slices: Vec<(&'a Slice, &'a [AtomicU64])>,
}

impl<'a> SlotView<'a> {
    pub(super) fn new(mapping: &'a Mapping, geometry: &Geometry, worker: usize) -> Option<Self> {
        if worker >= geometry.workers {
            return None;
        }
        let slice = |index| {
            let offset = geometry.slice(worker, index);
            let samples = offset + size_of::<Slice>();
            Some((
                mapping.one(offset)?,
                mapping.many(samples, geometry.slice_wake_capacity)?,
            ))
        };
        Some(Self {
            slot: mapping.one(geometry.slot(worker))?,
            wake: mapping.many(geometry.wake(worker), geometry.wake_capacity)?,
            slices: (0..geometry.slices).map(slice).collect::<Option<_>>()?,
        })
    }
}
