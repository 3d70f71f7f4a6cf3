//! Narrowing counts to what a [`StepMark`] holds. A count that does not fit
//! reads as the field's maximum, never as a small number.

use std::time::Duration;

use crate::StepMark;

/// A [`StepMark`] before it is narrowed: the executor's own counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WideMark {
    /// Time since the scenario's start; sent in milliseconds, rounded down.
    pub elapsed: Duration,
    /// 0-based index of the step, `None` in the baseline.
    pub step_index: Option<usize>,
    /// Ops that the step declared.
    pub op_count: usize,
    /// Bit *n* is set if op kind *n* is among them.
    pub op_kinds: u64,
    /// Tracked cgroups of step and backdrop.
    pub cgroup_count: usize,
    /// Workers of step and backdrop.
    pub worker_count: usize,
    /// Worker handles of step and backdrop.
    pub handle_count: usize,
    /// Sum of all live iteration counters at this instant.
    pub total_iterations: u64,
}

impl StepMark {
    /// Narrows `wide`. The second half names the fields that did not fit and
    /// now read as their maximum; whoever sends the mark warns about them.
    #[must_use]
    pub fn saturating(wide: &WideMark) -> (Self, Vec<&'static str>) {
        let mut saturated = Vec::new();
        let mut narrow = |field, count: usize| {
            u16::try_from(count).unwrap_or_else(|_| {
                saturated.push(field);
                u16::MAX
            })
        };
        let phase = wide.step_index.map_or(0, |index| index.saturating_add(1));
        let phase = narrow("phase", phase);
        let op_count = narrow("op_count", wide.op_count);
        let cgroup_count = narrow("cgroup_count", wide.cgroup_count);
        let worker_count = narrow("worker_count", wide.worker_count);
        let handle_count = narrow("handle_count", wide.handle_count);
        let elapsed_ms = u32::try_from(wide.elapsed.as_millis()).unwrap_or_else(|_| {
            saturated.push("elapsed_ms");
            u32::MAX
        });
        let mark = Self {
            elapsed_ms,
            phase,
            op_count,
            op_kinds: wide.op_kinds,
            cgroup_count,
            worker_count,
            handle_count,
            total_iterations: wide.total_iterations,
        };
        (mark, saturated)
    }
}
